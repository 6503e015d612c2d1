// The whole state again from the raw events, as plainly as can be: what the clever fold is compared with.
import type { Customer, CustomerEvent } from '@offerstream/contracts'
import type { Calendar } from './aggregations/aggregation.ts'
import { aggregations } from './aggregations/index.ts'
import { type Fact, factOf, fieldOf } from './facts.ts'
import type { Feature, Features, Part } from './feature.ts'
import type { Entry } from './forms/form.ts'
import { eventHash, textHash } from './hash.ts'
import type { Resolution, Window } from './windows.ts'

/** The vector at a moment, of the events of one customer in the order of the journal. */
export function naiveRead(features: Features, events: readonly CustomerEvent[], at: number): Float32Array {
  const counted = withoutRepeats(events)
  const moments = counted.flatMap(({ event }) =>
    event.type === 'purchase_retracted' ? [event.at, event.purchasedAt] : [event.at],
  )
  const moment = Math.max(at, ...moments)
  const profile = newestProfile(counted)
  const happened = counted.flatMap(envelope => {
    const fact = factOf(envelope)
    return fact === null ? [] : [{ fact, id: orderOf(envelope) }]
  })
  const bucketOf = rememberedCalendar()
  const entriesIn = rememberedEntries(happened)
  const valueAt = (feature: Feature): number => {
    switch (feature.kind) {
      case 'kept': {
        const { resolution, buckets } = feature.window ?? { resolution: 'day', buckets: 1 }
        const now = bucketOf(moment, resolution)
        const window: Calendar = {
          at: moment,
          buckets,
          bucketsAgo: when => now - bucketOf(when, resolution),
          opensAt: opensAt(moment, { resolution, buckets }),
        }
        return aggregations[feature.aggregation].oracle(feature.parts.map(entriesIn), window)
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
      case 'until':
        return (valueAt(feature.of) - moment) / 86_400_000
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
  let known: Known[] = []
  for (const envelope of events) {
    if (envelope.event.type === 'tick') continue
    const id = idOf(envelope)
    const second = Math.floor(envelope.journalledAt / 1_000)
    if (known.some(each => each.id === id && Math.abs(each.second - second) <= 86_400)) continue
    counted.push(envelope)
    known = newestKnown([...known, { id, second, order: orderOf(envelope) }])
  }
  return counted
}

type Known = { readonly id: string; readonly second: number; readonly order: number }

function newestKnown(known: readonly Known[]): Known[] {
  const last = Math.max(...known.map(({ second }) => second))
  return known
    .filter(
      ({ id, second }) => last - second <= 86_400 && !known.some(other => other.id === id && other.second > second),
    )
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

type Happened = { readonly fact: Fact; readonly id: number }

function entriesOf({ subject, field, where }: Part, happened: readonly Happened[]): Entry[] {
  const { stamp = {}, ...own } = where ?? {}
  const wanted = [
    ...Object.entries(own),
    ...Object.entries(stamp).map(([name, value]) => [`stamp.${name}`, value]),
  ].map(([name, value]) => ({ valueIn: fieldOf(name as string), value }))
  const entries: Entry[] = []
  for (const { fact, id } of happened) {
    if (fact.subject !== subject || !wanted.every(({ valueIn, value }) => valueIn(fact) === value)) continue
    const said = field === null ? 1 : fieldOf(field)(fact)
    const value = typeof said === 'string' ? textHash(said) : said
    if (typeof value === 'number') entries.push({ at: fact.at, id, value, weight: fact.weight })
  }
  return entries
}

/** Many features are made of the same entries. */
function rememberedEntries(happened: readonly Happened[]): (part: Part) => readonly Entry[] {
  const known = new Map<string, readonly Entry[]>()
  return part => {
    const key = JSON.stringify(part)
    const entries = known.get(key) ?? entriesOf(part, happened)
    known.set(key, entries)
    return entries
  }
}

/** Number of the bucket that holds a moment, by the calendar. */
export function calendarBucket(at: number, resolution: Resolution): number {
  switch (resolution) {
    case 'hour':
      return Math.floor(at / 3_600_000)
    case 'day':
      return midnight(at) / 86_400_000
    case 'week':
      return Math.round(monday(at) / 604_800_000)
    case 'month':
      return new Date(at).getUTCFullYear() * 12 + new Date(at).getUTCMonth()
  }
}

const midnight = (at: number): number => new Date(at).setUTCHours(0, 0, 0, 0)
const monday = (at: number): number => midnight(at) - ((new Date(at).getUTCDay() + 6) % 7) * 86_400_000

/** A history is read for every feature at the same moments. */
function rememberedCalendar(): typeof calendarBucket {
  const known = { hour: new Map(), day: new Map(), week: new Map(), month: new Map() } as const
  return (at, resolution) => {
    const buckets: Map<number, number> = known[resolution]
    let bucket = buckets.get(at)
    if (bucket === undefined) {
      bucket = calendarBucket(at, resolution)
      buckets.set(at, bucket)
    }
    return bucket
  }
}

/** Where the oldest bucket of a window begins. */
export function opensAt(now: number, { resolution, buckets }: Window): number {
  switch (resolution) {
    case 'hour':
      return now - (now % 3_600_000) - (buckets - 1) * 3_600_000
    case 'day':
      return midnight(now) - (buckets - 1) * 86_400_000
    case 'week':
      return monday(now) - (buckets - 1) * 604_800_000
    case 'month':
      return Date.UTC(new Date(now).getUTCFullYear(), new Date(now).getUTCMonth() - buckets + 1, 1)
  }
}
