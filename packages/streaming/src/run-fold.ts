// One state per key, each record applied once. The order in a batch: save states, watermark, causes and outbox in one
// script; publish the outbox; commit. A crash or a zombie can repeat records, never invent others.
import { LRUCache } from 'lru-cache'
import { causeText } from './cause.ts'
import { deadLetter, deadLettersOf } from './dead-letters.ts'
import { type Emission, type Fold, type Received, skip } from './fold.ts'
import { type Answer, type LaneWork, type Reach, type Running, runMember } from './member.ts'
import type { Metrics } from './metrics.ts'
import { type OutboxEntry, packOutbox, publish, unpackOutbox } from './outbox.ts'
import {
  type Cause,
  type Log,
  type Message,
  type Outgoing,
  Refused,
  type Store,
  type StoreLane,
  Transient,
} from './ports.ts'
import { type Causes, checkCause, isRepeat, type Reading, read } from './receive.ts'
import { steadily } from './retry.ts'
import { createTally, type RejectLimits, rejectLimits } from './tally.ts'

/** Guards that only negative controls turn off, to show that the checker sees what they prevent. */
export type FoldGuards = {
  /** Skip records whose cause was applied before. */
  readonly causes: boolean
  /** Save before publishing. */
  readonly saveFirst: boolean
}

export type RunOptions = {
  readonly log: Log
  readonly store: Store
  /** Before topic and group names, so that several brands share a cluster. */
  readonly prefix?: string
  readonly metrics?: Metrics
  readonly reach?: Reach
  readonly notice?: (line: string) => void
  /** Most records of one partition in a batch. */
  readonly batchRecords?: number
  readonly sessionTimeoutMs?: number
  /** See `SubscribeOptions`. */
  readonly fetchPauseMs?: number
  /** Commits follow a lane's batches at most this often, milliseconds; 1,000 by default. */
  readonly commitEveryMs?: number
  readonly rejectLimits?: RejectLimits
  /** The operator's word to go on after a stop by rejects. */
  readonly continueAfterRejects?: boolean
  /** States kept decoded per partition. */
  readonly cachedStates?: number
  /** Keys one tick wakes at most, per partition; the rest wait for the next. */
  readonly wakesPerTick?: number
  /** Which run of a topic its offsets belong to; 1 unless an operator raised it after a recreation. */
  readonly generation?: number
}

/** How a fold that is to succeed another is opened, see succession.ts: nothing caused by records up to there is published. */
type Silence = { readonly silentUpTo?: () => number }

const defaults = { cachedStates: 10_000, wakesPerTick: 1000, generation: 1 }

/** Runs a fold as a member of its consumer group until stopped. Throws `Refused` where going on could lose or repeat. */
export async function runFold<State, In, Context>(
  fold: Fold<State, In, Context>,
  options: RunOptions & { readonly guards?: FoldGuards },
): Promise<Running> {
  return runMember({
    ...options,
    group: `${options.prefix ?? ''}${fold.name}`,
    paths: [fold.input.path],
    open: (_topic, partition, committed, signal) => openFoldLane(fold, partition, committed, signal, options),
  })
}

