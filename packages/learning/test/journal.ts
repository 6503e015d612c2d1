import { emptyPlaybook, stampOf } from '@offerstream/catalogue'
import type { CatalogueItem, CustomerEvent } from '@offerstream/contracts'

export const day = 86_400_000
export const start = Date.UTC(2026, 0, 1)

export const plan = (name: string, priceMinor: number, quotaGb: number): CatalogueItem => ({
  type: 'item',
  name,
  kind: 'plan',
  priceMinor,
  currency: 'EUR',
  marginMinor: 100,
  quotaKb: quotaGb * 1024 * 1024,
  minutes: 100,
  texts: null,
  overageMinorPerGb: 400,
  overageMinorPerMinute: 0,
  overageMinorPerText: 0,
  speedKbps: null,
  serviceType: 'mobile-data',
  recurring: true,
  validityDays: 30,
  category: 'standard',
  brand: '',
  text: {},
  channels: ['push'],
  availableFrom: null,
  availableTo: null,
  stock: null,
  withdrawn: false,
  costMinor: 0,
  obligation: 'none',
  needsConsent: true,
  link: null,
})

export const small = plan('small', 800, 2)
export const middle = plan('middle', 1500, 8)
export const large = plan('large', 3000, 30)
export const playbook = {
  ...emptyPlaybook,
  version: 0,
  items: new Map([small, middle, large].map(item => [item.name, item])),
}

type Body = CustomerEvent['event']
let events = 0

/** An event of the one customer; it arrives a second after it happened unless told. */
export function event<Type extends Body['type']>(
  type: Type,
  at: number,
  body: Partial<Extract<Body, { type: Type }>>,
  arrived = at + 1_000,
): CustomerEvent {
  const id = `e${events++}`
  const usual = {
    usage: { kind: 'data', dataKb: 1024, seconds: 0, texts: 0, overageMinor: 0, roaming: false },
    purchase: { item: 'middle', quantity: 1, priceMinor: 1500, currency: 'EUR', channel: 'app', offer: null },
    purchase_retracted: { quantity: 1, priceMinor: 1500, currency: 'EUR', channel: 'app' },
    engagement: { kind: 'displayed', surface: 'push', offer: null, item: null, interaction: null },
    customer: {
      plan: 'small',
      customerSince: start - 100 * day,
      bindingEndsAt: null,
      bundle: false,
      monthlyChargeMinor: 800,
      currency: 'EUR',
      brand: '',
      ageBand: null,
      zone: 'UTC',
      locale: 'en',
      segment: null,
      consent: {},
      devices: [],
    },
  } as Readonly<Record<string, object>>
  const made = { type, id, customer: 'c', at, ...usual[type], ...body } as unknown as Body
  const item = 'item' in made ? made.item : 'plan' in made ? made.plan : null
  return {
    journalledAt: arrived,
    triggers: true,
    item: item === null ? null : stampOf(playbook, item, at),
    event: made,
  }
}
