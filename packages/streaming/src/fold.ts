import type { RecordOf, TopicName } from '@offerstream/contracts'
import type { Topic } from './codec.ts'
import type { Cause } from './ports.ts'

/** A record to publish under the key of the record that led to it, typed by its topic. */
export type Emission = { [Name in TopicName]: { readonly topic: Name; readonly value: RecordOf<Name> } }[TopicName]

export type Skip = { readonly kind: 'skip'; readonly reason: string }
export type Reject = { readonly kind: 'reject'; readonly reason: string; readonly cause?: unknown }

/** What became of a record. Reasons are short and fixed: they are counted, and label metrics and dead letters. */
export type Outcome<State> =
  | {
      readonly kind: 'done'
      readonly state: State
      readonly emit: readonly Emission[]
      /** When a tick is to wake this key, null for never; absent leaves what was asked for before. */
      readonly due?: number | null
    }
  | Skip
  | Reject

/** Handled: save the state, publish the emissions. */
export const done = <State>(state: State, ...emit: readonly Emission[]): Outcome<State> => ({
  kind: 'done',
  state,
  emit,
})
/** Handled as well; `at` is when a tick is to wake this key, null for never, in milliseconds since the epoch. */
export const doneUntil = <State>(state: State, at: number | null, ...emit: readonly Emission[]): Outcome<State> => ({
  kind: 'done',
  state,
  emit,
  due: at,
})
/** Nothing to do. */
export const skip = (reason: string): Skip => ({ kind: 'skip', reason })
/** This record can never succeed: a dead letter. */
export const reject = (reason: string, cause?: unknown): Reject => ({ kind: 'reject', reason, cause })

/** A record as a step sees it. */
export type Received<In> = {
  /** Whose state the step gets. For a tick, a key that was due. */
  readonly key: string
  readonly value: In
  /** Cause of the first record the step emits; `index` rises by one for each further one. */
  readonly cause: Cause
}

/** Bytes of a state. Equal states have equal bytes. */
export type StateCodec<State> = { encode(state: State): Buffer; decode(bytes: Buffer): State }

/**
 * One state per key, folded over one topic. `step` is pure: no clock, no chance, no I/O, and it leaves the state it was
 * given as it was. It may throw only for a bug.
 */
export type Fold<State, In, Context = undefined> = {
  /** Names the consumer group and the states; it changes when the meaning of a state does. */
  readonly name: string
  /** What it does for the line, whatever its states look like: of the folds of one role one publishes, see succession.ts. */
  readonly role?: string
  readonly input: Topic<In>
  /** Topics it publishes to, in the order in which a batch is published. */
  readonly outputs: readonly Topic<never>[]
  readonly states: StateCodec<State>
  readonly empty: State
  /** What a record without a value means, as on a compacted topic; without it such a record is rejected. */
  readonly nullMeans?: In
  /** The moment a record of the clock brings, null for any other record. It wakes the keys due by then. */
  wakes?(value: In): number | null
  /** Why this version cannot handle a record that another one can, else null: the partition then waits before it. */
  awaits?(value: In): string | null
  /** Work for a whole batch that needs no state, one context per record: one ONNX call. */
  prepare?(batch: readonly Received<In>[]): Promise<readonly Context[]>
  step(state: State, record: Received<In>, context: Context): Outcome<State>
}
