import { setTimeout as sleep } from 'node:timers/promises'
import type { Metrics } from './metrics.ts'
import type { Log, Message, Subscription } from './ports.ts'
import { Abandoned } from './retry.ts'

/** What became of a batch, see `Member` in ports.ts. */
export type Answer = 'more' | 'drop' | 'reassign'

/** What a runner does with one partition while it owns it. */
export type LaneWork = {
  /** Offset to read from. */
  readonly start: number
  /** Handles a batch to the end. */
  batch(messages: readonly Message[]): Promise<Answer>
  /** Writes down how far it got, where that is not part of a batch; asked for before each commit. */
  settle?(): Promise<Answer>
}

export type LaneHealth = {
  readonly topic: string
  readonly partition: number
  readonly next: number
  readonly end: number
  readonly idleMs: number
}

export type Health = {
  /** False when a partition has work and has not moved for longer than the limit, or the run has ended. */
  readonly ok: boolean
  readonly lanes: readonly LaneHealth[]
  readonly problem: string | null
}

/** A runner at work. */
export type Running = {
  /** Finishes the batches under way, commits, leaves the group. */
  stop(): Promise<void>
  /** Resolves after `stop`, rejects when it cannot go on. */
  readonly done: Promise<void>
  health(): Promise<Health>
  /** Partitions owned now, as `topic/partition`. */
  owned(): readonly string[]
}

/** A hook that tests use to crash or to freeze a service at a named place. */
export type Reach = (point: string) => void | Promise<void>

type MemberOptions = {
  readonly log: Log
  readonly group: string
  readonly paths: readonly string[]
  readonly batchRecords?: number
  readonly sessionTimeoutMs?: number
  readonly fetchPauseMs?: number
  readonly commitEveryMs?: number
  readonly metrics?: Metrics
  readonly reach?: Reach
  open(topic: string, partition: number, committed: number | null, signal: AbortSignal): Promise<LaneWork>
}

/** Committed offsets only show progress, the watermark decides; so they need not follow every batch. */
const defaults = { commitEveryMs: 1000, sessionTimeoutMs: 10_000 }
const stalledAfterMs = 30_000

type Lane = {
  readonly topic: string
  readonly partition: number
  readonly abort: AbortController
  work: LaneWork | null
  next: number
  committed: number
  committedAt: number
  movedAt: number
  /** What was last begun for it: batches and commits never overlap. */
  turn: Promise<unknown>
  /** Commits what a lane had handled when nothing more came. */
  later: NodeJS.Timeout | undefined
  /** What its last batch or commit answered; anything but `more` ends it. */
  answer: Answer
}

