// What tests of pushes send, and a contact policy that stops none of it.
import { type ContactPolicy, defaults, type NextBestOffer } from '@offerstream/contracts'

/** A small package, good for a day. */
export const packOffer = (
  change: Partial<NextBestOffer> & Pick<NextBestOffer, 'id' | 'customer' | 'at'>,
): NextBestOffer => ({
  ...defaults.NextBestOffer,
  sequence: 1,
  item: 'pack-s',
  kind: 'package',
  category: 'packs',
  brand: 'main',
  priceMinor: 500,
  currency: 'EUR',
  channel: 'push',
  text: 'Two gigabytes more',
  expiresAt: change.at + 24 * 60 * 60 * 1000,
  trigger: { kind: 'allowance-used', event: 'event-1', at: change.at },
  ...change,
})

export const withoutCaps = {
  minimumGapMinutes: 0,
  offersPerWeek: 1000,
  offersPerCategoryPerWeek: 1000,
  offersPerChannelPerWeek: {},
  offersPerItemPerMonth: 1000,
  sameItemGapDays: 0,
} satisfies Partial<ContactPolicy>
