import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareBytes, fieldDifference } from '../src/index.ts'

test('equal bytes have no difference', () => {
  fc.assert(fc.property(fc.uint8Array(), bytes => compareBytes(bytes, Uint8Array.from(bytes)) === null))
})

test('every byte that differs is counted, the first is shown, and missing ones count too', () => {
  expect(compareBytes(Uint8Array.of(1, 2, 3, 4), Uint8Array.of(1, 9, 3))).toEqual({
    differing: 2,
    first: { offset: 1, expected: '01020304', found: '010903' },
  })
  expect(compareBytes(Uint8Array.of(1), Uint8Array.of(1, 2, 3))).toMatchObject({ differing: 2, first: { offset: 1 } })
})

test('one changed byte anywhere is seen where it is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), (bytes, at) => {
      const where = at % bytes.length
      const changed = Uint8Array.from(bytes)
      changed[where]! ^= 1
      expect(compareBytes(bytes, changed)).toMatchObject({ differing: 1, first: { offset: where } })
    }),
  )
})

test('the first field that differs is named, with what each side holds there', () => {
  const recorded = { id: 'a', candidates: [{ item: 'x', score: 0.5 }], update: { features: [Number.NaN, 1] } }
  expect(fieldDifference(recorded, structuredClone(recorded))).toBeNull()
  expect(fieldDifference(recorded, { ...recorded, candidates: [{ item: 'x', score: 0.25 }] })).toEqual({
    field: 'candidates[0].score',
    recorded: '0.5',
    anew: '0.25',
  })
  expect(fieldDifference(recorded, { ...recorded, candidates: [] })).toMatchObject({
    field: 'candidates[0]',
    anew: 'nothing',
  })
  expect(fieldDifference(recorded, { ...recorded, update: { features: [Number.NaN, Number.NaN] } })).toEqual({
    field: 'update.features[1]',
    recorded: '1',
    anew: 'NaN',
  })
  expect(fieldDifference({ chosen: null }, { chosen: 'x' })).toEqual({ field: 'chosen', recorded: 'null', anew: 'x' })
})
