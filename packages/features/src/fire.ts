import type { CustomerEvent } from '@offerstream/contracts'
import type { Engine } from './engine.ts'
import { factsOf } from './profile.ts'
import type { State } from './state.ts'
import type { Moment, Seen, TriggerRule, Triggers, View } from './trigger.ts'
import { watchEvent } from './watch.ts'

/** A trigger that fired. */
export type Firing = {
  readonly kind: string
  /** Id of the event; of a campaign its name; of a moment that came, what it concerns. */
  readonly of: string
  readonly at: number
}

/** What an event or a tick set off. */
export type Fired = {
  /** It remembers when they fired. */
  readonly state: State
  /** In the list's order. */
  readonly firings: readonly Firing[]
  /** When a tick is to wake the customer next, null for never; as `Outcome.due`, absent where that is as it was. */
  readonly due?: number | null
}

/** `before` is without the event, `after` holds it already; for a tick, which wakes a customer who is due, both are the state. */
export type Fire = (envelope: CustomerEvent, before: State, after: State) => Fired

type EventRule = Extract<TriggerRule, { fires: unknown }>
type TickRule = Extract<TriggerRule, { moments: unknown }>

export function createFire(engine: Engine, triggers: Triggers): Fire {
  const rules = Object.entries(triggers)
  const tickRules = rules.filter((each): each is [string, TickRule] => each[1].on === 'tick')
  const byType = new Map<string, [string, EventRule][]>()
  for (const [kind, rule] of rules)
    if (rule.on !== 'tick') byType.set(rule.on, [...(byType.get(rule.on) ?? []), [kind, rule]])

  const viewOf = (state: State, eventAt: number): View => {
    const at = Math.max(state.at, eventAt)
    return { state, at, feature: name => engine.valueAt(state, name, at), facts: () => factsOf(state) }
  }

  /** The first moment nobody looked at yet; one that is too old by what the customer did since is passed over. */
  const nextDue = (state: State): number | null => {
    let next: number | null = null
    for (const [, { moments, maxAgeMs }] of tickRules)
      for (const { at } of moments(state))
        if (at > state.watch.wokenAt && at + maxAgeMs >= state.at && (next === null || at < next)) next = at
    return next
  }

  const onEvent = (envelope: CustomerEvent, before: State, after: State): readonly Firing[] => {
    const { event, journalledAt, item } = envelope
    if (!envelope.triggers || event.type === 'tick') return none
    const mine = byType.get(event.type)
    if (mine === undefined) return none
    const seen: Seen = { item, before: viewOf(before, event.at), after: viewOf(after, event.at) }
    const of = event.type === 'campaign_due' ? event.campaign : event.id
    const firings: Firing[] = []
    for (const [kind, { maxAgeMs, atMost, fires }] of mine) {
      if (journalledAt - event.at > maxAgeMs) continue
      const last = after.fired[kind]
      if (last !== undefined && !atMost.isOver(last, event.at)) continue
      if (fires(event, seen)) firings.push({ kind, of, at: event.at })
    }
    return firings
  }

  const onTick = (state: State, now: number): readonly Firing[] => {
    const firings: Firing[] = []
    for (const [kind, { maxAgeMs, atMost, moments }] of tickRules) {
      const last = state.fired[kind]
      if (last !== undefined && !atMost.isOver(last, now)) continue
      const moment = moments(state)
        .filter(({ at }) => at > state.watch.wokenAt && at <= now && now - at <= maxAgeMs)
        .reduce<Moment | null>(earlier, null)
      if (moment !== null) firings.push({ kind, ...moment })
    }
    return firings
  }

  return (envelope, before, after) => {
    const { event } = envelope
    if (event.type === 'tick') {
      const firings = onTick(after, event.at)
      const woken = withFired({ ...after, watch: { ...after.watch, wokenAt: event.at } }, firings, event.at)
      const due = nextDue(woken)
      return { state: { ...woken, watch: { ...woken.watch, dueAt: due } }, firings, due }
    }
    const watch = watchEvent(after.watch, envelope, after.at)
    const watched = watch === after.watch ? after : { ...after, watch }
    const firings = onEvent(envelope, before, watched)
    const state = withFired(watched, firings, event.at)
    const due = nextDue(state)
    if (due === state.watch.dueAt) return { state, firings }
    return { state: { ...state, watch: { ...state.watch, dueAt: due } }, firings, due }
  }
}

const none: readonly Firing[] = []

const earlier = (a: Moment | null, b: Moment): Moment =>
  a === null || b.at < a.at || (b.at === a.at && b.of < a.of) ? b : a

function withFired(state: State, firings: readonly Firing[], at: number): State {
  if (firings.length === 0) return state
  const all: Record<string, number> = { ...state.fired }
  for (const { kind } of firings) all[kind] = at
  return { ...state, fired: Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1))) }
}
