// States built anew: the feature updater's beside the running line, whose place they take; the scorer's from its decisions.
import { setTimeout as sleep } from 'node:timers/promises'
import { openExport } from '@offerstream/evaluation'
import { createUpdater, updaterName } from '@offerstream/feature-updater'
import { rebuildHistories, scorerName } from '@offerstream/offer-scorer'
import {
  type Bounds,
  ensureTopics,
  type Log,
  openFoldLane,
  openTopic,
  type Running,
  runSuccessor,
  type Surroundings,
} from '@offerstream/streaming'
import type { Output } from './output.ts'
import { openSnapshot, type Restore, type SnapshotFold } from './snapshot.ts'

export type RebuildOptions = {
  readonly of: SnapshotFold
  /** Folder of snapshots to begin from. */
  readonly fromSnapshot?: string
  /** Folder of an export, for what the topic does not hold any more. */
  readonly fromExport?: string
  /** Forget the states of this version first; its services must be stopped. */
  readonly again: boolean
  /** End when the states are built, even though nobody else serves them yet. */
  readonly leave: boolean
  readonly signal: AbortSignal
}

export type RebuildSummary = {
  readonly fold: string
  readonly customers: number
  readonly events: number
  readonly seconds: number
  readonly eventsPerSecond: number
  /** Whose place was taken, null for nobody's. */
  readonly tookOverFrom: string | null
  /** False when it was interrupted; the same command goes on. */
  readonly complete: boolean
}

const lookMs = 250
/** Another member of the group must have held partitions for so long before they are left to it. */
const joinedMs = 3000

export function rebuild(surroundings: Surroundings, options: RebuildOptions, output: Output): Promise<RebuildSummary> {
  return options.of === 'offer-scorer'
    ? rebuildScorer(surroundings, options, output)
    : rebuildUpdater(surroundings, options, output)
}

async function rebuildUpdater(
  surroundings: Surroundings,
  { of: role, fromSnapshot, fromExport, again, leave, signal }: RebuildOptions,
  output: Output,
): Promise<RebuildSummary> {
  const { log, store, registry, prefix, partitions } = surroundings
  const began = performance.now()
  await ensureTopics(log, { prefix, partitions, sources: false })
  const events = await openTopic(registry, 'customer-events', prefix)
  const fold = createUpdater({ events, updates: await openTopic(registry, 'feature-updates', prefix) })
  const bounds = await log.bounds(events.path)
  if (again) for (const partition of bounds.keys()) await store.forget(fold.name, partition)
  const snapshot = fromSnapshot === undefined ? null : await openSnapshot(fromSnapshot, role, bounds)
  if (snapshot !== null) output.progress(`begins from ${snapshot.dir}`)
  const exported = fromExport === undefined ? null : await seedFromExport(surroundings, fromExport, bounds, signal)

  const incumbents = await Promise.all(bounds.map((_, partition) => store.incumbent(role, partition)))
  const old = incumbents.find(each => each !== null && each.fold !== fold.name)?.fold ?? null
  output.progress(
    old === null
      ? `builds the states of ${fold.name}; no other version serves ${role}`
      : `builds the states of ${fold.name} beside ${old}, publishes nothing, and takes over partition by partition`,
  )
  const watermarks = () =>
    Promise.all(bounds.map(async (_, at) => (await store.peekProgress(fold.name, at))?.watermark ?? -1))
  const from = await watermarks()
  const fill = snapshot?.restore ?? exported?.seed
  const running = await runSuccessor(fold, {
    ...surroundings,
    notice: output.progress,
    // What the line passed over once, a rebuild passes over too.
    rejectLimits: { inARow: Number.POSITIVE_INFINITY, share: Number.POSITIVE_INFINITY, ofAtLeast: 1 },
    async seed(lane, partition) {
      const isFilled = fill !== undefined && (await fill(lane, partition))
      const watermark = (await store.peekProgress(fold.name, partition))?.watermark ?? -1
      from[partition] = Math.max(watermark, bounds[partition]!.first - 1)
      return isFilled
    },
  })
  const stopped = new AbortController()
  running.done.then(
    () => stopped.abort(),
    () => stopped.abort(),
  )
  const tick = (): Promise<unknown> =>
    sleep(lookMs, undefined, { signal: AbortSignal.any([signal, stopped.signal]) }).catch(() => undefined)
  try {
    const bar = output.bar(`rebuild of ${fold.name}`, 1000)
    let handled = 0
    let complete = false
    while (!complete && !signal.aborted && !stopped.signal.aborted) {
      await tick()
      const at = await watermarks()
      let ahead = 0
      let isServed = true
      for (const [partition, watermark] of at.entries()) {
        const incumbent = await store.incumbent(role, partition)
        const isOurs = incumbent?.fold === fold.name
        const target = isOurs
          ? old === null
            ? bounds[partition]!.next - 1
            : incumbent.publishesAfter
          : ((await store.peekProgress(incumbent?.fold ?? '', partition))?.watermark ?? -1)
        ahead += Math.max(0, target - watermark)
        isServed &&= isOurs
      }
      handled = at.reduce((sum, watermark, partition) => sum + Math.max(0, watermark - from[partition]!), 0)
      complete = isServed && ahead === 0
      const perSecond = handled / ((performance.now() - began) / 1000)
      const left = perSecond > 0 ? `, ${Math.ceil(ahead / perSecond)} s left` : ''
      bar.update(
        Math.floor((1000 * handled) / Math.max(1, handled + ahead)),
        `${handled} events, ${Math.round(perSecond)}/s${left}`,
      )
    }
    bar.stop()
    const seconds = (performance.now() - began) / 1000
    if (complete && old !== null && !leave)
      await untilAnotherServes(running, partitions, tick, AbortSignal.any([signal, stopped.signal]), output)
    if (stopped.signal.aborted) await running.done
    const sizes = await Promise.all(bounds.map((_, at) => store.size(fold.name, at)))
    return {
      fold: fold.name,
      customers: sizes.reduce((sum, size) => sum + size, 0),
      events: handled,
      seconds: Math.round(10 * seconds) / 10,
      eventsPerSecond: Math.round(handled / seconds),
      tookOverFrom: complete ? old : null,
      complete,
    }
  } finally {
    await running.stop().catch(() => {})
    await exported?.close()
  }
}

