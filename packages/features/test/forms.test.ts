import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBitReader, createBitWriter } from '../src/bits.ts'
import type { Cells, Form } from '../src/forms/form.ts'
import { forms } from '../src/forms/index.ts'
import { bucketsAt, resolutions } from '../src/windows.ts'
import { day, entries, fold, start } from './entries.ts'
import { frozen, shuffled } from './histories.ts'

const span = fc.integer({ min: 1, max: 48 })
const resolution = fc.integer({ min: 0, max: resolutions.length - 1 })

describe.each(Object.entries(forms))('%s', (_name, form: Form) => {
  it('keeps the same cells for any order of arrival', () => {
    const cases = entries.chain(some => fc.tuple(fc.constant(some), shuffled(some), resolution, span))
    fc.assert(
      fc.property(cases, ([some, others, by, span]) => {
        expect(fold(form, others, by, span)).toEqual(fold(form, some, by, span))
      }),
    )
  })

  it('keeps the same cells for any split and merge', () => {
    fc.assert(
      fc.property(
        entries,
        fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
        resolution,
        span,
        (some, sides, by, span) => {
          const parts: (typeof some)[] = [[], [], [], []]
          for (const one of some) parts[sides.next().value]!.push(one)
          const merged = parts
            .map(part => fold(form, part, by, span))
            .reduce((left, right) => form.merge(frozen(left), frozen(right), span))
          expect(merged).toEqual(fold(form, some, by, span))
        },
      ),
    )
  })

  it('comes back from its bits', () => {
    const writer = createBitWriter()
    const reader = createBitReader()
    const unpacked = (cells: Cells, at: number, bucket: number): Cells => {
      writer.start()
      form.pack(writer, cells, at, bucket)
      const bytes = writer.written()
      reader.start(bytes)
      const read = form.unpack(reader, at, bucket)
      reader.finish()
      return read
    }
    fc.assert(
      fc.property(entries, resolution, span, fc.integer({ min: 0, max: 60 * day }), (some, by, span, later) => {
        const cells = fold(form, some, by, span)
        const at = Math.max(start, ...some.map(one => one.at)) + later
        if (cells.length > 0) expect(unpacked(cells, at, bucketsAt(at)[by]!)).toEqual(cells)
      }),
    )
  })

  it('holds no more numbers than it says, integers all', () => {
    fc.assert(
      fc.property(entries, resolution, span, (some, by, span) => {
        const cells = fold(form, some, by, span)
        expect(cells.length).toBeLessThanOrEqual(form.most(span))
        expect(cells.every(Number.isSafeInteger)).toBe(true)
      }),
    )
  })
})
