import { expect, it } from 'vitest'
import { eventHash, fingerprintOf } from '../src/hash.ts'

const types = ['purchase', 'purchase_retracted', 'usage', 'engagement', 'customer', 'delivery'] as const
const hashOf = (type: (typeof types)[number], id: string): number =>
  eventHash({ type, id } as Parameters<typeof eventHash>[0])

it('no two of 600,000 counted ids over all sources share a hash', () => {
  const hashes = new Set<number>()
  for (const type of types)
    for (let i = 0; i < 50_000; i++) {
      hashes.add(hashOf(type, `${type[0]}-${i}`))
      hashes.add(hashOf(type, i.toString(36)))
    }
  expect(hashes.size).toBe(600_000)
})

it('every one of the 48 bits is set for about half of the ids', () => {
  const set = Array(48).fill(0)
  for (let i = 0; i < 10_000; i++) {
    const bits = hashOf('usage', `u-${i}`).toString(2).padStart(48, '0')
    for (let bit = 0; bit < 48; bit++) set[bit] += Number(bits[bit])
  }
  for (const times of set) expect(Math.abs(times - 5_000)).toBeLessThan(300)
})

it('a fingerprint is twelve hexadecimal digits that change with the text', () => {
  expect(fingerprintOf('a')).toMatch(/^[0-9a-f]{12}$/)
  expect(fingerprintOf('a')).not.toBe(fingerprintOf('b'))
})
