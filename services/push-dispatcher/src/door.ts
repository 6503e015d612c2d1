// What is checked at the door: when an offer arrives, when it was held, and again just before it is sent.
import type { ContactPolicy, NextBestOffer } from '@offerstream/contracts'
import type { Contact } from './contacts.ts'
import { isBought, isUnsubscribed } from './facts.ts'
import type { Ledger } from './ledger.ts'
import type { QuietClock } from './quiet-hours.ts'

export type Verdict =
  | { readonly kind: 'send' }
  | { readonly kind: 'hold'; readonly until: number }
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
  now - Math.max(7, policy.sameItemGapDays, policy.minimumGapMinutes / (24 * 60)) * day

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

/** Mandatory or transactional: it must be sent. */
export const isDue = (offer: NextBestOffer): boolean => offer.obligation !== 'none'

/** The cap that another push now would break, null for none. No window of seven days ever holds more than a cap. */
function capOf(offer: NextBestOffer, { contacts }: Ledger, policy: ContactPolicy, now: number): string | null {
  const within = (ms: number) => contacts.filter(each => each.at > now - ms)
  if (within(policy.minimumGapMinutes * 60_000).length > 0) return 'minimum-gap'
  const week = within(7 * day)
  if (week.length >= policy.offersPerWeek) return 'weekly-cap'
  if (week.filter(each => each.category === offer.category).length >= policy.offersPerCategoryPerWeek)
    return 'category-cap'
  return within(policy.sameItemGapDays * day).some(each => each.item === offer.item) ? 'offered-before' : null
}

/** The checks that do not hang on earlier offers; null where the offer may go. */
export function refusalOf(
  offer: NextBestOffer,
  contact: Contact | null,
  { policy, killed, quiet }: Door,
  now: number,
): Exclude<Verdict, { kind: 'send' }> | null {
  if (offer.expiresAt <= now) return { kind: 'drop', state: 'expired', reason: 'expired' }
  const switched = killed(offer)
  if (switched !== null) return { kind: 'drop', state: 'suppressed', reason: switched }
  if (contact === null || !(mayGoWithout(offer) || consents(contact, offer.channel, offer.category)))
    return { kind: 'drop', state: 'suppressed', reason: 'no-consent' }
  if (offer.obligation === 'transactional') return null
  let opens: number
  try {
    const hours = { fromHour: policy.quietFromHour, toHour: policy.quietToHour }
    opens = quiet.opensAt(hours, contact.zone, now)
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'drop', state: 'suppressed', reason: 'unknown-zone' }
    throw error
  }
  return opens > now ? { kind: 'hold', until: Math.min(opens, offer.expiresAt) } : null
}

/** What the customer did meanwhile that makes the offer idle: bought the item, or wants no more on the channel. */
export function answerOf(offer: NextBestOffer, ledger: Ledger): Drop | null {
  if (isBought(ledger, offer) && !isDue(offer)) return { kind: 'drop', state: 'taken', reason: 'bought' }
  const silent = isUnsubscribed(ledger, offer.channel) && !mayGoWithout(offer)
  return silent ? { kind: 'drop', state: 'suppressed', reason: 'unsubscribed' } : null
}

const mayGoWithout = (offer: NextBestOffer): boolean => isDue(offer) && !offer.needsConsent

/** What is said of the category counts; else what is said of the channel; else no. */
function consents(contact: Contact, channel: string, category: string): boolean {
  return (contact.consent[`${channel}/${category}`] ?? contact.consent[channel]) === true
}
