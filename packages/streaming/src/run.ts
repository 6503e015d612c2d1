// Maps records without state: publish, and now and then save progress and counts, then commit. A crash repeats records
// under the same cause, which the readers skip.
import { type RecordOf, type TopicName, topics } from '@offerstream/contracts'
import { causeText } from './cause.ts'
import type { Codec, Topic } from './codec.ts'
import { deadLetter, deadLettersOf } from './dead-letters.ts'
import { type Reject, type Skip, type StateCodec, skip } from './fold.ts'
import { type Answer, type LaneWork, type Running, runMember } from './member.ts'
import { partitionOf } from './partition.ts'
import { type Message, type Outgoing, Refused } from './ports.ts'
import { read } from './receive.ts'
import { steadily } from './retry.ts'
import type { RunOptions } from './run-fold.ts'
import { createTally, rejectLimits } from './tally.ts'

/** A record to publish under a key of its own. */
export type Addressed = {
  [Name in TopicName]: { readonly topic: Name; readonly key: string; readonly value: RecordOf<Name> }
}[TopicName]

export type Handled = { readonly kind: 'done'; readonly emit: readonly Addressed[] } | Skip | Reject

/** A source record as a handler sees it. */
export type SourceRecord<In> = {
  readonly key: string | null
  readonly value: In
  /** As the writer stamped it, milliseconds since the epoch. */
  readonly timestamp: number
}

/** What a handler reads: a topic of ours, or a company's own. */
type Source<In> = {
  /** Tells causes and progress apart, so it must never change and no two sources may share it. */
  readonly name: string
  readonly path: string
  readonly codec: Pick<Codec<In>, 'decode' | 'learn'>
  /** Not in our shape: its records need no key, and one without a value says nothing. */
  readonly foreign?: boolean
}

/** What a handler counts of a partition, saved with its progress: each record once, whatever crashes. */
export type Keeps<Kept, In> = {
  readonly states: StateCodec<Kept>
  readonly empty: Kept
  /** Pure; the same object where nothing changes. Asked after the batch's `effect`. */
  add(kept: Kept, record: SourceRecord<In>): Kept
}

/** Where the store holds what a handler keeps of a source: the fold to peek into, and the key. */
export const keptIn = (handler: string, source: string, generation = 1): { fold: string; key: string } => ({
  fold: `${handler}.${source}@${generation}`,
  key: 'kept',
})

export type Handler<In, Kept = unknown> = {
  /** Names the consumer group. */
  readonly name: string
  readonly inputs: readonly Source<In>[]
  readonly outputs: readonly Topic<never>[]
  /** What a batch does outside the log; before it is counted as read, so it is done again after a crash. */
  effect?(batch: readonly SourceRecord<In>[]): Promise<void>
  readonly keeps?: Keeps<Kept, In>
  handle(record: SourceRecord<In>): Handled
}

/**
 * Runs a handler as a member of its group. A source whose committed offset lies outside its log is refused until its
 * generation is raised (`generations`, by the name of the source).
 */
export async function run<In>(
  handler: Handler<In>,
  options: RunOptions & { readonly generations?: Readonly<Partial<Record<string, number>>> },
): Promise<Running> {
  return runMember({
    ...options,
    group: `${options.prefix ?? ''}${handler.name}`,
    paths: handler.inputs.map(topic => topic.path),
    open: (path, partition, committed, signal) =>
      openLane(handler, handler.inputs.find(topic => topic.path === path)!, partition, committed, signal, options),
  })
}

