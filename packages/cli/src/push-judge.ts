// What devices were sent and showed, held against what was allowed when they were. It goes by the push service's own log
// and the records that bind, and shares no code with the dispatcher that it judges.
import { createHash } from 'node:crypto'
import { contactPolicyName, defaultContactPolicy } from '@offerstream/catalogue'
import type { ContactPolicy, Customer, KillSwitch, NextBestOffer, PlaybookRecord } from '@offerstream/contracts'
import type { PushEvent } from '@offerstream/stack'

/** All moments are milliseconds of one clock; `at` of a record is when it was given. */
export type PushHistory = {
  readonly events: readonly PushEvent[]
  readonly offers: readonly NextBestOffer[]
  readonly customers: readonly Pick<Customer, 'customer' | 'at' | 'consent' | 'zone'>[]
  readonly playbook: readonly PlaybookRecord[]
  /** How soon a record binds, and how long a push that was let out may take to its device. */
  readonly withinMs: number
  /** Categories that may be accepted again after a crash, though not shown again. */
  readonly atLeastOnce?: readonly string[]
}

const kinds = ['caps', 'quietHours', 'consent', 'expiry', 'killSwitch', 'acceptedTwice', 'shownTwice'] as const
export type PushViolations = { readonly [Kind in (typeof kinds)[number]]: readonly string[] }

const minute = 60_000
const day = 24 * 60 * minute

/** Every case of each kind, in words; pushes of no known offer are passed over. */
export function judgePushes(history: PushHistory): PushViolations {
  const { withinMs, atLeastOnce = [] } = history
  const found = Object.fromEntries(kinds.map(kind => [kind, [] as string[]])) as Record<keyof PushViolations, string[]>
  const { accepted, shown } = pushesOf(history)
  const people = timelines(history.customers, each => each.customer)
  const { policies, switches } = playbookOf(history.playbook)
  const policyAt = (at: number): ContactPolicy[] =>
    inForce(policies, at - withinMs, at).map(record => record?.policy ?? defaultContactPolicy)

  for (const [offer, moments] of groups(accepted)) {
    if (moments.length > 1 && !atLeastOnce.includes(offer.category)) found.acceptedTwice.push(offer.id)
    for (const at of moments)
      for (const each of switches.values())
        if (inForce(each, at - withinMs, at).every(record => record !== null && stops(record, offer)))
          found.killSwitch.push(`${offer.id} accepted at ${moment(at)}`)
  }
  for (const [offer, moments] of groups(shown.filter(each => !each.replaced)))
    if (moments.length > 1) found.shownTwice.push(offer.id)
  for (const { offer, at } of shown) {
    const known = inForce(people.get(offer.customer) ?? [], at - withinMs, at)
    const isFree = isDue(offer) && !offer.needsConsent
    if (!isFree && !known.some(each => each !== null && consents(each.consent, offer)))
      found.consent.push(`${offer.id} shown at ${moment(at)}`)
    if (at - withinMs > offer.expiresAt) found.expiry.push(`${offer.id} shown at ${moment(at)}`)
    const quiet = (policy: ContactPolicy, zone: string): boolean =>
      isQuiet(policy, zone, at) && isQuiet(policy, zone, at - withinMs)
    const zones = known.map(each => each?.zone ?? 'UTC')
    if (offer.obligation !== 'transactional' && policyAt(at).every(policy => zones.every(zone => quiet(policy, zone))))
      found.quietHours.push(`${offer.id} shown at ${moment(at)}`)
  }
  for (const contacts of contactsOf(accepted).values())
    for (const last of contacts) {
      const broken = policyAt(last.at).map(policy => capOf(policy, contacts, last))
      if (broken.every(cap => cap !== null))
        found.caps.push(`${last.offer.id} accepted at ${moment(last.at)}: ${broken[0]}`)
    }
  return found
}

type Push = { readonly offer: NextBestOffer; readonly at: number; readonly replaced: boolean }

function pushesOf({ events, offers }: PushHistory): { accepted: readonly Push[]; shown: readonly Push[] } {
  const byTopic = new Map(offers.map(offer => [collapseIdOf(offer.id), offer]))
  const ofMessage = new Map<number, NextBestOffer>()
  const inBrowser = new Set<string>()
  const accepted: Push[] = []
  const shown: Push[] = []
  for (const event of events) {
    if (event.event === 'accepted') {
      const offer = byTopic.get(event.topic ?? '')
      if (offer === undefined) continue
      ofMessage.set(event.message, offer)
      accepted.push({ offer, at: event.at, replaced: false })
    } else if (event.event === 'shown' || (event.event === 'acknowledged' && event.code === 100)) {
      const offer = ofMessage.get(event.message)
      if (offer === undefined) continue
      const place = `${event.device} ${offer.id}`
      // A browser replaces by the tag as well, and does not say so.
      shown.push({ offer, at: event.at, replaced: event.event === 'shown' ? event.replaced : inBrowser.has(place) })
      if (event.event === 'acknowledged') inBrowser.add(place)
    }
  }
  return { accepted, shown }
}

