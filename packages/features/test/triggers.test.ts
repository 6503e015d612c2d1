import type { CustomerEvent, ItemStamp } from '@offerstream/contracts'
import { describe, expect, it } from 'vitest'
import { apply, empty, fire, type State } from '../src/index.ts'

const hour = 3_600_000
const day = 24 * hour
const june = Date.UTC(2025, 5, 1)
const none: ItemStamp = {
  known: true,
  kind: '',
  serviceType: '',
  category: '',
  brand: '',
  recurring: false,
  validityDays: null,
  listPriceMinor: null,
  quotaKb: null,
}

type Body = CustomerEvent['event']
const envelope = (event: Body, item: ItemStamp | null = null): CustomerEvent => ({
  journalledAt: event.at + 1_000,
  triggers: true,
  item,
  event,
})
let ids = 0
const purchase = (at: number, kind: string): CustomerEvent =>
  envelope(
    {
      type: 'purchase',
      id: `p-${ids++}`,
      customer: 'c-1',
      at,
      item: 'item',
      quantity: 1,
      priceMinor: 990,
      currency: 'EUR',
      channel: 'app',
      offer: null,
    },
    { ...none, kind },
  )
const usage = (at: number, dataKb: number): CustomerEvent =>
  envelope({
    type: 'usage',
    id: `u-${ids++}`,
    customer: 'c-1',
    at,
    kind: 'data',
    dataKb,
    seconds: 0,
    texts: 0,
    overageMinor: 0,
    roaming: false,
  })
const planOf = (quotaKb: number | null): CustomerEvent =>
  envelope(
    {
      type: 'customer',
      id: `c-${ids++}`,
      customer: 'c-1',
      at: june - day,
      plan: 'plan-s',
      customerSince: null,
      bindingEndsAt: null,
      bundle: false,
      monthlyChargeMinor: 990,
      currency: 'EUR',
      brand: 'main',
      ageBand: null,
      zone: 'UTC',
      locale: 'en',
      segment: null,
      consent: {},
      devices: [],
    },
    { ...none, kind: 'plan', quotaKb },
  )

/** The kinds each event fires, one after the other. */
function firedBy(...events: readonly CustomerEvent[]): (readonly string[])[] {
  let state: State = empty
  return events.map(event => {
    const fired = fire(event, apply(state, event))
    state = fired.state
    return fired.kinds
  })
}

describe('purchase', () => {
  it.each(['plan', 'package'])('fires when a %s is bought', kind => {
    expect(firedBy(purchase(june, kind))).toEqual([['purchase']])
  })

  it.each(['sale', ''])('does not fire for an item of kind "%s"', kind => {
    expect(firedBy(purchase(june, kind))).toEqual([[]])
  })

  it('fires again only after an hour', () => {
    const events = [0, 59, 60].map(minutes => purchase(june + minutes * 60_000, 'plan'))
    expect(firedBy(...events)).toEqual([['purchase'], [], ['purchase']])
  })

  it('does not fire for history', () => {
    expect(firedBy({ ...purchase(june, 'plan'), triggers: false })).toEqual([[]])
  })

  it('does not fire for an event that took more than an hour into the journal', () => {
    const event = purchase(june, 'plan')
    expect(firedBy({ ...event, journalledAt: june + hour })).toEqual([['purchase']])
    expect(firedBy({ ...event, journalledAt: june + hour + 1 })).toEqual([[]])
  })
})

describe('allowance-used', () => {
  it('fires once a month when 80 % are used', () => {
    const days = [1, 2, 3, 4, 31].map(n => june + n * day)
    const amounts = [799, 1, 1, 500, 900]
    expect(firedBy(planOf(1_000), ...days.map((at, i) => usage(at, amounts[i]!)))).toEqual([
      [],
      [],
      ['allowance-used'],
      [],
      [],
      ['allowance-used'],
    ])
  })

  it('does not fire where the plan has no quota or is unknown', () => {
    expect(firedBy(planOf(null), usage(june, 10_000))).toEqual([[], []])
    expect(firedBy(usage(june, 10_000))).toEqual([[]])
  })

  it('does not fire for usage of a month that is over', () => {
    const late = { ...usage(june - 2 * hour, 900), journalledAt: june + hour }
    expect(firedBy(planOf(1_000), usage(june + 1_000, 1), late)).toEqual([[], [], []])
  })
})
