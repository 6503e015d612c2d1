import { type CustomerEvent, defaults, type ItemStamp } from '@offerstream/contracts'

/** The moment the tests call now. */
export const at = Date.UTC(2025, 5, 10, 12)

const plan: ItemStamp = {
  known: true,
  kind: 'plan',
  serviceType: 'mobile-data',
  category: 'plans',
  brand: 'main',
  recurring: true,
  validityDays: null,
  listPriceMinor: 990,
  quotaKb: 10_000,
}

const envelope = (event: CustomerEvent['event'], item: ItemStamp | null = null): CustomerEvent => ({
  journalledAt: event.at + 500,
  triggers: true,
  item,
  event,
})

/** Events of customer c-1. */
export const events = {
  profile: (): CustomerEvent =>
    envelope(
      {
        ...defaults.Customer,
        id: 'profile-1',
        customer: 'c-1',
        at: at - 30 * 86_400_000,
        plan: 'plan-s',
        customerSince: at - 400 * 86_400_000,
        monthlyChargeMinor: 990,
        currency: 'EUR',
        brand: 'main',
        ageBand: '25-34',
        zone: 'Europe/Berlin',
        locale: 'de-DE',
        consent: { push: true },
        devices: ['device-1'],
      },
      plan,
    ),
  usage: (id: string, at: number, dataKb: number): CustomerEvent =>
    envelope({
      type: 'usage',
      id,
      customer: 'c-1',
      at,
      kind: 'data',
      dataKb,
      seconds: 0,
      texts: 0,
      overageMinor: 0,
      roaming: false,
    }),
  purchase: (id: string, at: number): CustomerEvent =>
    envelope(
      {
        type: 'purchase',
        id,
        customer: 'c-1',
        at,
        item: 'plan-m',
        quantity: 1,
        priceMinor: 1_990,
        currency: 'EUR',
        channel: 'app',
        offer: null,
      },
      plan,
    ),
  /** A package of seven days that recurs. */
  packageBought: (id: string, at: number): CustomerEvent =>
    envelope(
      {
        type: 'purchase',
        id,
        customer: 'c-1',
        at,
        item: 'package-1',
        quantity: 1,
        priceMinor: 490,
        currency: 'EUR',
        channel: 'app',
        offer: null,
      },
      { ...plan, kind: 'package', recurring: true, validityDays: 7 },
    ),
  opened: (id: string, at: number, item: string): CustomerEvent =>
    envelope({
      type: 'engagement',
      id,
      customer: 'c-1',
      at,
      kind: 'opened',
      surface: 'app_home',
      offer: `offer-of-${item}`,
      item,
      interaction: null,
    }),
  campaign: (id: string, at: number): CustomerEvent =>
    envelope({
      type: 'campaign_due',
      id,
      customer: 'c-1',
      at,
      campaign: 'summer',
      kind: 'campaign',
      item: null,
      fromMinor: null,
      toMinor: null,
    }),
  tick: (at: number): CustomerEvent => ({ journalledAt: at, triggers: false, item: null, event: { type: 'tick', at } }),
  rejected: (id: string, at: number, item: string): CustomerEvent =>
    envelope({
      type: 'engagement',
      id,
      customer: 'c-1',
      at,
      kind: 'rejected',
      surface: 'push',
      offer: 'offer-1',
      item,
      interaction: null,
    }),
  displayed: (id: string, at: number): CustomerEvent =>
    envelope({
      type: 'delivery',
      id,
      customer: 'c-1',
      at,
      offer: 'offer-1',
      item: 'package-1',
      channel: 'push',
      provider: 'web-push',
      state: 'displayed',
      reason: null,
      device: 'device-1',
      trigger: 'purchase',
    }),
}
