// What the runners need of the world. Every adapter of a port passes the port's conformance suite.

import type { Reservations } from './reservations.ts'

/** Position in the order of a source: which run of the topic, which partition, where, and which of the records it led to. */
export type Cause = {
  readonly topic: string
  readonly generation: number
  readonly partition: number
  readonly offset: number
  readonly index: number
}

/** A record as the log holds it. */
export type Message = {
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly value: Buffer | null
  /** The `cause` header as text, see cause.ts; null where the writer gave none. */
  readonly cause: string | null
  /** Every other header. */
  readonly headers: Readonly<Record<string, string>>
  /** Milliseconds since the epoch, as the writer stamped it. */
  readonly timestamp: number
}

/** A record to append; `timestamp` defaults to the wall clock. */
export type Outgoing = {
  readonly key: string | null
  readonly value: Buffer | null
  readonly cause?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly timestamp?: number
}

/** `next` is the offset to go on from, `end` where the partition ended when it was asked. */
type Tail = { readonly messages: readonly Message[]; readonly next: number; readonly end: number }

/** `first` is the oldest offset still held, `next` the one the next record will get. */
export type Bounds = { readonly first: number; readonly next: number }

export type TopicSpec = {
  readonly name: string
  readonly partitions: number
  /** Milliseconds, or for ever, or the newest of each key. */
  readonly kept: number | 'for-ever' | 'compacted'
  /** Largest record, bytes; the broker's own limit where absent. */
  readonly recordBytes?: number
}

/** What a member of a group does with the partitions it is given. Calls for one partition never overlap. */
export type Member = {
  /** The partition is ours: answers the offset to read from. `committed` is the group's next offset, null for none. */
  assigned(topic: string, partition: number, committed: number | null): Promise<number>
  /**
   * Records in order, none left out, from the offset last asked for. Nothing more of this partition comes before the
   * promise settles. `drop` gives the partition up until the group assigns it anew; `reassign` asks for `assigned` to be
   * called again at once, because the place to read from changed. A rejection fails the subscription.
   */
  batch(topic: string, partition: number, messages: readonly Message[]): Promise<'more' | 'drop' | 'reassign'>
  /** No longer ours; a batch under way may still finish. */
  revoked(topic: string, partition: number): void
}

export type Subscription = {
  /** Sets the group's next offset; an answer that this member is no longer the owner is not an error. */
  commit(topic: string, partition: number, next: number): Promise<void>
  /** Finishes the batches under way, leaves the group. */
  stop(): Promise<void>
  /** Rejects when the subscription cannot go on; resolves after `stop`. */
  readonly done: Promise<void>
}

export type Log = {
  /** Creates what is missing. Refuses by name a topic whose partition count is another one. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>
  topicNames(): Promise<readonly string[]>
  /** Bounds of every partition, in order. Throws `UnknownTopic`. */
  bounds(topic: string): Promise<readonly Bounds[]>
  /**
   * Appends in order; resolves once all of it is written. Calls for one partition are served in the order they were
   * made, one outstanding at a time. A rejection means that nobody knows what was written: stop and start over.
   */
  append(topic: string, partition: number, records: readonly Outgoing[]): Promise<void>
  /** Reads [from, to) without a group; `to` defaults to the end as it is now. */
  read(topic: string, partition: number, from: number, to?: number): AsyncIterable<readonly Message[]>
  /**
   * What is there from an offset on, as much of it as one request brings and perhaps nothing, without waiting: for a reader
   * that looks often. Throws `Refused` for an offset outside the log.
   */
  tail(topic: string, partition: number, from: number): Promise<Tail>
  /** The next offset of a group for every partition, null where it has none. */
  committed(group: string, topic: string): Promise<readonly (number | null)[]>
  subscribe(group: string, topics: readonly string[], member: Member, options?: SubscribeOptions): Promise<Subscription>
  close(): Promise<void>
}

export type SubscribeOptions = {
  /** Most records of one partition in a batch; 2,000 by default. */
  readonly batchRecords?: number
  /** How long a member may be silent before its partitions go to another, milliseconds. */
  readonly sessionTimeoutMs?: number
  /** Time between fetches that bring something, milliseconds: longer means larger batches, fewer requests, later records. */
  readonly fetchPauseMs?: number
}

