// When an offer had best go out, of the moments at which it may. Whoever chooses may fail: the offer then goes now.
import type { NextBestOffer } from '@offerstream/contracts'
import type { Contact } from './contacts.ts'
import { learnedHours } from './learned-hours.ts'
import type { QuietClock } from './quiet-hours.ts'
import type { ResponseHours } from './response-hours.ts'

/**
 * A moment, milliseconds since the epoch; null where it does not know. Asked once, when the offer could go out for the first
 * time.
 */
export type SendHour = (customer: Contact, offer: NextBestOffer, now: number, hours: ResponseHours) => number | null

/** What became of the question: only `later` makes an offer wait. */
export type SendHourChoice = 'now' | 'later' | 'unknown' | 'failed' | 'past-expiry'

export const sendNow: SendHour = (_customer, _offer, now) => now

/** Within [from, to) by the clock on the customer's wall, over midnight where `from` is the larger. */
export const preferredHours =
  (fromHour: number, toHour: number, clock: QuietClock): SendHour =>
  (customer, _offer, now) =>
    clock.opensAt({ fromHour: toHour, toHour: fromHour }, customer.zone, now)

/** `17-20` for those hours, `learned` for each customer's own, empty for now; anything else is a RangeError. */
export function sendHourOf(text: string, clock: QuietClock): SendHour {
  if (text === '') return sendNow
  if (text === 'learned') return learnedHours(clock)
  const [, from, to] = /^(\d{1,2})-(\d{1,2})$/.exec(text) ?? []
  if (from === undefined || Number(from) > 23 || Number(to) > 23 || Number(from) === Number(to))
    throw new RangeError(`"${text}" is no span of hours, wanted for example 17-20, or learned`)
  return preferredHours(Number(from), Number(to), clock)
}

/** What was chosen, and the moment: `now` unless it is later, and before the offer expires. */
export function chooseMoment(
  choose: SendHour,
  customer: Contact,
  offer: NextBestOffer,
  now: number,
  hours: ResponseHours,
): { readonly choice: SendHourChoice; readonly at: number } {
  let at: number | null
  try {
    at = choose(customer, offer, now, hours)
  } catch {
    return { choice: 'failed', at: now }
  }
  if (at === null) return { choice: 'unknown', at: now }
  if (!Number.isFinite(at)) return { choice: 'failed', at: now }
  if (at <= now) return { choice: 'now', at: now }
  return at < offer.expiresAt ? { choice: 'later', at: Math.ceil(at) } : { choice: 'past-expiry', at: now }
}
