import { applyRecord, emptyPlaybook, type Playbook } from '@offerstream/catalogue'
import {
  type CatalogueItem,
  type CustomerFacts,
  defaults,
  type FeatureUpdate,
  type Rejection,
} from '@offerstream/contracts'
import { names } from '@offerstream/features'

export const gb = 1024 * 1024
export const noon = Date.UTC(2025, 0, 6, 12)

export const plan = (name: string, priceMinor: number, quotaGb: number | null): CatalogueItem => ({
  ...defaults.CatalogueItem,
  name,
  kind: 'plan',
  priceMinor,
  currency: 'EUR',
  marginMinor: priceMinor / 2,
  quotaKb: quotaGb === null ? null : quotaGb * gb,
  minutes: 500,
  overageMinorPerGb: quotaGb === null ? 0 : 400,
  overageMinorPerMinute: 9,
  serviceType: 'mobile-data',
  recurring: true,
  validityDays: 30,
  category: 'standard',
  brand: 'north',
})

export const plans = [
  plan('plan-s', 1000, 4),
  plan('plan-m', 2000, 10),
  plan('plan-l', 3000, 30),
  plan('plan-x', 5000, null),
]

/** The plans with all money multiplied. */
export const playbookOf = (items: readonly CatalogueItem[] = plans, factor = 1): Playbook =>
  items.reduce(
    (playbook, item, offset) =>
      applyRecord(
        playbook,
        {
          at: 0,
          body: {
            ...item,
            priceMinor: item.priceMinor * factor,
            marginMinor: item.marginMinor * factor,
            overageMinorPerGb: item.overageMinorPerGb * factor,
            overageMinorPerMinute: item.overageMinorPerMinute * factor,
          },
        },
        offset,
      ),
    emptyPlaybook,
  )

export type Customer = {
  readonly plan: string | null
  readonly chargeMinor: number
  readonly dataMb: number
  readonly dataMb7: number
  readonly minutes: number
  readonly overageMinor: number
  readonly rejections?: readonly Rejection[]
}

export const typical: Customer = {
  plan: 'plan-m',
  chargeMinor: 2000,
  dataMb: 12 * 1024,
  dataMb7: 3 * 1024,
  minutes: 200,
  overageMinor: 800,
}

export function updateOf(customer: Customer, factor = 1): FeatureUpdate {
  const vector: Record<string, number> = {
    data_mb_7d: customer.dataMb7,
    data_mb_30d: customer.dataMb,
    voice_minutes_30d: customer.minutes,
    texts_30d: 10,
    overage_minor_30d: customer.overageMinor * factor,
    overage_to_charge_30d: customer.overageMinor / customer.chargeMinor,
    // A record of half a year: what twelve months hold is more than what six do.
    data_mb_3m: customer.dataMb * 2.2,
    data_mb_6m: customer.dataMb * 5.2,
    data_mb_12m: customer.dataMb * 6,
    data_mb_peak_12m: customer.dataMb * 1.5,
    overage_to_charge_3m: (3 * customer.overageMinor) / customer.chargeMinor,
    spend_to_charge_3m: 0.6,
    streaming_packages_12m: 2,
    data_roaming_share_12m: 0.1,
    monthly_charge_minor: customer.chargeMinor * factor,
  }
  const facts: CustomerFacts = {
    ...defaults.CustomerFacts,
    plan: customer.plan,
    monthlyChargeMinor: customer.chargeMinor * factor,
    currency: 'EUR',
    rejections: customer.rejections ?? [],
  }
  return {
    id: 'u',
    customer: 'c',
    at: noon,
    trigger: { kind: 'purchase', event: 'e', at: noon },
    fingerprint: 'f',
    features: names.map(name => Math.fround(vector[name] ?? Number.NaN)),
    facts,
  }
}
