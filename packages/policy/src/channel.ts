import type { CatalogueItem } from '@offerstream/contracts'
import { countSince, week } from './history.ts'
import type { Situation } from './situation.ts'

/**
 * Where an item is offered: the first of its channels that the customer consents to and whose cap is not reached, null
 * for none. What must be sent asks for no cap, and for no consent where the law does not want it: then its first channel
 * does.
 */
export function channelFor(item: CatalogueItem, situation: Situation): string | null {
  for (const channel of item.channels)
    if (consents(channel, item, situation) && hasRoom(channel, item, situation)) return channel
  return mayGoWithout(item) ? (item.channels[0] ?? null) : null
}

/** Whether there is a channel of the item's that the customer consents to, or none needs to be consented to. */
export const consentsTo = (item: CatalogueItem, situation: Situation): boolean =>
  mayGoWithout(item) || item.channels.some(channel => consents(channel, item, situation))

const mayGoWithout = (item: CatalogueItem): boolean => item.obligation !== 'none' && !item.needsConsent

/** A revoked channel is revoked for every category; a missing consent means no. */
const consents = (channel: string, { category }: CatalogueItem, { facts: { consent } }: Situation): boolean =>
  consent[channel] !== false && (consent[`${channel}/${category}`] ?? consent[channel] ?? false)

function hasRoom(channel: string, item: CatalogueItem, { at, guide, history }: Situation): boolean {
  const cap = guide.policy.offersPerChannelPerWeek[channel]
  return (
    cap === undefined ||
    item.obligation !== 'none' ||
    countSince(history, at - week, past => past.channel === channel) < cap
  )
}
