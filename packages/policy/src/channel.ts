import type { CatalogueItem } from '@offerstream/contracts'

/** The first of the item's channels that the customer consents to, null for none. */
export function channelFor(item: CatalogueItem, consent: Readonly<Record<string, boolean>>): string | null {
  for (const channel of item.channels) if (consents(consent, channel, item.category)) return channel
  return null
}

/** A revoked channel is revoked for every category; a missing consent means no. */
const consents = (consent: Readonly<Record<string, boolean>>, channel: string, category: string): boolean =>
  consent[channel] !== false && (consent[`${channel}/${category}`] ?? consent[channel] ?? false)
