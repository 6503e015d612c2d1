// Chance that a seed repeats. mulberry32, as published by Tommy Ettinger in 2017.
export type Chance = {
  /** A whole number from the first to the last, both among them. */
  between(first: number, last: number): number
  oneOf<T>(members: readonly T[]): T
  happens(probability: number): boolean
}

export function createChance(seed: number): Chance {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (first: number, last: number): number => first + Math.floor(next() * (last - first + 1))
  return { between, oneOf: members => members[between(0, members.length - 1)]!, happens: p => next() < p }
}
