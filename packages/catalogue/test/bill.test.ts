import fc from 'fast-check'
import { expect, it } from 'vitest'
import { billOf } from '../src/index.ts'
import { plan } from './records.ts'

const gb = 1024 * 1024

it('a month within the allowances costs the price', () =>
  expect(billOf(plan, { dataKb: 10 * gb, minutes: 500, texts: 9000 })).toBe(2000))

it('what exceeds an allowance is charged by its unit', () =>
  expect(billOf(plan, { dataKb: 12.5 * gb, minutes: 510, texts: 0 })).toBe(2000 + 1000 + 100))

it('an unlimited allowance is never exceeded, unknown use exceeds nothing', () => {
  expect(billOf({ ...plan, quotaKb: null }, { dataKb: 900 * gb, minutes: 0, texts: 0 })).toBe(2000)
  expect(billOf(plan, { dataKb: Number.NaN, minutes: Number.NaN, texts: Number.NaN })).toBe(2000)
})

it('more use never costs less', () => {
  const use = fc.record({ dataKb: fc.nat(1e9), minutes: fc.nat(1e5), texts: fc.nat(1e5) })
  fc.assert(
    fc.property(use, use, (one, more) => {
      const sum = {
        dataKb: one.dataKb + more.dataKb,
        minutes: one.minutes + more.minutes,
        texts: one.texts + more.texts,
      }
      expect(billOf(plan, sum)).toBeGreaterThanOrEqual(billOf(plan, one))
    }),
  )
})
