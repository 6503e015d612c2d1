import { emptyPlaybook, type Playbook, stampOf } from '@offerstream/catalogue'
import type { CatalogueItem, ItemStamp } from '@offerstream/contracts'
import { catalogueOf, type Market } from '@offerstream/simulator'

/** A market's catalogue in one month, as an operator would have it in the playbook. */
export type MarketCatalogue = {
  /** The plans, by price; those not on sale are withdrawn. */
  readonly playbook: Playbook
  /** Those on sale, by price, with the plan's number in the market. */
  readonly onSale: readonly { readonly number: number; readonly item: CatalogueItem }[]
  /** What intake would stamp; null for a sale and for nothing. */
  stampOf(item: string | null): ItemStamp | null
}

/** One for each month. */
export function marketCatalogues(market: Market, months: number): readonly MarketCatalogue[] {
  const { plans, packages } = catalogueOf(market, months)
  const packageItems = packages.map(({ item, basePriceMinor, serviceType, recurring, quotaGb, validityDays }) =>
    itemOf({
      name: item,
      kind: 'package',
      priceMinor: basePriceMinor,
      quotaKb: Math.round(quotaGb * kbPerGb),
      serviceType,
      recurring,
      validityDays,
      category: recurring ? 'add-on' : 'top-up',
    }),
  )
  const known = new Map<string, CatalogueItem>()
  return Array.from({ length: months }, (_, month) => {
    const ofMonth = plans
      .filter(plan => plan.month === month)
      .map(plan =>
        itemOf({
          name: plan.item,
          kind: 'plan',
          priceMinor: plan.priceMinor,
          quotaKb: plan.quotaGb === null ? null : plan.quotaGb * kbPerGb,
          minutes: plan.minutes,
          overageMinorPerGb: plan.overageMinorPerGb,
          validityDays: plan.validityDays,
          category: plan.streaming ? (plan.roaming ? 'all-in' : 'streaming') : plan.roaming ? 'travel' : 'standard',
          withdrawn: !plan.onSale,
        }),
      )
    for (const item of ofMonth) known.set(item.name, item)
    // Some still have a plan by the id it had before.
    const former = [...known.values()].filter(({ name }) => !ofMonth.some(item => item.name === name))
    const all = [...ofMonth, ...former.map(item => ({ ...item, withdrawn: true }))]
    const byPrice = all.sort((a, b) => a.priceMinor - b.priceMinor)
    const playbook = playbookOf(byPrice)
    const whole = playbookOf([...byPrice, ...packageItems])
    const stamps = new Map(
      [...byPrice, ...packageItems].map(({ name }) => [name, stampOf(whole, name, market.start)] as const),
    )
    return {
      playbook,
      onSale: ofMonth
        .map((item, number) => ({ number, item }))
        .filter(({ item }) => !item.withdrawn)
        .sort((a, b) => a.item.priceMinor - b.item.priceMinor),
      stampOf: item => (item === null ? null : (stamps.get(item) ?? null)),
    }
  })
}

const playbookOf = (items: readonly CatalogueItem[]): Playbook => ({
  ...emptyPlaybook,
  version: 0,
  items: new Map(items.map(item => [item.name, item])),
})

const kbPerGb = 1024 * 1024

type Said = Pick<CatalogueItem, 'name' | 'kind' | 'priceMinor' | 'quotaKb' | 'validityDays' | 'category'> &
  Partial<CatalogueItem>

const itemOf = (said: Said): CatalogueItem => ({
  type: 'item',
  currency: 'EUR',
  marginMinor: 0,
  minutes: null,
  texts: null,
  overageMinorPerGb: 0,
  overageMinorPerMinute: 0,
  overageMinorPerText: 0,
  speedKbps: null,
  serviceType: 'mobile-data',
  recurring: true,
  brand: 'meridian',
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
  ...said,
})