async function openLane<In>(
  handler: Handler<In>,
  input: Source<In>,
  partition: number,
  committed: number | null,
  signal: AbortSignal,
  options: RunOptions & { readonly generations?: Readonly<Partial<Record<string, number>>> },
): Promise<LaneWork> {
  const { log, store, metrics, notice = () => {} } = options
  const reach = options.reach ?? (() => {})
  const generation = options.generations?.[input.name] ?? 1
  const where = `${handler.name} ${input.path}/${partition}`
  const steady = steadily(where, { signal, metrics, notice })
  // The generation is part of the name: what was counted of an earlier run of the topic says nothing of this one.
  const place = keptIn(handler.name, input.name, generation)
  const lane = await steady(() => store.open(place.fold, partition))
  const bounds = (await steady(() => log.bounds(input.path)))[partition]
  if (bounds === undefined) throw new Refused(`${input.path} has no partition ${partition} any more`)
  const start = startOf(where, lane.watermark, generation > 1 ? null : committed, bounds)
  const tally = createTally(lane.counts, options.rejectLimits ?? rejectLimits, options.continueAfterRejects)
  if (tally.stopReason() !== null) throw new Refused(`${where}: ${tally.stopReason()}`)
  const outputs = new Map<string, { topic: Topic<never>; partitions: number }>()
  for (const topic of handler.outputs)
    outputs.set(topic.name, { topic, partitions: (await steady(() => log.bounds(topic.path))).length })
  // A record without a value says that its key is gone: on a compacted topic nothing is wrong with it.
  const isCompacted = input.foreign || topics[input.name as TopicName]?.kept === 'compacted'
  let watermark = lane.watermark
  let handled = watermark
  const { keeps } = handler
  const [bytes] = keeps === undefined ? [] : await steady(() => lane.load([place.key]))
  let kept = keeps === undefined ? undefined : bytes == null ? keeps.empty : keeps.states.decode(bytes)
  let savedKept = kept

  // Progress and counts are saved together, so that what a crash repeats is counted once.
  const settle = async (): Promise<Answer> => {
    if (handled === null || handled === watermark) return 'more'
    const to = handled
    const states = kept === savedKept ? [] : [[place.key, keeps!.states.encode(kept)] as const]
    const saved = await steady(() =>
      lane.save({ from: watermark, to, states, causes: new Map(), counts: tally.changed, due: [], outbox: null }),
    )
    if (saved !== 'saved') {
      metrics?.record('offerstream_fenced_total', 1)
      return saved === 'fenced' ? 'drop' : 'reassign'
    }
    await reach('after-save')
    watermark = to
    savedKept = kept
    for (const [outcome, count] of tally.settle()) metrics?.record('offerstream_records_total', count, outcome)
    return 'more'
  }

  return {
    start,
    settle,
    async batch(messages) {
      await steady(() => input.codec.learn(messages.map(message => message.value)))
      const published = new Map<string, { path: string; partition: number; records: Outgoing[] }>()
      const deadLetters: Outgoing[] = []
      const records: SourceRecord<In>[] = []
      for (const message of messages) {
        const reading = read(input.codec, message, input.foreign)
        if ('value' in reading) records.push({ key: message.key, value: reading.value, timestamp: message.timestamp })
        const outcome: Handled =
          message.value === null && isCompacted
            ? skip('tombstone')
            : 'outcome' in reading
              ? reading.outcome
              : handler.handle(records[records.length - 1]!)
        tally.count(outcome.kind === 'done' ? { kind: 'done', state: undefined, emit: [] } : outcome)
        if (outcome.kind === 'reject') deadLetters.push(deadLetter(handler.name, input.path, message, outcome.reason))
        if (outcome.kind === 'done')
          for (const [index, emission] of outcome.emit.entries())
            address(
              outputs,
              published,
              emission,
              causeText({ topic: input.name, generation, partition, offset: message.offset, index }),
              message,
            )
      }
      if (handler.effect !== undefined && records.length > 0) await steady(() => handler.effect!(records))
      if (keeps !== undefined) for (const record of records) kept = keeps.add(kept, record)
      await reach('before-publish')
      await Promise.all([
        ...[...published.values()].map(each => log.append(each.path, each.partition, each.records)),
        ...(deadLetters.length > 0 ? [log.append(deadLettersOf(input.path), partition, deadLetters)] : []),
      ])
      await reach('after-publish')
      for (const { path, records } of published.values())
        metrics?.record('offerstream_published_total', records.length, path)
      handled = messages[messages.length - 1]!.offset
      const stop = tally.stopReason()
      if (stop === null) return 'more'
      const answer = await settle()
      if (answer === 'more') throw new Refused(`${where}: ${stop}`)
      return answer
    },
  }
}

function address(
  outputs: ReadonlyMap<string, { topic: Topic<never>; partitions: number }>,
  published: Map<string, { path: string; partition: number; records: Outgoing[] }>,
  emission: Addressed,
  cause: string,
  message: Message,
): void {
  const output = outputs.get(emission.topic)
  if (output === undefined)
    throw new Error(`a handler emitted to ${emission.topic}, which it does not list among its outputs`)
  const partition = partitionOf(emission.key, output.partitions)
  const lane = `${output.topic.path}/${partition}`
  const entry = published.get(lane) ?? { path: output.topic.path, partition, records: [] }
  entry.records.push({
    key: emission.key,
    value: output.topic.codec.encode(emission.value as never),
    cause,
    timestamp: message.timestamp,
  })
  published.set(lane, entry)
}

function startOf(
  where: string,
  watermark: number | null,
  committed: number | null,
  bounds: { first: number; next: number },
): number {
  const wanted = watermark === null ? (committed ?? bounds.first) : watermark + 1
  if (wanted < bounds.first || wanted > bounds.next)
    throw new Refused(
      `${where}: wanted offset ${wanted}, the log holds ${bounds.first} to ${bounds.next}: the topic was recreated, or records were deleted unread. Raise its generation (OFFERSTREAM_GENERATIONS) to begin anew`,
    )
  return wanted
}