/** The old version is shut out, so somebody must serve: this process, until a service of this version has joined. */
async function untilAnotherServes(
  running: Running,
  partitions: number,
  tick: () => Promise<unknown>,
  signal: AbortSignal,
  output: Output,
): Promise<void> {
  output.progress(
    `took over, and serves feature-updater until a service of this version joins: start it, and stop those of the old version. Ctrl-C ends at once.`,
  )
  let sharedSince: number | null = null
  while (!signal.aborted) {
    await tick()
    const isShared = running.owned().length < partitions
    sharedSince = isShared ? (sharedSince ?? performance.now()) : null
    if (sharedSince !== null && performance.now() - sharedSince > joinedMs) return
  }
}

/** Folds what an export holds and the topic does not, in silence. */
async function seedFromExport(
  { store, registry, prefix, log }: Surroundings,
  dir: string,
  bounds: readonly Bounds[],
  signal: AbortSignal,
): Promise<{ readonly seed: Restore; close(): Promise<void> }> {
  const past = await openExport(dir)
  const events = await openTopic(past.registry, 'customer-events', past.prefix)
  const fold = createUpdater({ events, updates: await openTopic(registry, 'feature-updates', prefix) })
  const held = await past.log.bounds(events.path)
  return {
    close: past.close,
    async seed(_lane, partition) {
      const { first } = bounds[partition]!
      const of = held[partition]
      if (first === 0 || of === undefined || of.first > 0 || of.next < first) return false
      const reading: Log = { ...log, bounds: async () => held }
      const lane = await openFoldLane(fold, partition, null, signal, {
        log: reading,
        store,
        silentUpTo: () => Number.POSITIVE_INFINITY,
      })
      for await (const messages of past.log.read(events.path, partition, 0, of.next)) await lane.batch(messages)
      return true
    },
  }
}

async function rebuildScorer(
  surroundings: Surroundings,
  { fromSnapshot, again }: RebuildOptions,
  output: Output,
): Promise<RebuildSummary> {
  const { log, prefix } = surroundings
  const began = performance.now()
  const bounds = await log.bounds(`${prefix}feature-updates`)
  const decisions = (await log.bounds(`${prefix}decisions`)).reduce((sum, { first, next }) => sum + next - first, 0)
  const snapshot = fromSnapshot === undefined ? null : await openSnapshot(fromSnapshot, 'offer-scorer', bounds)
  output.progress(`folds ${decisions} decisions into the histories of ${scorerName}, which must not run meanwhile`)
  const bar = output.bar(`rebuild of ${scorerName}`, decisions)
  let read = 0
  const rebuilt = await rebuildHistories(
    { ...surroundings, notice: output.progress },
    {
      again,
      ...(snapshot === null ? {} : { seed: snapshot.restore }),
      onDecisions(count) {
        read += count
        bar.update(read)
      },
    },
  )
  bar.stop()
  const seconds = (performance.now() - began) / 1000
  return {
    fold: scorerName,
    customers: rebuilt.customers,
    events: rebuilt.decisions,
    seconds: Math.round(10 * seconds) / 10,
    eventsPerSecond: Math.round(read / seconds),
    tookOverFrom: rebuilt.tookOverFrom,
    complete: true,
  }
}

export const rebuildText = ({
  fold,
  customers,
  events,
  seconds,
  eventsPerSecond,
  tookOverFrom,
  complete,
}: RebuildSummary): string =>
  `${fold}: ${customers} customers from ${events} ${fold === updaterName ? 'events' : 'decisions'} in ${seconds} s, ${eventsPerSecond}/s${
    tookOverFrom === null ? '' : `, took over from ${tookOverFrom}`
  }${complete ? '' : '; interrupted, the same command goes on from there'}`
