// The ids a customer's events had, so that a producer's repeat is known: of the last 24 hours by the journal's clock, the
// newest 32. Numbers in pairs, newest first: second it was journalled, hash of its id. A function of the set of events.

export type Remembered = readonly number[]

const mostIds = 32
const rememberedSeconds = 24 * 3_600

export const nothingRemembered: Remembered = []

export const secondOf = (journalledAt: number): number => Math.floor(journalledAt / 1_000)

/** Whether an event of this id was journalled within 24 hours, as far as 32 ids reach. */
export function isRemembered(remembered: Remembered, id: number, journalledAt: number): boolean {
  for (let i = 1; i < remembered.length; i += 2)
    if (remembered[i] === id && Math.abs(secondOf(journalledAt) - remembered[i - 1]!) <= rememberedSeconds) return true
  return false
}

export const remember = (remembered: Remembered, id: number, journalledAt: number): Remembered =>
  insert(remembered, secondOf(journalledAt), id)

export function mergeRemembered(left: Remembered, right: Remembered): Remembered {
  let merged = left
  for (let i = 0; i < right.length; i += 2) merged = insert(merged, right[i]!, right[i + 1]!)
  return merged
}

function insert(remembered: Remembered, second: number, id: number): Remembered {
  const newest = remembered.length === 0 || second > remembered[0]! ? second : remembered[0]!
  const oldest = newest - rememberedSeconds
  if (second < oldest) return remembered
  const kept: number[] = []
  let placed = false
  for (let i = 0; i < remembered.length && kept.length < 2 * mostIds; i += 2) {
    const otherSecond = remembered[i]!
    const otherId = remembered[i + 1]!
    if (!placed && (second > otherSecond || (second === otherSecond && id >= otherId))) {
      kept.push(second, id)
      placed = true
      if (kept.length === 2 * mostIds) break
    }
    if (otherSecond < oldest) break
    if (otherId !== id) kept.push(otherSecond, otherId)
    else if (!placed) return remembered
  }
  if (!placed && kept.length < 2 * mostIds) kept.push(second, id)
  return kept
}
