import { type CatalogueItem, defaults } from '@offerstream/contracts'

export const kbPerGb = 1024 * 1024

/** What the world knows of a plan beside its catalogue item. */
export type Plan = {
  readonly item: CatalogueItem
  readonly quotaGb: number
  readonly streaming: number
  readonly roaming: number
  readonly style: readonly [number, number, number]
}

/** A plan or package of the simulated operator; prices in cents. */
const plan = (
  name: string,
  priceMinor: number,
  quotaGb: number | null,
  minutes: number | null,
  category: 'standard' | 'streaming' | 'travel' | 'all-in',
  style: readonly [number, number, number],
): Plan => ({
  // Unlimited is worth what the heaviest users use.
  quotaGb: quotaGb ?? 250,
  streaming: category === 'streaming' || category === 'all-in' ? 1 : 0,
  roaming: category === 'travel' || category === 'all-in' ? 1 : 0,
  style,
  item: {
    ...defaults.CatalogueItem,
    name,
    kind: 'plan',
    priceMinor,
    currency: 'EUR',
    marginMinor: Math.round(priceMinor * 0.45),
    quotaKb: quotaGb === null ? null : quotaGb * kbPerGb,
    minutes,
    overageMinorPerGb: quotaGb === null ? 0 : 400,
    overageMinorPerMinute: minutes === null ? 0 : 9,
    speedKbps: priceMinor < 1500 ? 50_000 : 300_000,
    serviceType: 'mobile-data',
    recurring: true,
    validityDays: 30,
    category,
    brand: 'meridian',
    text: {
      en: `${quotaGb === null ? 'Unlimited data' : `${quotaGb} GB`} and ${minutes === null ? 'unlimited calls' : `${minutes} minutes`} for €${(priceMinor / 100).toFixed(2)} a month`,
    },
  },
})

/** The ladder: fifteen plans by price. Styles are what taste answers to; nobody observes them. */
export const plans: readonly Plan[] = [
  plan('start-1', 599, 1, 100, 'standard', [-0.9, 0.3, -0.2]),
  plan('start-2', 799, 2, 200, 'standard', [-0.6, -0.5, 0.4]),
  plan('start-4', 999, 4, 300, 'standard', [-0.3, 0.7, -0.6]),
  plan('smart-6', 1299, 6, 400, 'standard', [0.5, -0.4, -0.3]),
  plan('travel-8', 1599, 8, 400, 'travel', [-0.2, 0.9, 0.6]),
  plan('smart-10', 1699, 10, 600, 'standard', [0.4, 0.1, -0.8]),
  plan('stream-12', 1999, 12, 600, 'streaming', [0.8, -0.2, 0.5]),
  plan('smart-15', 2199, 15, 1000, 'standard', [-0.5, 0.6, 0.1]),
  plan('travel-18', 2699, 18, 1000, 'travel', [0.1, -0.8, 0.7]),
  plan('stream-20', 2799, 20, null, 'streaming', [0.9, 0.4, -0.1]),
  plan('flex-25', 2999, 25, null, 'standard', [-0.7, -0.3, 0.2]),
  plan('stream-35', 3699, 35, null, 'streaming', [0.2, 0.5, 0.9]),
  plan('flex-50', 4199, 50, null, 'standard', [0.6, -0.9, -0.4]),
  plan('max-80', 5499, 80, null, 'all-in', [-0.1, 0.2, 0.8]),
  plan('max-unlimited', 6999, null, null, 'all-in', [0.7, 0.8, -0.5]),
]

const pack = (
  name: string,
  priceMinor: number,
  serviceType: 'mobile-data' | 'streaming' | 'roaming' | 'voice',
  quotaGb: number,
  minutes: number,
  validityDays: number,
  recurring = false,
): CatalogueItem => ({
  ...defaults.CatalogueItem,
  name,
  kind: 'package',
  priceMinor,
  currency: 'EUR',
  marginMinor: Math.round(priceMinor * 0.7),
  quotaKb: quotaGb * kbPerGb,
  minutes,
  texts: 0,
  serviceType,
  recurring,
  validityDays,
  category: recurring ? 'add-on' : 'top-up',
  brand: 'meridian',
  text: {
    en: `${quotaGb > 0 ? `${quotaGb} GB` : `${minutes} minutes`} ${serviceType === 'mobile-data' || serviceType === 'voice' ? 'more' : `for ${serviceType}`} for €${(priceMinor / 100).toFixed(2)}${recurring ? ' a month' : ''}`,
  },
})

export const packages: readonly CatalogueItem[] = [
  pack('data-1', 349, 'mobile-data', 1, 0, 7),
  pack('data-2', 549, 'mobile-data', 2, 0, 14),
  pack('data-5', 999, 'mobile-data', 5, 0, 30),
  pack('data-10', 1599, 'mobile-data', 10, 0, 30),
  pack('data-25', 2799, 'mobile-data', 25, 0, 30),
  pack('data-2-monthly', 449, 'mobile-data', 2, 0, 30, true),
  pack('data-8-monthly', 1199, 'mobile-data', 8, 0, 30, true),
  pack('stream-10-monthly', 699, 'streaming', 10, 0, 30, true),
  pack('roam-1', 699, 'roaming', 1, 0, 7),
  pack('roam-5', 1999, 'roaming', 5, 0, 14),
  pack('talk-100', 299, 'voice', 0, 100, 30),
  pack('talk-500-monthly', 599, 'voice', 0, 500, 30, true),
]