/** One partition of a fold: takes it in the store, publishes what a predecessor left, answers where to begin. */
export async function openFoldLane<State, In, Context>(
  fold: Fold<State, In, Context>,
  partition: number,
  committed: number | null,
  signal: AbortSignal,
  options: RunOptions & Silence & { readonly guards?: FoldGuards },
): Promise<LaneWork> {
  const { log, store, metrics, notice = () => {} } = options
  const reach = options.reach ?? (() => {})
  const guards = options.guards ?? { causes: true, saveFirst: true }
  const generation = options.generation ?? defaults.generation
  const wakesPerTick = options.wakesPerTick ?? defaults.wakesPerTick
  const path = fold.input.path
  const steady = steadily(`${fold.name} ${path}/${partition}`, { signal, metrics, notice })

  const lane = await steady(() => store.open(fold.name, partition))
  const bounds = (await steady(() => log.bounds(path)))[partition]
  if (bounds === undefined) throw new Refused(`${path} has no partition ${partition} any more`)
  if (lane.retiredBy !== null && options.silentUpTo === undefined) {
    notice(retiredText(fold.name, path, partition, lane.retiredBy))
    return { start: bounds.next, batch: async () => 'drop' }
  }
  // Who serves instead says more than what is missing here.
  const silentUpTo = options.silentUpTo ?? (await standing(fold, path, partition, store, steady))
  const start = startOf(fold.name, path, partition, lane, committed, bounds, notice)
  const tally = createTally(lane.counts, options.rejectLimits ?? rejectLimits, options.continueAfterRejects)
  if (tally.stopReason() !== null) throw new Refused(`${fold.name} ${path}/${partition}: ${tally.stopReason()}`)

  const outputs = new Map(fold.outputs.map(topic => [topic.name as string, topic]))
  const causes: Causes = { highest: new Map(lane.causes), changed: new Map() }
  // A lane whose save did not succeed is never used again, so that steps may change what the cache holds before the save.
  const cache = new LRUCache<string, Cached<State>>({ max: options.cachedStates ?? defaults.cachedStates })
  let watermark = lane.watermark

  if (lane.outbox !== null && options.silentUpTo === undefined) await publish(log, unpackOutbox(lane.outbox))

  const statesOf = async (steps: readonly Received<In>[]): Promise<Map<string, Cached<State>>> => {
    const states = new Map<string, Cached<State>>()
    const missing: string[] = []
    for (const { key } of steps) {
      if (states.has(key)) continue
      let known = cache.get(key)
      if (known === undefined) {
        known = { state: fold.empty }
        missing.push(key)
      }
      states.set(key, known)
    }
    if (missing.length === 0) return states
    const loaded = await steady(() => lane.load(missing))
    for (let i = 0; i < missing.length; i++) {
      const bytes = loaded[i]
      const known = states.get(missing[i]!)!
      if (bytes != null) known.state = fold.states.decode(bytes)
      cache.set(missing[i]!, known)
    }
    return states
  }

  /** Applies what lies between two ticks, or one tick alone: a tick sees the states that everything before it left. */
  const apply = async (segment: Segment<In>): Promise<Answer> => {
    const { messages, wakeAt } = segment
    const steps: Received<In>[] = []
    const sources: Message[] = []
    const deadLetters: Outgoing[] = []
    const silentTo = silentUpTo()
    const refuse = (message: Message, reason: string): void => {
      if (message.offset > silentTo) deadLetters.push(deadLetter(fold.name, path, message, reason))
    }
    for (let at = 0; at < messages.length; at++) {
      const message = messages[at]!
      const reading = segment.readings[at]!
      const outcome =
        (guards.causes ? checkCause(message, causes) : null) ?? ('outcome' in reading ? reading.outcome : null)
      if (outcome !== null) {
        tally.count(outcome)
        if (outcome.kind === 'reject') refuse(message, outcome.reason)
      } else if ('value' in reading) {
        steps.push({
          key: message.key!,
          value: reading.value,
          cause: { topic: fold.input.name, generation, partition, offset: message.offset, index: 0 },
        })
        sources.push(message)
      }
    }
    if (wakeAt !== null && steps.length === 1) {
      const tick = steps.pop()!
      const source = sources.pop()!
      for (const { key } of await steady(() => lane.due(wakeAt, wakesPerTick))) {
        steps.push({ ...tick, key })
        sources.push(source)
      }
      tally.count(skip('tick'))
      tally.add('woken', steps.length)
    }

    const states = await statesOf(steps)
    const contexts = fold.prepare === undefined || steps.length === 0 ? null : await steady(() => fold.prepare!(steps))
    const changed = new Map<string, Cached<State>>()
    const due = new Map<string, number | null>()
    const published = new Map<string, Outgoing[]>()
    let index = 0
    for (let at = 0; at < steps.length; at++) {
      const step = steps[at]!
      if (wakeAt === null) index = 0
      const received: Received<In> = index === 0 ? step : { ...step, cause: { ...step.cause, index } }
      const known = states.get(step.key)!
      const outcome = fold.step(known.state, received, contexts === null ? (undefined as Context) : contexts[at]!)
      if (wakeAt === null) tally.count(outcome)
      else due.set(step.key, null)
      switch (outcome.kind) {
        case 'done':
          known.state = outcome.state
          changed.set(step.key, known)
          if (outcome.due !== undefined) due.set(step.key, outcome.due)
          for (const emission of outcome.emit) {
            const cause = { ...step.cause, index: index++ }
            if (cause.offset > silentTo) addEmission(outputs, published, emission, step.key, cause)
          }
          break
        case 'reject':
          refuse(sources[at]!, outcome.reason)
          break
        case 'skip':
      }
    }

    const entries: OutboxEntry[] = []
    if (deadLetters.length > 0) entries.push({ path: deadLettersOf(path), partition, records: deadLetters })
    for (const topic of fold.outputs) {
      const records = published.get(topic.name)
      if (records !== undefined) entries.push({ path: topic.path, partition, records })
    }
    const to = messages[messages.length - 1]!.offset
    const saves: (readonly [string, Buffer])[] = []
    for (const [key, { state }] of changed) saves.push([key, fold.states.encode(state)])
    const outbox = entries.length === 0 ? null : packOutbox(entries)
    if (!guards.saveFirst) await publish(log, entries)
    await reach('before-save')
    const began = performance.now()
    const saved = await steady(() =>
      lane.save({
        from: watermark,
        to,
        states: saves,
        causes: causes.changed,
        counts: tally.changed,
        due: [...due],
        outbox,
      }),
    )
    metrics?.record('offerstream_save_seconds', (performance.now() - began) / 1000)
    if (saved !== 'saved') {
      metrics?.record('offerstream_fenced_total', 1)
      if (fold.role !== undefined && saved === 'fenced') {
        const successor = (await steady(() => store.peekProgress(fold.name, partition)))?.retiredBy ?? null
        if (successor !== null) notice(retiredText(fold.name, path, partition, successor))
      }
      return saved === 'fenced' ? 'drop' : 'reassign'
    }
    await reach('after-save')
    watermark = to
    causes.changed.clear()
    for (const [outcome, count] of tally.settle()) metrics?.record('offerstream_records_total', count, outcome)
    if (guards.saveFirst)
      for (const entry of entries) {
        await log.append(entry.path, entry.partition, entry.records)
        metrics?.record('offerstream_published_total', entry.records.length, entry.path)
        await reach('after-publish')
      }
    const stop = tally.stopReason()
    if (stop !== null) throw new Refused(`${fold.name} ${path}/${partition}: ${stop}`)
    return 'more'
  }

  return {
    start,
    async batch(messages) {
      await steady(() => fold.input.codec.learn(messages.map(message => message.value)))
      for (const segment of segments(fold, messages)) {
        const { awaits } = segment
        if (awaits !== null && !(guards.causes && isRepeat(segment.messages[0]!, causes)))
          await steady(() => Promise.reject(new Transient(awaits)))
        const answer = await apply(segment)
        if (answer !== 'more') return answer
      }
      return 'more'
    },
  }
}

