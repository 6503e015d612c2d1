import type {
  CampaignDue,
  Customer,
  Delivery,
  Engagement,
  Purchase,
  PurchaseRetracted,
  Usage,
} from '@offerstream/contracts'
import { minorDigits } from '@offerstream/mapping'

/** What the sources bring. */
export type SourceEvent = Purchase | PurchaseRetracted | Usage | Engagement | Customer | Delivery | CampaignDue

/** The short reason why an event can never be journalled, null where it can. `now` is the clock's, milliseconds. */
export function refusal(event: SourceEvent, now: number, futureLimitMs: number): string | null {
  if (event.id === '') return 'no-id'
  if (event.customer === '') return 'no-customer'
  if (event.at > now + futureLimitMs) return 'far-future'
  if (event.at <= 0) return 'no-time'
  switch (event.type) {
    case 'purchase':
    case 'purchase_retracted':
      if (event.quantity < 1) return 'negative-quantity'
      if (event.priceMinor < 0) return 'negative-amount'
      if (minorDigits(event.currency) === null) return 'unknown-currency'
      return event.item === '' ? 'no-item' : null
    case 'usage':
      return event.dataKb < 0 || event.seconds < 0 || event.texts < 0 || event.overageMinor < 0
        ? 'negative-usage'
        : null
    case 'customer':
      if (event.monthlyChargeMinor < 0) return 'negative-amount'
      if (minorDigits(event.currency) === null) return 'unknown-currency'
      return isZone(event.zone) ? null : 'unknown-zone'
    case 'campaign_due':
      return event.campaign === '' ? 'no-campaign' : null
    case 'engagement':
    case 'delivery':
      return null
  }
}

const zones = new Map<string, boolean>()

/** Whether the name is an IANA time zone; remembered, because asking costs microseconds. */
function isZone(name: string): boolean {
  const known = zones.get(name)
  if (known !== undefined) return known
  let valid = true
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
  } catch {
    valid = false
  }
  if (zones.size < 10_000) zones.set(name, valid)
  return valid
}