/** States of the keys of one fold's partition, with everything that must change together with them. */
export type Store = {
  /** What all partitions share and there is only so much of. */
  readonly reservations: Reservations
  /**
   * Takes the partition: raises its epoch, which shuts out every earlier owner. Epochs of two owners are never equal, not
   * even when a failover lost the first one's: below a rising count they hold random bits.
   */
  open(fold: string, partition: number): Promise<StoreLane>
  /** Reads without owning, for APIs. */
  peek(fold: string, partition: number, keys: readonly string[]): Promise<readonly (Buffer | null)[]>
  /**
   * Every state without owning, in pages of some thousand and in no order, though the owner goes on: a state that is there
   * all the while comes at least once, as it is when its page is read; one made or removed meanwhile may or may not come.
   */
  each(fold: string, partition: number): AsyncIterable<readonly (readonly [key: string, state: Buffer])[]>
  /** The keys that have a state, as `each` brings them: at least once, in no order. */
  keys(fold: string, partition: number): AsyncIterable<readonly string[]>
  /** How many keys of the partition have a state. */
  size(fold: string, partition: number): Promise<number>
  /**
   * All of a partition as it was at one moment, though its owner goes on. `see` is handed pages of rows; a later row of a
   * key replaces an earlier one, and after the last page they are the states of the moment that the answer belongs to.
   * A due moment counts with its state. Null for a partition never opened. Throws `Transient` when the owner changed or
   * the store fell back meanwhile: begin again.
   */
  capture(
    fold: string,
    partition: number,
    see: (rows: readonly StateRow[]) => void | Promise<void>,
  ): Promise<Captured | null>
  /**
   * Empties a partition, watermark first, and shuts its owner out; interrupted, it is to be called again. With an epoch,
   * 0 for a partition never opened, only while it is the partition's. False where somebody took the partition meanwhile:
   * what is there is theirs.
   */
  forget(fold: string, partition: number, epoch?: number): Promise<boolean>
  /** Which fold plays a role for a partition; null before the first. */
  incumbent(role: string, partition: number): Promise<Incumbent | null>
  /** Compare and set; false where the incumbent is not `before` any more. A term is never given twice. */
  appoint(role: string, partition: number, before: Incumbent | null, after: Incumbent): Promise<boolean>
  /**
   * Shuts every owner of the partition out, later ones too, and answers where the last of them ended. The same for the
   * same successor, however often; throws `Refused` where another one was first.
   */
  retire(fold: string, partition: number, successor: string): Promise<Retired>
  /** Takes a retirement back. */
  reinstate(fold: string, partition: number): Promise<void>
  /** Reads watermark and counts without owning; null for a partition never opened. */
  peekProgress(fold: string, partition: number): Promise<Progress | null>
  close(): Promise<void>
}

export type Progress = {
  readonly epoch: number
  /** Offset of the last record applied; null before the first. */
  readonly watermark: number | null
  /** Totals by reason. */
  readonly counts: ReadonlyMap<string, number>
  /** The fold that took over for good; every save is `fenced` then. Null while none did. */
  readonly retiredBy: string | null
}

/** Null where a state was removed. */
export type StateRow = readonly [key: string, state: Buffer | null, due: number | null]

/** What of a partition is not by key, at the moment of a capture. */
export type Captured = {
  readonly watermark: number | null
  readonly causes: ReadonlyMap<string, CausePosition>
  readonly counts: ReadonlyMap<string, number>
  readonly outbox: Buffer | null
  /** How many keys have a state. */
  readonly states: number
}

/** Of the folds of one role only the incumbent publishes for a partition, and only what records above an offset cause. */
export type Incumbent = { readonly fold: string; readonly publishesAfter: number; readonly term: number }

type Retired = { readonly watermark: number | null; readonly outbox: Buffer | null }

export type StoreLane = Progress & {
  /** Highest cause applied by source partition (`topic/partition`), as generation, offset, index. */
  readonly causes: ReadonlyMap<string, CausePosition>
  /** What the last save left to publish, null for nothing. */
  readonly outbox: Buffer | null
  load(keys: readonly string[]): Promise<readonly (Buffer | null)[]>
  /** The first `limit` due at or before `until`, in order of (due, key). */
  due(until: number, limit: number): Promise<readonly { readonly key: string; readonly at: number }[]>
  /**
   * All or nothing, and only if epoch and watermark are still the caller's; waits for the configured replicas.
   * `fenced`: a later owner took the partition. `rewound`: nobody did, but the store is not where the caller left it, as
   * after a failover that lost the last writes; open the partition again. After `Transient` an equal change may be given
   * again: it is saved once, whether the first try was or not.
   */
  save(change: Change): Promise<'saved' | 'fenced' | 'rewound'>
}

export type CausePosition = readonly [generation: number, offset: number, index: number]

export type Change = {
  /** Watermark the caller started from. */
  readonly from: number | null
  /** Watermark after it; equal to `from` where only states change. */
  readonly to: number | null
  /** Null removes the key. */
  readonly states: readonly (readonly [key: string, state: Buffer | null])[]
  /** Sources whose highest cause changed. */
  readonly causes: ReadonlyMap<string, CausePosition>
  /** Totals that changed, absolute. */
  readonly counts: ReadonlyMap<string, number>
  /** Next due moment by key, null for none. */
  readonly due: readonly (readonly [key: string, at: number | null])[]
  /** Replaces the outbox. */
  readonly outbox: Buffer | null
}

/**
 * The guards of a save, all on. Only negative controls turn one off, to show that the checker sees what it prevents:
 * without `compare` nothing is compared, without `epoch` only the watermark.
 */
export type StoreGuards = { readonly compare: boolean; readonly epoch: boolean }

/** Schemas by id, and the rule that a new one must read what the last one wrote. */
export type Registry = {
  /** The id of the schema under the subject; throws `IncompatibleSchema` naming reader and writer. */
  register(subject: string, schema: string): Promise<number>
  /** The schema of an id, null for an id nobody registered. Throws `Transient` when the registry does not answer. */
  schema(id: number): Promise<string | null>
}

/** The world is unwell: worth another try. */
export class Transient extends Error {
  override name = 'Transient'
}

/** Going on would lose or repeat something: stop, say which command repairs it. */
export class Refused extends Error {
  override name = 'Refused'
}

export const retiredByAnother = (lane: string, first: string, successor: string): Refused =>
  new Refused(`${lane} was taken over by ${first} already; ${successor} cannot take it over too`)

export class UnknownTopic extends Error {
  override name = 'UnknownTopic'
}

export class IncompatibleSchema extends Error {
  override name = 'IncompatibleSchema'
}
