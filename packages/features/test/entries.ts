import fc from 'fast-check'
import type { Cells, Entry, Form } from '../src/forms/form.ts'
import { bucketsAt } from '../src/windows.ts'
import { frozen } from './histories.ts'

export const day = 86_400_000
export const start = Date.UTC(2024, 1, 1)

const entry: fc.Arbitrary<Entry> = fc.record({
  at: fc
    .oneof(
      fc.integer({ min: 0, max: 420 * day }),
      fc.integer({ min: 380 * day, max: 420 * day }),
      fc.integer({ min: 0, max: 20 }).map(n => n * 20 * day),
    )
    .map(ms => start + ms),
  id: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  value: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 2 ** 24 - 1 })),
  weight: fc.constantFrom(1 as const, 1 as const, -1 as const),
})

/** What features of one customer are made of, over fourteen months that begin with a leap day. */
export const entries = fc.uniqueArray(entry, { maxLength: 80, selector: ({ id }) => id })

/** The cells after some entries, by an index among resolutions. */
export const fold = (form: Form, some: readonly Entry[], resolution: number, span: number): Cells =>
  some.reduce((cells, one) => form.add(frozen(cells), one, bucketsAt(one.at)[resolution]!, span), frozen<Cells>([]))