type Cached<State> = { state: State }

type Segment<In> = {
  readonly messages: Message[]
  readonly readings: Reading<In>[]
  readonly wakeAt: number | null
  /** Why this version cannot handle it. */
  readonly awaits: string | null
}

/** Cuts a batch at its ticks and at what another version has to handle; each of these stands alone. */
function segments<State, In, Context>(
  fold: Fold<State, In, Context>,
  messages: readonly Message[],
): readonly Segment<In>[] {
  const cut: Segment<In>[] = []
  for (const message of messages) {
    const meant = message.value === null && message.key !== null ? fold.nullMeans : undefined
    const reading = meant === undefined ? read(fold.input.codec, message) : { value: meant }
    const wakeAt = 'value' in reading ? (fold.wakes?.(reading.value) ?? null) : null
    const last = cut[cut.length - 1]
    const awaits = 'value' in reading ? (fold.awaits?.(reading.value) ?? null) : null
    const isAlone = wakeAt !== null || awaits !== null
    if (last !== undefined && last.wakeAt === null && last.awaits === null && !isAlone) {
      last.messages.push(message)
      last.readings.push(reading)
    } else cut.push({ messages: [message], readings: [reading], wakeAt, awaits })
  }
  return cut
}

function addEmission(
  outputs: ReadonlyMap<string, Fold<never, never>['outputs'][number]>,
  published: Map<string, Outgoing[]>,
  emission: Emission,
  key: string,
  cause: Cause,
): void {
  const topic = outputs.get(emission.topic)
  if (topic === undefined)
    throw new Error(`a step emitted to ${emission.topic}, which its fold does not list among its outputs`)
  const records = published.get(topic.name) ?? []
  records.push({ key, value: topic.codec.encode(emission.value as never), cause: causeText(cause) })
  published.set(topic.name, records)
}

