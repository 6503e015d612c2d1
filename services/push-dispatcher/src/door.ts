// What is checked at the door: when an offer arrives, when it was held, and again just before it is sent.
import { type ContactPolicy, type NextBestOffer, unit } from '@offerstream/contracts'
import type { Contact } from './contacts.ts'
import { isBought, isUnsubscribed } from './facts.ts'
import type { Contacted, Ledger } from './ledger.ts'
import type { QuietClock } from './quiet-hours.ts'

export type Verdict =
  | { readonly kind: 'send' }
  | { readonly kind: 'hold'; readonly until: number; readonly reason: string }
  | {
      readonly kind: 'drop'
      readonly state: 'suppressed' | 'expired' | 'superseded' | 'taken'
      readonly reason: string
    }

type Drop = Extract<Verdict, { readonly kind: 'drop' }>

export type Door = {
  readonly policy: ContactPolicy
  /** Why a kill switch stops the offer whoever sends it, null where none does. */
  killed(offer: NextBestOffer): string | null
  readonly quiet: QuietClock
}

export const suppress = (reason: string): Verdict => ({ kind: 'drop', state: 'suppressed', reason })
const day = 24 * 60 * 60 * 1000

/** The earliest contact that a cap of the policy still looks at. */
export const capsLookBackTo = (policy: ContactPolicy, now: number): number =>
  now - Math.max(30, policy.sameItemGapDays, policy.minimumGapMinutes / (24 * 60)) * day

/**
 * `contact` is null where nobody told us of the customer: no consent. What must be sent gives way to no later offer and asks
 * for no cap; a transactional offer does not wait for the end of quiet hours either.
 */
export function judge(offer: NextBestOffer, ledger: Ledger, contact: Contact | null, door: Door, now: number): Verdict {
  if (!isDue(offer) && offer.sequence < ledger.sequence)
    return { kind: 'drop', state: 'superseded', reason: 'later-offer' }
  const { policy } = door
  const refusal = answerOf(offer, ledger) ?? refusalOf(offer, contact, door, now)
  if (refusal !== null) return refusal
  const cap = isDue(offer) ? null : capOf(offer, ledger, policy, now)
  return cap === null ? { kind: 'send' } : suppress(cap)
}

/** Mandatory or transactional: it must be sent. An obligation that nobody knows is none. */
export const isDue = ({ obligation }: NextBestOffer): boolean =>
  obligation === 'mandatory' || obligation === 'transactional'

/** The cap that another push now would break, null for none. No window of a week or a month ever holds more than its cap. */
function capOf(offer: NextBestOffer, { contacts }: Ledger, policy: ContactPolicy, now: number): string | null {
  const within = (ms: number) => contacts.filter(each => each.at > now - ms)
  if (within(policy.minimumGapMinutes * 60_000).length > 0) return 'minimum-gap'
  const week = within(7 * day)
  const count = (some: readonly Contacted[], field: 'category' | 'channel' | 'item'): number =>
    some.filter(each => each[field] === offer[field]).length
  if (week.length >= policy.offersPerWeek) return 'weekly-cap'
  if (count(week, 'category') >= policy.offersPerCategoryPerWeek) return 'category-cap'
  const perChannel = policy.offersPerChannelPerWeek
  if (Object.hasOwn(perChannel, offer.channel) && count(week, 'channel') >= perChannel[offer.channel]!)
    return 'channel-cap'
  if (count(within(30 * day), 'item') >= policy.offersPerItemPerMonth) return 'item-cap'
  return within(policy.sameItemGapDays * day).some(each => each.item === offer.item) ? 'offered-before' : null
}

/** The checks that do not hang on earlier offers; null where the offer may go. */
export function refusalOf(
  offer: NextBestOffer,
  contact: Contact | null,
  { policy, killed, quiet }: Door,
  now: number,
): Exclude<Verdict, { kind: 'send' }> | null {
  if (offer.expiresAt <= 0) return { kind: 'drop', state: 'suppressed', reason: 'no-expiry' }
  if (offer.expiresAt <= now) return { kind: 'drop', state: 'expired', reason: 'expired' }
  // The text is filled in when the offer is made; without one its template or locale was not there.
  if (offer.text.trim() === '') return { kind: 'drop', state: 'suppressed', reason: 'no-text' }
  const switched = killed(offer)
  if (switched !== null) return { kind: 'drop', state: 'suppressed', reason: switched }
  if (contact === null || !(mayGoWithout(offer) || consents(contact, offer.channel, offer.category)))
    return { kind: 'drop', state: 'suppressed', reason: 'no-consent' }
  if (offer.obligation === 'transactional') return null
  let opens: number
  try {
    opens = quiet.opensAt(hoursOf(policy), contact.zone, now)
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'drop', state: 'suppressed', reason: 'unknown-zone' }
    throw error
  }
  if (opens <= now) return null
  if (!isDue(offer) && policy.cancelledWhenQuiet.includes(offer.category))
    return { kind: 'drop', state: 'suppressed', reason: 'quiet-hours' }
  return { kind: 'hold', until: releaseOf(offer, opens, policy.releaseSpreadMinutes), reason: 'quiet-hours' }
}

const hoursOf = (policy: ContactPolicy) => ({ fromHour: policy.quietFromHour, toHour: policy.quietToHour })

/**
 * Until when a provider may keep what it cannot deliver at once: a phone that was off must not ring in quiet hours either.
 * For an offer that may go now.
 */
export function keepsUntil(offer: NextBestOffer, contact: Contact, { policy, quiet }: Door, now: number): number {
  const { expiresAt, obligation } = offer
  return obligation === 'transactional'
    ? expiresAt
    : Math.min(expiresAt, quiet.closesAt(hoursOf(policy), contact.zone, now))
}

/**
 * A moment of the offer's own after quiet hours, so that not every phone rings at once, and before it expires; where it
 * expires in them, that moment.
 */
function releaseOf({ id, expiresAt }: NextBestOffer, opens: number, spreadMinutes: number): number {
  const spreadMs = Math.min(spreadMinutes * 60_000, expiresAt - opens)
  return spreadMs < 0 ? expiresAt : opens + Math.floor(unit(`release/${id}`) * spreadMs)
}

/** What the customer did meanwhile that makes the offer idle: bought the item, or wants no more on the channel. */
export function answerOf(offer: NextBestOffer, ledger: Ledger): Drop | null {
  if (isBought(ledger, offer) && !isDue(offer)) return { kind: 'drop', state: 'taken', reason: 'bought' }
  const silent = isUnsubscribed(ledger, offer.channel) && !mayGoWithout(offer)
  return silent ? { kind: 'drop', state: 'suppressed', reason: 'unsubscribed' } : null
}

const mayGoWithout = (offer: NextBestOffer): boolean => isDue(offer) && !offer.needsConsent

/** A revoked channel is revoked for every category; a missing consent means no. */
function consents({ consent }: Contact, channel: string, category: string): boolean {
  return consent[channel] !== false && (consent[`${channel}/${category}`] ?? consent[channel]) === true
}
