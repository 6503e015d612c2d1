import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hash, unit } from '../src/hash.ts'

describe('hash', () => {
  it('stays what it is: another hash would move every customer to another arm', () => {
    expect([hash(''), hash('a'), hash('experiment/levers/customer-1')]).toEqual([
      3338908027751811, 7929297801672961, 6808201808327820,
    ])
  })
  it('is a whole number below 2^53 and its unit lies in [0, 1), for any text', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        expect(Number.isSafeInteger(hash(text)) && hash(text) >= 0).toBe(true)
        expect(unit(text) >= 0 && unit(text) < 1).toBe(true)
      }),
    )
  })
  it('spreads consecutive names evenly over a hundred bins', () => {
    const counts = new Array<number>(100).fill(0)
    for (let index = 0; index < 100_000; index++) counts[Math.floor(unit(`draw/customer-${index}`) * 100)]!++
    const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    expect(chiSquare).toBeLessThan(148.2) // 99.9 % quantile, 99 degrees of freedom
  })
  it('gives unrelated numbers to one customer under two names', () => {
    let product = 0
    for (let index = 0; index < 20_000; index++)
      product += (unit(`a/customer-${index}`) - 0.5) * (unit(`b/customer-${index}`) - 0.5)
    expect(Math.abs(product / 20_000) * 12).toBeLessThan(4 / Math.sqrt(20_000))
  })
})