/** What a push of an offer goes by at the push service. */
const collapseIdOf = (offer: string): string => createHash('sha256').update(offer).digest('base64url').slice(0, 32)

function groups(pushes: readonly Push[]): ReadonlyMap<NextBestOffer, readonly number[]> {
  const found = new Map<NextBestOffer, number[]>()
  for (const { offer, at } of pushes) found.set(offer, [...(found.get(offer) ?? []), at])
  return found
}

/** Of each customer the pushes that count against caps, each offer once. */
function contactsOf(accepted: readonly Push[]): ReadonlyMap<string, readonly Push[]> {
  const seen = new Set<string>()
  const found = new Map<string, Push[]>()
  for (const push of accepted) {
    const { id, customer } = push.offer
    if (isDue(push.offer) || seen.has(id)) continue
    seen.add(id)
    const mine = found.get(customer)
    if (mine === undefined) found.set(customer, [push])
    else mine.push(push)
  }
  return found
}

type Given = { readonly at: number }

/** Records by name, each name's in the order given. */
function timelines<T extends Given>(records: readonly T[], nameOf: (record: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>()
  for (const record of records) {
    const mine = found.get(nameOf(record))
    if (mine === undefined) found.set(nameOf(record), [record])
    else mine.push(record)
  }
  for (const mine of found.values()) mine.sort((a, b) => a.at - b.at)
  return found
}

/** Every record that was the newest at some moment from `from` to `to`; null for the time before the first. */
function inForce<T extends Given>(records: readonly T[], from: number, to: number): readonly (T | null)[] {
  const first = records.findLastIndex(each => each.at <= from)
  const later = records.slice(first + 1).filter(each => each.at <= to)
  return [first < 0 ? null : records[first]!, ...later]
}

function playbookOf(records: readonly PlaybookRecord[]) {
  const policies: (Given & { policy: ContactPolicy })[] = []
  const switched: (Given & { body: KillSwitch })[] = []
  for (const { at, body } of records) {
    if (body.type === 'contact_policy' && body.name === contactPolicyName) policies.push({ at, policy: body })
    if (body.type === 'kill_switch') switched.push({ at, body })
  }
  policies.sort((a, b) => a.at - b.at)
  return { policies, switches: timelines(switched, each => each.body.name) }
}

function stops({ body: { on, scope, target } }: { readonly body: KillSwitch }, offer: NextBestOffer): boolean {
  if (!on) return false
  if (scope === 'global') return true
  if (scope === 'provider') return target === 'web-push'
  if (scope === 'item') return target === offer.item
  return target === offer.trigger.event || target === offer.trigger.kind
}

const isDue = ({ obligation }: NextBestOffer): boolean => obligation === 'mandatory' || obligation === 'transactional'

function consents(consent: Customer['consent'], { channel, category }: NextBestOffer): boolean {
  if (consent[channel] === false) return false
  return (consent[`${channel}/${category}`] ?? consent[channel]) === true
}

/** By the clock on the customer's wall; a zone that nobody knows is always quiet. */
function isQuiet({ quietFromHour: from, quietToHour: to }: ContactPolicy, zone: string, at: number): boolean {
  if (from === to) return false
  try {
    const hour = Number(wallClock(zone).format(at))
    return from < to ? hour >= from && hour < to : hour >= from || hour < to
  } catch (error) {
    if (error instanceof RangeError) return true
    throw error
  }
}

const wallClocks = new Map<string, Intl.DateTimeFormat>()
function wallClock(zone: string): Intl.DateTimeFormat {
  const known = wallClocks.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', hourCycle: 'h23' })
  wallClocks.set(zone, made)
  return made
}

/** The first cap that the window ending with `last` is over, null for none. */
function capOf(policy: ContactPolicy, contacts: readonly Push[], last: Push): string | null {
  const over = (windowMs: number, most: number, counts: (offer: NextBestOffer) => boolean): boolean =>
    contacts.filter(({ at, offer }) => at > last.at - windowMs && at <= last.at && counts(offer)).length > most
  const { category, channel, item } = last.offer
  const perChannel = Object.hasOwn(policy.offersPerChannelPerWeek, channel)
    ? policy.offersPerChannelPerWeek[channel]!
    : Number.POSITIVE_INFINITY
  if (over(policy.minimumGapMinutes * minute, 1, () => true)) return 'minimum gap'
  if (over(7 * day, policy.offersPerWeek, () => true)) return 'offers per week'
  if (over(7 * day, policy.offersPerCategoryPerWeek, each => each.category === category)) return 'per category'
  if (over(7 * day, perChannel, each => each.channel === channel)) return 'per channel'
  if (over(30 * day, policy.offersPerItemPerMonth, each => each.item === item)) return 'per item'
  return over(policy.sameItemGapDays * day, 1, each => each.item === item) ? 'same item' : null
}

const moment = (at: number): string => new Date(at).toISOString()
