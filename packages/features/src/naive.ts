// The whole state again from the raw events, as plainly as can be: what the clever fold is compared with.
import type { Customer, CustomerEvent } from '@offerstream/contracts'
import type { Entry } from './aggregations/aggregation.ts'
import { aggregations } from './aggregations/index.ts'
import { type Fact, factOf } from './facts.ts'
import type { Feature, Features } from './feature.ts'
import { eventHash } from './hash.ts'
import type { Window } from './windows.ts'

/** The vector at a moment, of the events of one customer in the order of the journal. */
export function naiveRead(features: Features, events: readonly CustomerEvent[], at: number): Float32Array {
  const counted = withoutRepeats(events)
  const moments = counted.flatMap(({ event }) =>
    event.type === 'purchase_retracted' ? [event.at, event.purchasedAt] : [event.at],
  )
  const moment = Math.max(at, ...moments)
  const profile = newestProfile(counted)
  const valueAt = (feature: Feature): number => {
    switch (feature.kind) {
      case 'kept': {
        const inside = (when: number): boolean => feature.window === null || isInside(when, moment, feature.window)
        return aggregations[feature.aggregation].oracle(entriesOf(feature, counted), inside, moment)
      }
      case 'profile': {
        if (profile === null) return Number.NaN
        const value =
          feature.field === 'quotaKb' ? (profile.item?.quotaKb ?? null) : (profile.event as Customer)[feature.field]
        if (value === null) return Number.NaN
        if (feature.as === 'value') return value
        return (feature.as === 'days-since' ? moment - value : value - moment) / 86_400_000
      }
      case 'scaled':
        return valueAt(feature.of) / feature.by
      case 'ratio': {
        const to = valueAt(feature.to)
        return to === 0 ? Number.NaN : valueAt(feature.of) / to
      }
    }
  }
  return Float32Array.from(Object.values(features), valueAt)
}

const idOf = ({ event }: CustomerEvent): string => (event.type === 'tick' ? '' : `${event.type} ${event.id}`)

/** An event is a repeat if its id is among the 32 newest journalled, and was journalled within 24 hours. */
function withoutRepeats(events: readonly CustomerEvent[]): CustomerEvent[] {
  const counted: CustomerEvent[] = []
  for (const envelope of events) {
    if (envelope.event.type === 'tick') continue
    const second = Math.floor(envelope.journalledAt / 1_000)
    const repeated = newestIds(counted).some(
      known => known.id === idOf(envelope) && Math.abs(known.second - second) <= 86_400,
    )
    if (!repeated) counted.push(envelope)
  }
  return counted
}

function newestIds(events: readonly CustomerEvent[]): { id: string; second: number }[] {
  const newest = new Map<string, { id: string; second: number; order: number }>()
  for (const envelope of events) {
    const second = Math.floor(envelope.journalledAt / 1_000)
    const id = idOf(envelope)
    if ((newest.get(id)?.second ?? -1) <= second) newest.set(id, { id, second, order: orderOf(envelope) })
  }
  const last = Math.max(...[...newest.values()].map(({ second }) => second))
  return [...newest.values()]
    .filter(({ second }) => last - second <= 86_400)
    .sort((a, b) => b.second - a.second || b.order - a.order)
    .slice(0, 32)
}

/** Equal times are ordered by the hash of the id. */
const orderOf = ({ event }: CustomerEvent): number => (event.type === 'tick' ? 0 : eventHash(event))

const newestProfile = (events: readonly CustomerEvent[]): CustomerEvent | null =>
  events
    .filter(({ event }) => event.type === 'customer')
    .sort((a, b) => a.event.at - b.event.at || orderOf(a) - orderOf(b))
    .at(-1) ?? null

function entriesOf(feature: Extract<Feature, { kind: 'kept' }>, events: readonly CustomerEvent[]): Entry[] {
  return events.flatMap(envelope => {
    const fact = factOf(envelope)
    if (fact === null || fact.subject !== feature.subject || !matches(fact, feature.where)) return []
    const body = fact.body as unknown as Record<string, number>
    const value = feature.field === null ? 1 : body[feature.field]!
    return [{ at: fact.at, id: orderOf(envelope), value, weight: fact.weight }]
  })
}

function matches({ body, stamp }: Fact, where: object | null): boolean {
  return Object.entries(where ?? {}).every(([name, wanted]) =>
    name === 'stamp'
      ? Object.entries(wanted).every(([said, value]) => (stamp as Record<string, unknown> | null)?.[said] === value)
      : (body as unknown as Record<string, unknown>)[name] === wanted,
  )
}

/** Whether a moment's bucket is among the newest of the window. */
export function isInside(when: number, now: number, { resolution, buckets }: Window): boolean {
  const bucketsAgo = {
    hour: Math.floor(now / 3_600_000) - Math.floor(when / 3_600_000),
    day: (midnight(now) - midnight(when)) / 86_400_000,
    week: (monday(now) - monday(when)) / 604_800_000,
    month: monthsSinceNought(now) - monthsSinceNought(when),
  }[resolution]
  return bucketsAgo < buckets
}

const midnight = (at: number): number => new Date(at).setUTCHours(0, 0, 0, 0)
const monday = (at: number): number => midnight(at) - ((new Date(at).getUTCDay() + 6) % 7) * 86_400_000
const monthsSinceNought = (at: number): number => new Date(at).getUTCFullYear() * 12 + new Date(at).getUTCMonth()
