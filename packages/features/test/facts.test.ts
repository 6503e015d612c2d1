import type { CustomerEvent, ItemStamp } from '@offerstream/contracts'
import { describe, expect, it } from 'vitest'
import { acceptanceDays, isAcceptance } from '../src/acceptance.ts'
import { factOf, fieldOf } from '../src/facts.ts'
import { activeCustomer } from './active-customer.ts'

const day = 86_400_000
const purchase = activeCustomer(1).find(({ event }) => event.type === 'purchase')!

const seen = (name: string, envelope: CustomerEvent): unknown => fieldOf(name)(factOf(envelope)!)
const bought = (change: object, item: Partial<ItemStamp> | null = {}): CustomerEvent =>
  ({
    ...purchase,
    item: item === null ? null : { ...purchase.item, ...item },
    event: { ...purchase.event, ...change },
  }) as CustomerEvent

describe('what follows from a fact', () => {
  it.each([
    [Date.UTC(2024, 1, 29, 0), 'night'],
    [Date.UTC(2024, 1, 29, 6) - 1, 'night'],
    [Date.UTC(2024, 1, 29, 6), 'morning'],
    [Date.UTC(2024, 2, 31, 12), 'afternoon'],
    [Date.UTC(2024, 2, 31, 23, 59), 'evening'],
    [Date.UTC(1969, 11, 31, 23), 'evening'],
  ])('at %d it is %s, by UTC', (at, during) => {
    expect(seen('during', bought({ at }))).toBe(during)
  })

  it.each([
    ['a Friday night', Date.UTC(2024, 2, 29, 23, 59), false],
    ['a Saturday', Date.UTC(2024, 2, 30), true],
    ['the Sunday on which clocks change', Date.UTC(2024, 2, 31, 23, 59), true],
    ['a Monday', Date.UTC(2024, 3, 1), false],
    ['a Sunday before 1970', Date.UTC(1969, 11, 28), true],
  ])('%s is a weekend: %d, %s', (_name, at, weekend) => {
    expect(seen('weekend', bought({ at }))).toBe(weekend)
  })

  it('cheaper than listed is discounted, by the piece; without a list price nothing is', () => {
    expect(seen('discounted', bought({ priceMinor: 1_999, quantity: 2 }, { listPriceMinor: 1_000 }))).toBe(true)
    expect(seen('discounted', bought({ priceMinor: 2_000, quantity: 2 }, { listPriceMinor: 1_000 }))).toBe(false)
    expect(seen('discounted', bought({ priceMinor: 1 }, { listPriceMinor: null }))).toBe(false)
    expect(seen('discounted', bought({ priceMinor: 1 }, null))).toBe(false)
  })

  it('runs out after its validity, where it has one', () => {
    expect(seen('expiresAt', bought({ at: day }, { validityDays: 30 }))).toBe(31 * day)
    expect(seen('expiresAt', bought({}, { validityDays: null }))).toBeNull()
  })

  it('a purchase taken back lies at the purchase, counts against it, and names no offer', () => {
    const { offer: _offer, ...said } = purchase.event as Extract<CustomerEvent['event'], { type: 'purchase' }>
    const taken = { ...said, type: 'purchase_retracted' as const, purchase: said.id, purchasedAt: 5 * day, at: 9 * day }
    const envelope: CustomerEvent = { ...purchase, event: taken }
    expect(factOf(envelope)).toMatchObject({ subject: 'purchase', at: 5 * day, weight: -1 })
    expect(seen('offered', envelope)).toBe(false)
    expect(seen('offered', bought({ offer: 'offer' }))).toBe(true)
  })
})

it('a purchase is an acceptance from the display on for some days', () => {
  expect(isAcceptance(day, day)).toBe(true)
  expect(isAcceptance(day, day - 1)).toBe(false)
  expect(isAcceptance(day, day + acceptanceDays * day)).toBe(true)
  expect(isAcceptance(day, day + acceptanceDays * day + 1)).toBe(false)
  expect(isAcceptance(day, 2 * day + 1, 1)).toBe(false)
})
