import type { CustomerEvent, ItemStamp } from '@offerstream/contracts'
import { chance } from './active-customer.ts'

// One customer's journal from a seed, much faster than an arbitrary draws it: fourteen months from before 29 February 2024
// to after 30 March 2025, over three changes of the clocks in Europe and two in America, with events on the edges of
// hours, days, weeks and months, late ones, repeats, and purchases taken back.

const hour = 3_600_000
const day = 24 * hour
const start = Date.UTC(2024, 1, 20)
const spanDays = 410
const clockChanges = [
  Date.UTC(2024, 2, 10, 7),
  Date.UTC(2024, 2, 31, 1),
  Date.UTC(2024, 9, 27, 1),
  Date.UTC(2024, 10, 3, 6),
  Date.UTC(2025, 2, 30, 1),
]
const leapDay = Date.UTC(2024, 1, 29)
/** Fewest events of a history. */
export const fewest = 200

const kinds = ['data', 'data', 'voice', 'text'] as const
const engagements = [
  ...['displayed', 'displayed', 'displayed', 'opened', 'clicked', 'dismissed', 'rejected'],
  ...['app_opened', 'interaction'],
] as const
const surfaces = ['push', 'app_home', 'email', 'call_centre', 'shop'] as const
const interactions = ['complaint', 'question', 'technical', 'cancellation', null] as const
const states = ['decided', 'sending', 'displayed', 'clicked', 'rejected'] as const
const channels = ['app', 'web', 'shop', 'call-centre', 'unknown'] as const
const itemKinds = ['plan', 'package', 'package', 'sale', ''] as const
const serviceTypes = ['mobile-data', 'voice', 'streaming', 'roaming'] as const

/** In the order of the journal; no two events share an id but repeats, which follow within a day and a few events. */
export function generatedHistory(seed: number, repeats: boolean): CustomerEvent[] {
  const next = chance(seed)
  const upTo = (n: number): number => Math.floor(next() * n)
  const one = <T>(of: readonly T[]): T => of[upTo(of.length)]!
  const maybe = <T>(value: T): T | null => (next() < 0.5 ? value : null)
  const customer = 'c-1'
  const end = start + (30 + upTo(spanDays - 30)) * day

  const edge = (): number => {
    const at = start + upTo(end - start)
    const date = new Date(at)
    const midnight = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate())
    switch (upTo(6)) {
      case 0:
        return at - (at % hour)
      case 1:
        return midnight
      case 2:
        return midnight - ((date.getUTCDay() + 6) % 7) * day
      case 3:
        return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
      case 4:
        return one(clockChanges) + (upTo(3) - 1) * hour
      default:
        return leapDay + upTo(day)
    }
  }
  const moment = (): number => {
    const sort = next()
    const at = sort < 0.4 ? start + upTo(end - start) : sort < 0.8 ? end - upTo(45 * day) : edge() - upTo(2)
    return Math.min(at, end)
  }
  const stamp = (): ItemStamp | null =>
    next() < 0.1
      ? null
      : {
          known: true,
          kind: one(itemKinds),
          serviceType: one(serviceTypes),
          category: 'any',
          brand: 'main',
          recurring: next() < 0.5,
          validityDays: maybe(1 + upTo(60)),
          listPriceMinor: maybe(1_000),
          quotaKb: maybe(1 + upTo(10_000_000)),
        }
  const eventAt = (id: string, at: number): CustomerEvent['event'] => {
    const sort = next()
    if (sort < 0.4) {
      const kind = one(kinds)
      return {
        type: 'usage',
        id,
        customer,
        at,
        kind,
        dataKb: kind === 'data' ? upTo(2 ** (1 + upTo(40))) : 0,
        seconds: kind === 'voice' ? upTo(4_000) : 0,
        texts: kind === 'text' ? upTo(4) : 0,
        overageMinor: next() < 0.1 ? upTo(5_000) : 0,
        roaming: next() < 0.1,
      }
    }
    const item = `item-${upTo(next() < 0.5 ? 4 : 60)}`
    if (sort < 0.6)
      return {
        type: 'purchase',
        id,
        customer,
        at,
        item,
        quantity: 1 + upTo(3),
        priceMinor: upTo(3_000),
        currency: 'EUR',
        channel: one(channels),
        offer: maybe('offer'),
      }
    if (sort < 0.9) {
      const kind = one(engagements)
      const interaction = kind === 'interaction' ? one(interactions) : null
      return {
        type: 'engagement',
        id,
        customer,
        at,
        kind,
        surface: one(surfaces),
        offer: null,
        item: maybe(item),
        interaction,
      }
    }
    if (sort < 0.95)
      return {
        type: 'delivery',
        id,
        customer,
        at,
        offer: 'offer',
        item,
        channel: 'push',
        provider: null,
        state: one(states),
        reason: null,
        device: null,
        trigger: 'purchase',
      }
    return {
      type: 'customer',
      id,
      customer,
      at,
      plan: maybe('plan-m'),
      customerSince: maybe(start - upTo(2_000) * day),
      bindingEndsAt: maybe(end + (upTo(400) - 100) * day),
      bundle: false,
      monthlyChargeMinor: upTo(4) * 1_000,
      currency: 'EUR',
      brand: 'main',
      ageBand: null,
      zone: 'Europe/Berlin',
      locale: 'de-DE',
      segment: null,
      consent: { push: next() < 0.5, email: true },
      devices: [],
    }
  }

  const happened: {
    readonly event: CustomerEvent['event']
    readonly item: ItemStamp | null
    readonly order: number
  }[] = []
  for (let i = 0; happened.length < fewest || i < fewest; i++) {
    const event = eventAt(`e-${i}`, moment())
    const late = next() < 0.15 ? upTo(60 * day) : upTo(hour)
    const item = stamp()
    happened.push({ event, item, order: event.at + late })
    if (event.type === 'purchase' && next() < 0.25) {
      const { type: _type, offer: _offer, id: purchase, at: purchasedAt, ...said } = event
      const at = purchasedAt + upTo(20 * day)
      const event2 = { type: 'purchase_retracted' as const, ...said, id: `r-${i}`, purchase, purchasedAt, at }
      happened.push({ event: event2, item, order: at + (next() < 0.3 ? -upTo(25 * day) : upTo(hour)) })
    }
  }
  happened.sort((a, b) => a.order - b.order)
  const events: CustomerEvent[] = []
  const originals: CustomerEvent[] = []
  let journalledAt = end
  for (const { event, item } of happened) {
    journalledAt += upTo(next() < 0.1 ? day : 60_000)
    const envelope = { journalledAt, triggers: true, item, event }
    events.push(envelope)
    originals.push(envelope)
    if (repeats && next() < 0.1) {
      const earlier = originals[originals.length - 1 - upTo(Math.min(8, originals.length))]!
      if (journalledAt + 1 - earlier.journalledAt <= day) events.push({ ...earlier, journalledAt: journalledAt + 1 })
    }
  }
  return events
}
