import type { CustomerEvent } from '@offerstream/contracts'
import type { Reading } from './aggregations/aggregation.ts'
import { type StateCodec, stateCodec } from './codec.ts'
import { type Fact, factOf } from './facts.ts'
import type { Features } from './feature.ts'
import { type Cells, type Entry, nothing } from './forms/form.ts'
import { eventHash, fingerprintOf } from './hash.ts'
import { layoutOf, type Reader } from './layout.ts'
import { newerProfile, profileOf, withRejection } from './profile.ts'
import { isRemembered, mergeRemembered, nothingRemembered, remember } from './remembered.ts'
import type { State } from './state.ts'
import { mergeWatch, nothingWatched } from './watch.ts'
import { bucketsAt, dayMs } from './windows.ts'

/** Everything that follows from a list of features. */
export type Engine = {
  readonly names: readonly string[]
  /** Changes with the list; models and vectors name it. */
  readonly fingerprint: string
  /** Changes with what the bytes of a state mean. */
  readonly layoutFingerprint: string
  readonly empty: State
  readonly states: StateCodec
  /** The event's id is known already: a producer's repeat. */
  isRepeat(state: State, envelope: CustomerEvent): boolean
  /** The state with one event more; the state itself for a repeat or a tick. Never changes the state given. */
  apply(state: State, envelope: CustomerEvent): State
  /** One state of two that saw different events of one customer. */
  merge(left: State, right: State): State
  /** The vector at a moment, in the order of the list; missing is NaN. A moment before the newest event counts as that event's. */
  read(state: State, at: number): Float32Array
  /** One of the vector, before it is rounded to a float. */
  valueAt(state: State, name: string, at: number): number
}

export function createEngine(features: Features): Engine {
  const layout = layoutOf(features)
  const { series: kept, readers, names, concerned } = layout
  const states = stateCodec(layout)
  const fingerprint = fingerprintOf(layout.meaning)
  const indices = new Map(names.map((name, index) => [name, index]))
  const empty: State = {
    at: 0,
    profile: null,
    rejections: [],
    fired: {},
    watch: nothingWatched,
    remembered: nothingRemembered,
    series: kept.map(() => nothing),
  }

  function add(series: readonly Cells[], fact: Fact, id: number): readonly Cells[] {
    const { at, weight } = fact
    const buckets = bucketsAt(at)
    const entry: { -readonly [Name in keyof Entry]: Entry[Name] } = { at, id, value: 0, weight }
    let changed: Cells[] | null = null
    const addTo = (indices: readonly number[]): void => {
      for (let i = 0; i < indices.length; i++) {
        const index = indices[i]!
        const { form, resolution, span, measure } = kept[index]!
        entry.value = measure(fact)
        if (Number.isNaN(entry.value)) continue
        const before = series[index]!
        const after = form.add(before, entry, buckets[resolution]!, span)
        if (after === before) continue
        changed ??= series.slice()
        changed[index] = after
      }
    }
    const { always, byField } = concerned[fact.subject]
    addTo(always)
    for (let i = 0; i < byField.length; i++) {
      const { valueIn, indices } = byField[i]!
      const some = indices.get(valueIn(fact))
      if (some !== undefined) addTo(some)
    }
    return changed ?? series
  }

  // Used again by every reader: aggregations look at their parts and keep nothing.
  const parts: Cells[] = []

  function valueBy(reader: Reader, state: State, now: readonly Reading[]): number {
    const { at } = now[0]!
    switch (reader.kind) {
      case 'series': {
        const { aggregation, indices, resolution } = reader
        for (let i = 0; i < indices.length; i++) parts[i] = state.series[indices[i]!]!
        return aggregation.value(parts, now[resolution]!, reader.buckets)
      }
      case 'profile': {
        const value = state.profile?.[reader.field] ?? Number.NaN
        if (reader.as === 'value') return value
        return reader.as === 'days-since' ? (at - value) / dayMs : (value - at) / dayMs
      }
      case 'ratio': {
        const to = valueBy(reader.to, state, now)
        return to === 0 ? Number.NaN : valueBy(reader.of, state, now) / to
      }
      case 'scaled':
        return valueBy(reader.of, state, now) / reader.by
      case 'until':
        return (valueBy(reader.of, state, now) - at) / dayMs
    }
  }

  return {
    names,
    fingerprint,
    layoutFingerprint: fingerprintOf(`${states.schema}${layout.keeping}`),
    empty,
    states,
    isRepeat(state, { event, journalledAt }) {
      if (event.type === 'tick') return false
      return isRemembered(state.remembered, eventHash(event), journalledAt)
    },
    apply(state, envelope) {
      const { event, journalledAt } = envelope
      if (event.type === 'tick') return state
      const id = eventHash(event)
      if (isRemembered(state.remembered, id, journalledAt)) return state
      const fact = factOf(envelope)
      return {
        at: Math.max(state.at, event.at, fact?.at ?? 0),
        profile:
          event.type === 'customer' ? newerProfile(state.profile, profileOf(event, envelope, id)) : state.profile,
        rejections:
          event.type === 'engagement' && event.kind === 'rejected' && event.item !== null
            ? withRejection(state.rejections, { item: event.item, at: event.at })
            : state.rejections,
        fired: state.fired,
        watch: state.watch,
        remembered: remember(state.remembered, id, journalledAt),
        series: fact === null ? state.series : add(state.series, fact, id),
      }
    },
    merge: (left, right) => ({
      at: Math.max(left.at, right.at),
      profile: right.profile === null ? left.profile : newerProfile(left.profile, right.profile),
      rejections: right.rejections.reduce(withRejection, left.rejections),
      fired: newestFired(left.fired, right.fired),
      watch: mergeWatch(left.watch, right.watch, Math.max(left.at, right.at)),
      remembered: mergeRemembered(left.remembered, right.remembered),
      series: kept.map(({ form, span }, i) => form.merge(left.series[i]!, right.series[i]!, span)),
    }),
    read(state, at) {
      const moment = Math.max(at, state.at)
      const now = readingsAt(moment)
      const vector = new Float32Array(readers.length)
      for (let i = 0; i < readers.length; i++) vector[i] = valueBy(readers[i]!, state, now)
      return vector
    },
    valueAt(state, name, at) {
      const index = indices.get(name)
      if (index === undefined) throw new RangeError(`no feature is called ${name}`)
      return valueBy(readers[index]!, state, readingsAt(Math.max(at, state.at)))
    },
  }
}

/** One for each resolution. */
const readingsAt = (at: number): readonly Reading[] =>
  bucketsAt(at).map((bucket, resolution) => ({ at, resolution, bucket }))

function newestFired(left: State['fired'], right: State['fired']): State['fired'] {
  const kinds = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort()
  return Object.fromEntries(kinds.map(kind => [kind, Math.max(left[kind] ?? 0, right[kind] ?? 0)]))
}
