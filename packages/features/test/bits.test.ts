import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createBitReader, createBitWriter, widthOf } from '../src/bits.ts'

const magnitude = fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 2 ** 31 }), fc.integer({ min: 0, max: 2 ** 51 }))
const entry = fc.oneof(
  fc.record({ form: fc.constant('natural' as const), value: magnitude }),
  fc.record({ form: fc.constant('integer' as const), value: magnitude.chain(n => fc.constantFrom(n, -n || 0)) }),
  fc.record({ form: fc.constant('bits' as const), value: magnitude }),
)

it('reads what was written, and knows the end', () => {
  const writer = createBitWriter()
  const reader = createBitReader()
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 400, size: 'max' }), entries => {
      writer.start()
      for (const { form, value } of entries)
        if (form === 'bits') writer.bits(value, widthOf(value))
        else writer[form](value)
      const bytes = Buffer.from(writer.written())
      reader.start(bytes)
      for (const { form, value } of entries)
        expect(form === 'bits' ? reader.bits(widthOf(value)) : reader[form]()).toBe(value)
      reader.finish()
      reader.start(Buffer.concat([bytes, bytes]))
      if (bytes.length > 0) expect(() => reader.finish()).toThrow(RangeError)
    }),
  )
})

it.each([
  [0, 0],
  [1, 1],
  [255, 8],
  [2 ** 31 - 1, 31],
  [2 ** 31, 32],
  [2 ** 52, 53],
])('%d needs %d bits', (value, width) => expect(widthOf(value)).toBe(width))
