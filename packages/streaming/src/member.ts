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
  readonly batchRecords: number | undefined
  readonly sessionTimeoutMs: number | undefined
  readonly commitEveryMs: number | undefined
  readonly metrics: Metrics | undefined
  readonly reach: Reach
  open(topic: string, partition: number, committed: number | null, signal: AbortSignal): Promise<LaneWork>
}

/** Committed offsets only show progress, the watermark decides; so they need not follow every batch. */
const defaultCommitEveryMs = 1000
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
}

/** Owns partitions as a member of a group and hands their batches to the work `open` answers. */
export async function runMember(options: MemberOptions): Promise<Running> {
  const { log, group, metrics, reach, commitEveryMs = defaultCommitEveryMs } = options
  const lanes = new Map<string, Lane>()
  let subscription: Subscription | null = null
  let problem: string | null = null

  const gauge = (): void => metrics?.record('offerstream_lanes', lanes.size)
  const commit = async (lane: Lane): Promise<void> => {
    if (lane.committed === lane.next || subscription === null) return
    lane.committed = lane.next
    lane.committedAt = performance.now()
    await reach('before-commit')
    await subscription.commit(lane.topic, lane.partition, lane.next)
    await reach('after-commit')
  }

  subscription = await log.subscribe(
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
          committedAt: 0,
          movedAt: performance.now(),
        }
        lanes.set(`${topic}/${partition}`, lane)
        gauge()
        lane.work = await options.open(topic, partition, committed, lane.abort.signal)
        lane.next = lane.work.start
        return lane.next
      },
      async batch(topic, partition, messages) {
        const lane = lanes.get(`${topic}/${partition}`)
        if (lane?.work == null) return 'drop'
        const began = performance.now()
        const answer = await lane.work.batch(messages).catch(error => {
          if (error instanceof Abandoned) return 'drop' as const
          throw error
        })
        if (answer !== 'more') {
          lanes.delete(`${topic}/${partition}`)
          gauge()
          return answer
        }
        lane.next = messages[messages.length - 1]!.offset + 1
        lane.movedAt = performance.now()
        if (performance.now() - lane.committedAt >= commitEveryMs) await commit(lane)
        metrics?.record('offerstream_batch_seconds', (performance.now() - began) / 1000)
        return 'more'
      },
      revoked(topic, partition) {
        lanes.get(`${topic}/${partition}`)?.abort.abort()
        lanes.delete(`${topic}/${partition}`)
        gauge()
      },
    },
    {
      ...(options.batchRecords === undefined ? {} : { batchRecords: options.batchRecords }),
      ...(options.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: options.sessionTimeoutMs }),
    },
  )
  const settled = subscription.done.catch(error => {
    problem = (error as Error).message
    for (const lane of lanes.values()) lane.abort.abort()
    throw error
  })
  settled.catch(() => {})
  const active = subscription

  return {
    done: settled,
    owned: () => [...lanes.keys()],
    async stop() {
      await Promise.all([...lanes.values()].map(commit)).catch(() => {})
      // A retry that waits for the outside world must not hold up the end; what it has not saved is read again.
      const patience = setTimeout(() => {
        for (const lane of lanes.values()) lane.abort.abort()
      }, 5000)
      await active.stop()
      clearTimeout(patience)
    },
    async health() {
      const now = performance.now()
      const ends = new Map<string, readonly { next: number }[]>()
      for (const path of options.paths) ends.set(path, await log.bounds(path))
      const all = [...lanes.values()].map(lane => ({
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
