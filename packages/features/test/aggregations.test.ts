import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Aggregation, Cells, Entry } from '../src/aggregations/aggregation.ts'
import { aggregations } from '../src/aggregations/index.ts'
import { isInside } from '../src/naive.ts'
import { bucketsAt, resolutions } from '../src/windows.ts'
import { frozen, shuffled } from './histories.ts'

const day = 86_400_000
const start = Date.UTC(2024, 1, 1)

const entry: fc.Arbitrary<Entry> = fc.record({
  at: fc
    .oneof(
      fc.integer({ min: 0, max: 420 * day }),
      fc.integer({ min: 0, max: 20 }).map(n => n * 20 * day),
    )
    .map(ms => start + ms),
  id: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  value: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 40 })),
  weight: fc.constantFrom(1 as const, 1 as const, -1 as const),
})
const entries = fc.uniqueArray(entry, { maxLength: 60, selector: ({ id }) => id })
const span = fc.integer({ min: 1, max: 48 })
const resolution = fc.constantFrom(...resolutions)

const fold = ({ add, empty }: Aggregation, some: readonly Entry[], resolution: number, span: number): Cells =>
  some.reduce((cells, one) => add(frozen(cells), one, bucketsAt(one.at)[resolution]!, span), empty)

describe.each(Object.entries(aggregations))('%s', (_name, aggregation: Aggregation) => {
  it('keeps the same cells for any order of arrival', () => {
    const cases = entries.chain(some => fc.tuple(fc.constant(some), shuffled(some), resolution, span))
    fc.assert(
      fc.property(cases, ([some, others, by, span]) => {
        const index = resolutions.indexOf(by)
        expect(fold(aggregation, others, index, span)).toEqual(fold(aggregation, some, index, span))
      }),
    )
  })

  it('keeps the same cells for any split and merge', () => {
    const cases = fc.tuple(
      entries,
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 60, maxLength: 60 }),
      resolution,
      span,
    )
    fc.assert(
      fc.property(cases, ([some, parts, by, span]) => {
        const index = resolutions.indexOf(by)
        const merged = [0, 1, 2, 3]
          .map(part =>
            fold(
              aggregation,
              some.filter((_, i) => parts[i] === part),
              index,
              span,
            ),
          )
          .reduce((left, right) => aggregation.merge(frozen(left), frozen(right), span))
        expect(merged).toEqual(fold(aggregation, some, index, span))
      }),
    )
  })

  it('says what its oracle says, for every window within its span and every moment from the newest entry on', () => {
    const cases = fc.tuple(
      entries,
      resolution,
      span,
      fc.integer({ min: 1, max: 48 }),
      fc.integer({ min: 0, max: 60 * day }),
    )
    fc.assert(
      fc.property(cases, ([some, by, span, width, later]) => {
        const index = resolutions.indexOf(by)
        const buckets = Math.min(width, span)
        const at = Math.max(start, ...some.map(one => one.at)) + later
        const cells = fold(aggregation, some, index, span)
        const inside = (when: number): boolean => isInside(when, at, { resolution: by, buckets })
        expect(aggregation.value(cells, { at, bucket: bucketsAt(at)[index]! }, buckets)).toBe(
          aggregation.oracle(some, inside, at),
        )
      }),
    )
  })

  it('holds no more cells than its span allows', () => {
    fc.assert(
      fc.property(entries, resolution, span, (some, by, span) => {
        const cells = fold(aggregation, some, resolutions.indexOf(by), span)
        const most = aggregation.cells === 'buckets' ? 2 * span : aggregation.cells
        expect(cells.length).toBeLessThanOrEqual(most)
      }),
    )
  })
})
