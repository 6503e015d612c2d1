import type { CustomerEvent, ItemStamp } from '@offerstream/contracts'

const day = 86_400_000
const start = Date.UTC(2025, 4, 1)

/** Numbers in [0, 1) that depend on the seed alone; source: mulberry32 by Tommy Ettinger. */
export function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const stamp = (kind: string, quotaKb: number | null, serviceType = 'mobile-data', recurring = true): ItemStamp => ({
  known: true,
  kind,
  serviceType,
  category: 'data',
  brand: 'main',
  recurring,
  validityDays: 30,
  listPriceMinor: 1_000,
  quotaKb,
})

const serviceTypes = ['mobile-data', 'mobile-data', 'voice', 'streaming', 'roaming']
const itemKinds = ['package', 'package', 'package', 'plan', 'sale']
const channels = ['app', 'app', 'web', 'shop', 'call-centre']
const engagements = [
  ...['displayed', 'displayed', 'displayed', 'opened', 'clicked', 'dismissed', 'rejected'],
  ...['app_opened', 'app_opened', 'app_opened', 'interaction'],
] as const
const surfaces = ['push', 'push', 'app_home', 'email', 'call_centre'] as const
const interactions = ['complaint', 'question', 'technical', 'cancellation'] as const

/** One busy customer over `monthsLong` months: a profile, and each month about 200 uses, 3 purchases, 20 engagements. */
export function activeCustomer(seed: number, monthsLong = 3): CustomerEvent[] {
  const next = chance(seed)
  const one = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)]!
  const customer = `c-${Math.floor(next() * 2 ** 40).toString(36)}`
  const events: CustomerEvent[] = []
  const add = (event: CustomerEvent['event'], item: ItemStamp | null = null): void => {
    events.push({ journalledAt: event.at + 1_500, triggers: true, item, event })
  }
  const id = (): string => `${customer}-${events.length}-${Math.floor(next() * 2 ** 30).toString(36)}`
  const end = start + 30 * monthsLong * day
  const sometime = (): number => end - Math.floor(next() * 30 * monthsLong * day)
  add(
    {
      type: 'customer',
      id: id(),
      customer,
      at: start,
      plan: 'mobile-m',
      customerSince: start - Math.floor(next() * 2_000) * day,
      bindingEndsAt: end + 110 * day,
      bundle: next() < 0.3,
      monthlyChargeMinor: 2_990,
      currency: 'EUR',
      brand: 'main',
      ageBand: '25-34',
      zone: 'Europe/Berlin',
      locale: 'de-DE',
      segment: null,
      consent: { push: true, 'push/sales': false },
      devices: [Math.floor(next() * 2 ** 48).toString(36)],
    },
    stamp('plan', 10_485_760),
  )
  for (let i = 0; i < 200 * monthsLong; i++) {
    const kind = next() < 0.6 ? 'data' : next() < 0.65 ? 'voice' : 'text'
    const heavy = -Math.log(1 - next())
    add({
      type: 'usage',
      id: id(),
      customer,
      at: sometime(),
      kind,
      dataKb: kind === 'data' ? Math.round(80_000 * heavy) : 0,
      seconds: kind === 'voice' ? Math.round(180 * heavy) : 0,
      texts: kind === 'text' ? 1 : 0,
      overageMinor: next() < 0.02 ? Math.round(100 * heavy) : 0,
      roaming: next() < 0.02,
    })
  }
  for (let i = 0; i < 3 * monthsLong; i++)
    add(
      {
        type: 'purchase',
        id: id(),
        customer,
        at: sometime(),
        item: `package-${Math.floor(next() * 4)}`,
        quantity: next() < 0.2 ? 2 : 1,
        priceMinor: 490 + Math.floor(next() * 10) * 100,
        currency: 'EUR',
        channel: one(channels),
        offer: next() < 0.2 ? 'offer' : null,
      },
      stamp(one(itemKinds), null, one(serviceTypes), next() < 0.5),
    )
  for (let i = 0; i < 20 * monthsLong; i++) {
    const kind = one(engagements)
    add({
      type: 'engagement',
      id: id(),
      customer,
      at: sometime(),
      kind,
      surface: one(surfaces),
      offer: null,
      item: kind === 'app_opened' || kind === 'interaction' ? null : `package-${Math.floor(next() * 4)}`,
      interaction: kind === 'interaction' ? one(interactions) : null,
    })
  }
  return events.sort((a, b) => a.event.at - b.event.at)
}
