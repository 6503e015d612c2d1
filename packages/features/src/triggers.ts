import type { CustomerEvent } from '@offerstream/contracts'
import type { State } from './state.ts'
import { bucketsAt, dayMs } from './windows.ts'

/** A moment that asks for a decision. */
export type TriggerRule = {
  /** One sentence for the table of triggers. */
  readonly says: string
  /** An event that took longer into the journal updates features and fires nothing. */
  readonly maxAgeMs: number
  /** Whether it may fire at a moment after it fired at an earlier one. */
  mayFireAgain(last: number, at: number): boolean
  /** `after` holds the event already. */
  fires(event: CustomerEvent, after: State, feature: (name: string) => number): boolean
}
export type Triggers = Readonly<Record<string, TriggerRule>>

const hourMs = dayMs / 24
const quietFor =
  (ms: number) =>
  (last: number, at: number): boolean =>
    at - last >= ms
const monthOf = (at: number): number => bucketsAt(at)[3]

/** Every trigger, in the order in which those of one event fire. */
export const triggers = {
  purchase: {
    says: 'a plan or a package was bought; at most once an hour',
    maxAgeMs: hourMs,
    mayFireAgain: quietFor(hourMs),
    fires: ({ event, item }) => event.type === 'purchase' && (item?.kind === 'plan' || item?.kind === 'package'),
  },
  'allowance-used': {
    says: "80 % of the plan's data was used in the calendar month (UTC); once a month",
    maxAgeMs: 6 * hourMs,
    mayFireAgain: (last, at) => monthOf(at) > monthOf(last),
    fires: ({ event }, after, feature) =>
      event.type === 'usage' && monthOf(event.at) === monthOf(after.at) && feature('allowance_used_month') >= 0.8,
  },
} satisfies Triggers

export type TriggerKind = keyof typeof triggers
