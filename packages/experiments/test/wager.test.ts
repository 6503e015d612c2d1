import { unit } from '@offerstream/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bet, gainAbove, gainOn, isBroken, noWealth, together } from '../src/index.ts'

/** The record at which a wager finds the bound broken, null where it never does. */
function foundAt(gains: (index: number) => number, records: number, error: number): number | null {
  let wealth = noWealth
  for (let index = 0; index < records; index++) {
    wealth = bet(wealth, gains(index))
    if (isBroken(wealth, error)) return index + 1
  }
  return null
}
const happening = (seed: string, probability: number, bound: number) => (index: number) =>
  gainOn(unit(`${seed}/${index}`) < probability, bound)
const falseAlarms = (probability: number, bound: number, error: number, runs: number): number =>
  Array.from({ length: runs }, (_, run) => foundAt(happening(`run-${run}`, probability, bound), 500, error)).filter(
    each => each !== null,
  ).length

describe('a bound on how often something happens', () => {
  it('that is just kept is called broken less often than the error, looked at after every record', () => {
    // 5 % of 1000 are 50; 70 would be three standard deviations above.
    for (const bound of [0.02, 0.3, 0.9]) expect(falseAlarms(bound, bound, 0.05, 1000)).toBeLessThan(70)
  })
  it('that is broken is found', () => {
    expect(foundAt(() => gainOn(true, 0.01), 100, 0.001)).toBeLessThan(20)
    expect(falseAlarms(0.1, 0.02, 0.05, 100)).toBeGreaterThan(95)
  })
})

it('a mean above its bound is found whatever its scale, one below is not', () => {
  const found = (value: number, scale: number) =>
    foundAt(index => gainAbove(value * scale * (0.5 + unit(`v${index}`)), scale), 300, 0.001)
  for (const scale of [1e-6, 1, 1e6]) {
    expect(found(2, scale)).toBeLessThan(60)
    expect(found(0.8, scale)).toBeNull()
  }
  expect(gainAbove(0, 0)).toBe(0)
})

it('wealth is the same sum in any order and in any parts', () =>
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true })), fc.nat(20), (gains, cut) => {
      const all = gains.reduce(bet, noWealth)
      expect(gains.toReversed().reduce(bet, noWealth)).toEqual(all)
      expect(together(gains.slice(0, cut).reduce(bet, noWealth), gains.slice(cut).reduce(bet, noWealth))).toEqual(all)
    }),
  ))
