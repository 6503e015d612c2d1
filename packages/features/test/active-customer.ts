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

const stamp = (kind: string, quotaKb: number | null): ItemStamp => ({
  known: true,
  kind,
  serviceType: 'mobile-data',
  category: 'data',
  brand: 'main',
  recurring: true,
  validityDays: 30,
  listPriceMinor: 1_990,
  quotaKb,
})

/** One busy customer: a profile, 200 usage events over 35 days, 10 purchases over 90, 20 engagements over 30. */
export function activeCustomer(seed: number): CustomerEvent[] {
  const next = chance(seed)
  const customer = `c-${Math.floor(next() * 2 ** 40).toString(36)}`
  const events: CustomerEvent[] = []
  const add = (event: CustomerEvent['event'], item: ItemStamp | null = null): void => {
    events.push({ journalledAt: event.at + 1_500, triggers: true, item, event })
  }
  const id = (): string => `${customer}-${events.length}-${Math.floor(next() * 2 ** 30).toString(36)}`
  const within = (days: number): number => start + 90 * day - Math.floor(next() * days * day)
  add(
    {
      type: 'customer',
      id: id(),
      customer,
      at: start,
      plan: 'mobile-m',
      customerSince: start - Math.floor(next() * 2_000) * day,
      bindingEndsAt: start + 200 * day,
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
  for (let i = 0; i < 200; i++) {
    const kind = next() < 0.6 ? 'data' : next() < 0.65 ? 'voice' : 'text'
    const heavy = -Math.log(1 - next())
    add({
      type: 'usage',
      id: id(),
      customer,
      at: within(35),
      kind,
      dataKb: kind === 'data' ? Math.round(80_000 * heavy) : 0,
      seconds: kind === 'voice' ? Math.round(180 * heavy) : 0,
      texts: kind === 'text' ? 1 : 0,
      overageMinor: next() < 0.02 ? Math.round(100 * heavy) : 0,
      roaming: false,
    })
  }
  for (let i = 0; i < 10; i++)
    add(
      {
        type: 'purchase',
        id: id(),
        customer,
        at: within(90),
        item: `package-${i}`,
        quantity: 1,
        priceMinor: 490 + 100 * i,
        currency: 'EUR',
        channel: 'app',
        offer: null,
      },
      stamp(next() < 0.8 ? 'package' : 'plan', null),
    )
  const kinds = ['displayed', 'displayed', 'opened', 'app_opened', 'app_opened'] as const
  for (let i = 0; i < 20; i++)
    add({
      type: 'engagement',
      id: id(),
      customer,
      at: within(30),
      kind: i === 0 ? 'rejected' : i === 1 ? 'interaction' : kinds[i % kinds.length]!,
      surface: 'push',
      offer: null,
      item: `package-${i % 4}`,
      interaction: null,
    })
  return events.sort((a, b) => a.event.at - b.event.at)
}