/** Owns partitions as a member of a group and hands their batches to the work `open` answers. */
export async function runMember(options: MemberOptions): Promise<Running> {
  const { log, group, metrics, reach = () => {}, commitEveryMs = defaults.commitEveryMs } = options
  const sessionTimeoutMs = options.sessionTimeoutMs ?? defaults.sessionTimeoutMs
  const lanes = new Map<string, Lane>()
  const subscribed = Promise.withResolvers<Subscription>()
  /** A commit between two batches failed, which no batch can answer for. */
  const broken = Promise.withResolvers<never>()
  let problem: string | null = null

  const stopping = new AbortController()

  const ours = (): readonly Lane[] => [...lanes.values()].filter(lane => lane.answer === 'more')
  const gauge = (): void => metrics?.record('offerstream_lanes', ours().length)
  /** What a batch that failed had counted must not be saved by a commit that waited behind it: nothing follows it. */
  const inTurn = (lane: Lane, work: () => Promise<Answer>): Promise<Answer> => {
    const mine = lane.turn.then(async () => {
      if (lane.answer !== 'more') return lane.answer
      lane.answer = await work().catch(error => {
        lane.answer = 'drop'
        if (error instanceof Abandoned) return 'drop'
        throw error
      })
      return lane.answer
    })
    lane.turn = mine.catch(() => {})
    return mine
  }
  const commit = async (lane: Lane): Promise<Answer> => {
    clearTimeout(lane.later)
    lane.later = undefined
    const answer = (await lane.work?.settle?.()) ?? 'more'
    if (answer !== 'more' || lane.committed === lane.next) return answer
    lane.committed = lane.next
    lane.committedAt = performance.now()
    await reach('before-commit')
    await (await subscribed.promise).commit(lane.topic, lane.partition, lane.next)
    await reach('after-commit')
    return 'more'
  }
  const commitLater = (lane: Lane): void => {
    const wait = lane.committedAt + commitEveryMs - performance.now()
    lane.later ??= setTimeout(() => inTurn(lane, () => commit(lane)).catch(broken.reject), wait).unref()
  }
  const handle = async (lane: Lane, messages: readonly Message[]): Promise<Answer> => {
    if (stopping.signal.aborted) return 'drop'
    const answer = await lane.work!.batch(messages)
    if (answer !== 'more') return answer
    lane.next = messages[messages.length - 1]!.offset + 1
    lane.movedAt = performance.now()
    if (performance.now() - lane.committedAt >= commitEveryMs) return commit(lane)
    commitLater(lane)
    return 'more'
  }
  const leave = (lane: Lane): void => {
    clearTimeout(lane.later)
    lanes.delete(`${lane.topic}/${lane.partition}`)
    gauge()
  }
  /**
   * Another owner has taken the partition in the store. It may have been an earlier one that came late: unless the group
   * takes the partition from us meanwhile, it is ours and taken again, or nobody would ever read it.
   */
  const shutOut = async (lane: Lane): Promise<Answer> => {
    gauge()
    const signal = AbortSignal.any([lane.abort.signal, stopping.signal])
    await sleep(sessionTimeoutMs, undefined, { signal, ref: false }).catch(() => {})
    return signal.aborted ? 'drop' : 'reassign'
  }

  const subscription = await log.subscribe(
    group,
    options.paths,
    {
      async assigned(topic, partition, committed) {
        const lane: Lane = {
          topic,
          partition,
          abort: new AbortController(),
          work: null,
          next: 0,
          committed: committed ?? -1,
          committedAt: -Infinity,
          movedAt: performance.now(),
          turn: Promise.resolve(),
          later: undefined,
          answer: 'more',
        }
        lanes.set(`${topic}/${partition}`, lane)
        gauge()
        try {
          lane.work = await options.open(topic, partition, committed, lane.abort.signal)
        } catch (error) {
          // Given up because it is no longer ours; whatever is still read of it has no work to go to.
          if (!(error instanceof Abandoned)) throw error
          return committed ?? 0
        }
        lane.next = lane.work.start
        return lane.next
      },
      async batch(topic, partition, messages) {
        const lane = lanes.get(`${topic}/${partition}`)
        if (lane?.work == null) return 'drop'
        const began = performance.now()
        const answer = await inTurn(lane, () => handle(lane, messages))
        metrics?.record('offerstream_batch_seconds', (performance.now() - began) / 1000)
        if (answer === 'more') return answer
        const wanted = answer === 'drop' ? await shutOut(lane) : answer
        leave(lane)
        return wanted
      },
      revoked(topic, partition) {
        const lane = lanes.get(`${topic}/${partition}`)
        if (lane === undefined) return
        lane.abort.abort()
        leave(lane)
      },
    },
    {
      ...(options.batchRecords === undefined ? {} : { batchRecords: options.batchRecords }),
      sessionTimeoutMs,
      ...(options.fetchPauseMs === undefined ? {} : { fetchPauseMs: options.fetchPauseMs }),
    },
  )
  subscribed.resolve(subscription)
  broken.promise.catch(() => subscription.stop()).catch(() => {})
  const settled = Promise.race([subscription.done, broken.promise]).catch(error => {
    problem = (error as Error).message
    for (const lane of lanes.values()) lane.abort.abort()
    throw error
  })
  settled.catch(() => {})

  return {
    done: settled,
    owned: () => ours().map(lane => `${lane.topic}/${lane.partition}`),
    async stop() {
      stopping.abort()
      // A retry that waits for the outside world must not hold up the end; what it has not saved is read again.
      const patience = setTimeout(() => {
        for (const lane of lanes.values()) lane.abort.abort()
      }, 5000)
      await Promise.all([...lanes.values()].map(lane => inTurn(lane, () => commit(lane)))).catch(() => {})
      await subscription.stop()
      clearTimeout(patience)
    },
    async health() {
      const now = performance.now()
      const ends = new Map<string, readonly { next: number }[]>()
      for (const path of options.paths) ends.set(path, await log.bounds(path))
      const all = ours().map(lane => ({
        topic: lane.topic,
        partition: lane.partition,
        next: lane.next,
        end: ends.get(lane.topic)![lane.partition]!.next,
        idleMs: Math.round(now - lane.movedAt),
      }))
      const stalled = all.find(lane => lane.end > lane.next && lane.idleMs > stalledAfterMs)
      const why =
        problem ??
        (stalled
          ? `${stalled.topic}/${stalled.partition} has ${stalled.end - stalled.next} records waiting and has not moved for ${Math.round(stalled.idleMs / 1000)} s`
          : null)
      return { ok: why === null, lanes: all, problem: why }
    },
  }
}
