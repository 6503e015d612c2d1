import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Aggregation, Calendar } from '../src/aggregations/aggregation.ts'
import { aggregations } from '../src/aggregations/index.ts'
import type { Entry } from '../src/forms/form.ts'
import { forms } from '../src/forms/index.ts'
import { calendarBucket, opensAt } from '../src/naive.ts'
import { bucketsAt, resolutions } from '../src/windows.ts'
import { day, entries, fold, start } from './entries.ts'

const resolution = fc.constantFrom(...resolutions)
const span = fc.integer({ min: 1, max: 48 })

/** Compares value and oracle over generated entries; throws where they differ. */
function compare(aggregation: Aggregation): void {
  const cases = fc.record({
    some: fc.tuple(entries, entries),
    resolution,
    span,
    width: span,
    later: fc.integer({ min: 0, max: 60 * day }),
  })
  fc.assert(
    fc.property(cases, ({ some, resolution, span, width, later }) => {
      const index = resolutions.indexOf(resolution)
      // The widest window by day holds what `recent` keeps.
      const buckets = Math.min(width, span, 35)
      const by = aggregation.forms.includes('recent') ? 'day' : resolution
      const at = Math.max(start, ...some.flat().map(one => one.at)) + later
      const parts = aggregation.forms.map((_, i) => some[i]!)
      const cells = parts.map((part, i) => fold(forms[aggregation.forms[i]!], part, index, span))
      const reading = { at, resolution: resolutions.indexOf(by), bucket: bucketsAt(at)[resolutions.indexOf(by)]! }
      expect(Math.fround(aggregation.value(cells, reading, buckets))).toBe(
        Math.fround(aggregation.oracle(parts, calendarOf(at, by, buckets))),
      )
    }),
    { numRuns: 300 },
  )
}

const calendarOf = (at: number, resolution: (typeof resolutions)[number], buckets: number): Calendar => ({
  at,
  buckets,
  bucketsAgo: moment => calendarBucket(at, resolution) - calendarBucket(moment, resolution),
  opensAt: opensAt(at, { resolution, buckets }),
})

describe.each(Object.entries(aggregations))('%s', (_name, aggregation: Aggregation) => {
  it('says what its oracle says, for every window within its span and every moment from the newest entry on', () => {
    compare(aggregation)
  })
})

it('a form that forgets to subtract is caught', () => {
  const { add } = forms.totals
  const broken = vi
    .spyOn(forms.totals, 'add')
    .mockImplementation((cells, entry, bucket, span) => add(cells, { ...entry, weight: 1 }, bucket, span))
  try {
    expect(() => compare(aggregations.count)).toThrow()
  } finally {
    broken.mockRestore()
  }
})

describe('worked by hand', () => {
  const at = Date.UTC(2024, 3, 15, 12)
  const entriesOf = (...some: readonly (readonly [at: number, value: number, weight?: -1])[]): Entry[] =>
    some.map(([moment, value, weight = 1], id) => ({ at: moment, id, value, weight: weight as 1 | -1 }))
  const made = (
    aggregation: Aggregation,
    resolution: (typeof resolutions)[number],
    buckets: number,
    ...parts: readonly (readonly Entry[])[]
  ): number => {
    const index = resolutions.indexOf(resolution)
    const cells = parts.map((part, i) => fold(forms[aggregation.forms[i]!], part, index, 13))
    return aggregation.value(cells, { at, resolution: index, bucket: bucketsAt(at)[index]! }, buckets)
  }
  const month = (m: number): number => Date.UTC(2024, m, 10)

  it('a trend leaves the month under way out and is relative to the mean', () => {
    const usage = entriesOf([month(0), 100], [month(1), 200], [month(2), 300], [month(3), 9_999])
    expect(made(aggregations.trend, 'month', 4, usage)).toBeCloseTo(0.5)
    expect(made(aggregations.trend, 'month', 4, usage.slice(3))).toBeNaN()
  })

  it('a rate is per day of what has passed of the window', () => {
    expect(made(aggregations.rate, 'month', 1, entriesOf([month(3), 1], [month(3) + 1, 1]))).toBeCloseTo(2 / 14.5)
  })

  it('a decayed sum halves with every fifth of the window', () => {
    expect(made(aggregations.decayed, 'day', 10, entriesOf([at, 8], [at - 2 * day, 8], [at - 4 * day, 8]))).toBe(14)
  })

  it('active and quiet days add up to the window, and a purchase taken back is none', () => {
    const days = entriesOf([at, 1], [at - day, 1], [at - day, 1, -1], [at - 3 * day, 1])
    expect(made(aggregations.active, 'day', 7, days)).toBe(2)
    expect(made(aggregations.quiet, 'day', 7, days)).toBe(5)
  })

  it('an item bought a fortnight after its display is accepted, a day later it is not, taken back it is not', () => {
    const displayed = entriesOf([at - 20 * day, 7])
    const bought = (when: number): Entry[] => entriesOf([when, 7])
    const accepted = (purchases: readonly Entry[]): number =>
      made(aggregations.accepted, 'day', 30, purchases, displayed)
    expect(accepted(bought(at - 6 * day))).toBe(1)
    expect(accepted(bought(at - 5 * day))).toBe(0)
    expect(accepted(bought(at - 21 * day))).toBe(0)
    expect(accepted([...bought(at - 6 * day), ...entriesOf([at - 6 * day, 7, -1])])).toBe(0)
    expect(accepted(entriesOf([at - 6 * day, 8]))).toBe(0)
  })

  it('different ones are exact below 32 and within a fifth of a thousand', () => {
    const many = (n: number): Entry[] =>
      entriesOf(...Array.from({ length: n }, (_, i) => [at, Math.imul(i, 0x9e3779b1) >>> 8] as const))
    expect(made(aggregations.distinct, 'day', 1, many(31))).toBe(31)
    expect(Math.abs(made(aggregations.distinct, 'day', 1, many(1_000)) - 1_000)).toBeLessThan(200)
  })
})