/** Up to which offset the incumbent of a role is silent. Throws `Refused` where another fold is: both would publish. */
async function standing<State, In, Context>(
  { role, name }: Fold<State, In, Context>,
  path: string,
  partition: number,
  store: Store,
  steady: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<() => number> {
  if (role === undefined) return () => -1
  const held = await steady(() => store.incumbent(role, partition))
  if (held === null)
    await steady(() => store.appoint(role, partition, null, { fold: name, publishesAfter: -1, term: 1 }))
  const incumbent = held ?? (await steady(() => store.incumbent(role, partition)))!
  if (incumbent.fold !== name)
    throw new Refused(
      `${role} ${path}/${partition} is served by ${incumbent.fold}, and this version's ${name} has not taken over: ` +
        `run \`offerstream rebuild --fold ${role}\`, which builds its states beside the running line and takes over`,
    )
  return () => incumbent.publishesAfter
}

const retiredText = (name: string, path: string, partition: number, successor: string): string =>
  `${name} ${path}/${partition}: ${successor} took over for good; a service of this version has no more to do there`

const repair = 'Run `offerstream rebuild`, which folds it again; see docs/guarantees.md, "Folding again"'

/** The watermark decides where to begin; whatever it cannot explain is refused, never skipped. */
export function startOf(
  name: string,
  path: string,
  partition: number,
  lane: StoreLane,
  committed: number | null,
  bounds: { first: number; next: number },
  notice: (line: string) => void,
): number {
  const where = `${name} ${path}/${partition}`
  if (lane.watermark === null) {
    if (committed !== null && committed > bounds.first)
      throw new Refused(
        `${where}: the group committed offset ${committed}, but the store has no watermark: its states are lost. ${repair}`,
      )
    if (bounds.first > 0)
      throw new Refused(
        `${where}: the log begins at ${bounds.first} and the store has no states of what came before. ${repair}`,
      )
    return 0
  }
  const start = lane.watermark + 1
  if (start > bounds.next)
    throw new Refused(
      `${where}: the watermark is ${lane.watermark}, the log ends at ${bounds.next}: the topic was recreated or truncated. ${repair}`,
    )
  if (start < bounds.first)
    throw new Refused(
      `${where}: the watermark is ${lane.watermark}, the log begins at ${bounds.first}: records were deleted before they were applied. ${repair}`,
    )
  if (committed !== null && committed > start)
    notice(
      `${where}: the store is ${committed - start} records behind the committed offset, as after a failover; the log fills the gap`,
    )
  return start
}
