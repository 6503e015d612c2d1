import type { NextBestOffer } from '@offerstream/contracts'

/** The offer that the bench of pushes sends, to whomever. */
export function pushOffer(id: string, customer: string, sequence: number, now: number): NextBestOffer {
  const trigger = { kind: 'allowance-used', event: id, at: now }
  const what = { item: 'pack-s', kind: 'package', category: 'packs', brand: 'main', priceMinor: 500, currency: 'EUR' }
  const how = { channel: 'push', text: 'Two gigabytes more for your holiday', locale: 'en', zone: 'UTC', reasons: [] }
  const terms = { obligation: 'none', needsConsent: true, expiresAt: now + 24 * 3_600_000, trigger }
  return { id, customer, at: now, sequence, ...what, ...how, ...terms }
}
