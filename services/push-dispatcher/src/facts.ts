// What the journal tells the ledger of its customers. A fact heard twice changes nothing the second time.
import type { CustomerEvent, NextBestOffer } from '@offerstream/contracts'
import { addressKinds, channelOf } from './address.ts'
import type { Ledger } from './ledger.ts'

export type Fact = { readonly customer: string; readonly at: number } & (
  | { readonly kind: 'bought'; readonly item: string }
  | { readonly kind: 'displayed' | 'clicked'; readonly offer: string }
  | { readonly kind: 'unsubscribed'; readonly channels: readonly string[] }
  /** A profile that allows nothing on these channels. */
  | { readonly kind: 'denied'; readonly channels: readonly string[] }
)

const allChannels: readonly string[] = [...new Set(addressKinds.map(kind => channelOf[kind]))]

/** The fact in an event, null where it holds none that concerns an offer. */
export function factOf({ event, item }: CustomerEvent): Fact | null {
  switch (event.type) {
    case 'purchase':
      // What the catalogue does not know was never offered.
      return item?.known ? { kind: 'bought', customer: event.customer, at: event.at, item: event.item } : null
    case 'engagement': {
      const { customer, at, kind, offer, surface } = event
      if (kind === 'unsubscribed')
        return { kind, customer, at, channels: allChannels.includes(surface) ? [surface] : allChannels }
      if (offer === null) return null
      if (kind === 'clicked') return { kind, customer, at, offer }
      const saw = kind === 'displayed' || kind === 'opened' || kind === 'dismissed' || kind === 'rejected'
      return saw ? { kind: 'displayed', customer, at, offer } : null
    }
    case 'customer': {
      const { customer, at, consent } = event
      const allowed = new Set(Object.keys(consent).filter(key => consent[key]))
      const channels = allChannels.filter(channel => ![...allowed].some(key => key.split('/')[0] === channel))
      return channels.length === 0 ? null : { kind: 'denied', customer, at, channels }
    }
    default:
      return null
  }
}

/** Longer than an offer takes from its trigger to the ledger; one that is there is taken at once. */
const boughtKeptMs = 24 * 60 * 60 * 1000
const boughtKept = 16

/** Too long ago to matter: imported history, for the most part. */
export const isPast = (fact: Fact, now: number): boolean => fact.kind === 'bought' && fact.at + boughtKeptMs <= now

/** The ledger once it knows the fact; the same object where it knew it. What became of an offer is an entry's, not said here. */
export function hear(ledger: Ledger, fact: Fact, now: number): Ledger {
  switch (fact.kind) {
    case 'bought': {
      const { item, at } = fact
      const until = at + boughtKeptMs
      if (isPast(fact, now) || ledger.bought.some(each => each.item === item && each.at >= at)) return ledger
      const others = ledger.bought.filter(each => each.item !== item)
      return { ...ledger, bought: [...others, { item, at, until }].slice(-boughtKept) }
    }
    case 'unsubscribed': {
      const { at } = fact
      const fresh = fact.channels.filter(
        channel => !ledger.unsubscribed.some(each => each.channel === channel && each.at >= at),
      )
      if (fresh.length === 0) return ledger
      const others = ledger.unsubscribed.filter(each => !fresh.includes(each.channel))
      return { ...ledger, unsubscribed: [...others, ...fresh.map(channel => ({ channel, at }))] }
    }
    case 'denied': {
      const left = ledger.unsubscribed.filter(each => !(fact.channels.includes(each.channel) && each.at < fact.at))
      return left.length === ledger.unsubscribed.length ? ledger : { ...ledger, unsubscribed: left }
    }
    case 'displayed':
    case 'clicked':
      return ledger
  }
}

/** The ledger without purchases that no offer can meet any more. */
export function forget(ledger: Ledger, now: number): Ledger {
  const bought = ledger.bought.filter(each => each.until > now)
  return bought.length === ledger.bought.length ? ledger : { ...ledger, bought }
}

/** Bought after what set the offer off; the trigger itself may be a purchase of the item. */
export const isBought = (ledger: Ledger, { item, trigger }: Pick<NextBestOffer, 'item' | 'trigger'>): boolean =>
  ledger.bought.some(each => each.item === item && each.at > trigger.at)

/**
 * A customer's own word stands against a profile that still allows the channel, whenever that was sent: until the company
 * has heard it and says no itself. From then on the profile alone counts, so that the customer can come back.
 */
export const isUnsubscribed = (ledger: Ledger, channel: string): boolean =>
  ledger.unsubscribed.some(each => each.channel === channel)
