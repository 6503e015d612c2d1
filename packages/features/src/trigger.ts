import type { CustomerEvent, CustomerFacts, ItemStamp } from '@offerstream/contracts'
import type { State } from './state.ts'
import { bucketsAt, dayMs } from './windows.ts'

/** A moment that asks for a decision. */
export type TriggerRule = Terms & (OnEvent | OnTick)

/** What every trigger says of itself. */
type Terms = {
  /** One sentence for the table of triggers. */
  readonly says: string
  /** An event that took longer into the journal, a moment that came longer ago, fires nothing; milliseconds. */
  readonly maxAgeMs: number
  /** How often at most for one customer. */
  readonly atMost: Pause
}
type Happening = Exclude<CustomerEvent['event'], { readonly type: 'tick' }>
type EventType = Happening['type']
type EventOf<Type extends EventType> = Extract<Happening, { readonly type: Type }>

type OnEvent = {
  readonly on: EventType
  fires(event: Happening, seen: Seen): boolean
}
type OnTick = {
  readonly on: 'tick'
  /** Moments to come or just past, in any order, that hold by what is known now; a tick fires those that came. */
  moments(state: State): readonly Moment[]
}

/** When, and what it concerns: an offer, a package. */
export type Moment = { readonly at: number; readonly of: string }

/** What a rule may look at beside the event. */
export type Seen = {
  /** What the catalogue said of the item. */
  readonly item: ItemStamp | null
  /** Without the event. */
  readonly before: View
  /** With it. */
  readonly after: View
}
export type View = {
  readonly state: State
  /** The moment at which its features are read: of its newest event, or of this one where that is later. */
  readonly at: number
  feature(name: string): number
  facts(): CustomerFacts
}

export type Triggers = Readonly<Record<string, TriggerRule>>

/** One that an event of a type may fire. */
export const onEvent = <Type extends EventType>(
  on: Type,
  rule: Terms & { fires(event: EventOf<Type>, seen: Seen): boolean },
): TriggerRule => ({ ...rule, on, fires: (event, seen) => rule.fires(event as EventOf<Type>, seen) })

/** One that time fires: a tick, for a customer for whom a moment has come. */
export const onTick = (rule: Terms & Pick<OnTick, 'moments'>): TriggerRule => ({ ...rule, on: 'tick' })

/** How long a trigger is silent for a customer after it fired. */
export type Pause = {
  readonly says: string
  /** Whether it may fire at a moment after it fired at an earlier one. */
  isOver(last: number, at: number): boolean
}

/** So many milliseconds. */
export const onceIn = (ms: number): Pause => ({
  says: `once in ${durationText(ms)}`,
  isOver: (last, at) => at - last >= ms,
})

/** Months since January 1970, UTC. */
export const monthOf = (at: number): number => bucketsAt(at)[3]

/** Until the next calendar month, UTC. */
export const onceAMonth: Pause = { says: 'once a month', isOver: (last, at) => monthOf(at) > monthOf(last) }

export const minuteMs = dayMs / 1_440
export const hourMs = dayMs / 24

/** A row of the table of triggers, derived from the list. */
export type TriggerRow = {
  readonly kind: string
  readonly says: string
  /** Type of the events that may fire it, or `tick`. */
  readonly on: string
  readonly atMost: string
  readonly maxAge: string
}

export const describeTriggers = (triggers: Triggers): readonly TriggerRow[] =>
  Object.entries(triggers).map(([kind, { says, on, atMost, maxAgeMs }]) => ({
    kind,
    says,
    on,
    atMost: atMost.says,
    maxAge: durationText(maxAgeMs),
  }))

/** Days, hours or minutes. */
function durationText(ms: number): string {
  const [length, name] = ms % dayMs === 0 ? [dayMs, 'day'] : ms % hourMs === 0 ? [hourMs, 'hour'] : [minuteMs, 'minute']
  const many = ms / length
  return `${many} ${name}${many === 1 ? '' : 's'}`
}
