import type { Clock } from '@offerstream/streaming'
import { openTopic, type Registry, type Running, type RunOptions, runFold, runMember } from '@offerstream/streaming'
import { contactsFold, createContacts } from './contacts.ts'
import { createDeletionBreaker, type DeletionLimits } from './deletion-breaker.ts'
import { createEnds } from './ends.ts'
import { type DispatchLane, openLane } from './lane.ts'
import { countLedger, type LedgerCounts } from './ledger-view.ts'
import type { Links } from './links.ts'
import { createPlaybookView } from './playbook.ts'
import { createGates } from './providers/gate.ts'
import type { AnyProvider } from './providers/provider.ts'
import { createQuietClock } from './quiet-hours.ts'
import { allGuards, type DispatcherGuards, type Setup, serviceName, type Topics } from './setup.ts'
import type { Subscriptions } from './subscriptions.ts'

export type DispatcherOptions = Omit<RunOptions, 'rejectLimits' | 'cachedStates' | 'wakesPerTick'> & {
  readonly registry: Registry
  readonly clock: Clock
  /** One for each kind of address that offers may go to. */
  readonly providers: readonly AnyProvider[]
  readonly subscriptions: Subscriptions
  /** Pushes under way at once, per partition; 16 by default. */
  readonly concurrency?: number
  /** Categories whose offers are sent again after a crash rather than left unknown. */
  readonly atLeastOnce?: readonly string[]
  /** How long an open breaker waits before it tries again, milliseconds. */
  readonly breakerResetMs?: number
  /** When a provider calls too many subscriptions dead to be believed. */
  readonly deletionLimits?: DeletionLimits
  /** For messages that can be answered with a click. */
  readonly links?: Links
  readonly guards?: DispatcherGuards
}

export type Dispatcher = Running & {
  counts(): Promise<LedgerCounts>
  /** Tells the ledger at once what the journal says by now, of the partitions owned; answers whether that changed it. */
  hear(): Promise<boolean>
  /** Which provider is not called any more and why, null while all are. */
  providerStopped(): string | null
}

/** Offers that come within it share an intent and an outcome; nobody feels so much on a push. */
const wavePauseMs = 50

/** How old the end of the journal may be that an offer is checked against. */
const journalAgeMs = 250

/** Pushes offers until stopped, and folds the contacts it needs for that. */
export async function runDispatcher(options: DispatcherOptions): Promise<Dispatcher> {
  const { log, store, registry, metrics, prefix = '', notice = () => {}, reach = () => {} } = options
  const topics: Topics = {
    offers: await openTopic(registry, 'next-best-offers', prefix),
    deliveries: await openTopic(registry, 'deliveries', prefix),
    customers: await openTopic(registry, 'customers', prefix),
    journal: await openTopic(registry, 'customer-events', prefix),
    playbook: await openTopic(registry, 'playbook', prefix),
  }
  const gates = createGates(options.providers, provider => ({
    ...(options.breakerResetMs === undefined ? {} : { resetMs: options.breakerResetMs }),
    notice,
    observe: (_answer, seconds) => metrics?.record('offerstream_push_seconds', seconds, provider),
  }))
  const setup: Setup = {
    log,
    store,
    clock: options.clock,
    offers: topics.offers,
    deliveries: topics.deliveries,
    contacts: createContacts(log, store, topics.customers),
    journal: topics.journal,
    journalEnds: createEnds(log, topics.journal.path, journalAgeMs),
    links: options.links ?? null,
    playbook: createPlaybookView(log, topics.playbook, notice),
    quiet: createQuietClock(),
    subscriptions: options.subscriptions,
    gates,
    deletions: createDeletionBreaker(notice, options.deletionLimits),
    concurrency: options.concurrency ?? 16,
    atLeastOnce: new Set(options.atLeastOnce),
    generation: options.generation ?? 1,
    guards: options.guards ?? allGuards,
    continueAfterRejects: options.continueAfterRejects ?? false,
    metrics,
    reach,
    notice,
  }

  // Fail points and metrics are those of the pushes; the fold beside them has its own guarantee and suite.
  const { guards: _guards, metrics: _metrics, reach: _reach, ...shared } = options
  const folding = await runFold(contactsFold(topics.customers), shared)
  const lanes = new Set<DispatchLane>()
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  const pushing = await runMember({
    ...options,
    group: `${prefix}${serviceName}`,
    paths: [topics.offers.path],
    fetchPauseMs: options.fetchPauseMs ?? wavePauseMs,
    async open(_topic, partition, committed, signal) {
      const lane = await openLane(setup, partition, committed, signal, fail)
      lanes.add(lane)
      signal.addEventListener('abort', () => lanes.delete(lane))
      return lane
    },
  })
  const end = (): void => {
    for (const lane of lanes) lane.close()
    lanes.clear()
    gates.close()
  }
  const done = Promise.race([pushing.done, folding.done.then(() => pushing.done), failed])
  done.then(end, async () => {
    end()
    await Promise.allSettled([pushing.stop(), folding.stop()])
  })

  done.catch(() => {})

  return {
    done,
    owned: pushing.owned,
    async stop() {
      // What is being sent ends and is saved; what waits for a provider stays in the log.
      for (const lane of lanes) lane.close()
      await pushing.stop()
      await folding.stop()
      end()
    },
    async health() {
      const [pushes, contacts] = await Promise.all([pushing.health(), folding.health()])
      const problem = pushes.problem ?? contacts.problem ?? gates.stopped()
      return { ok: problem === null, lanes: [...pushes.lanes, ...contacts.lanes], problem }
    },
    async hear() {
      return (await Promise.all([...lanes].map(lane => lane.hear()))).some(changed => changed)
    },
    async counts() {
      return countLedger(store, (await log.bounds(topics.offers.path)).length)
    },
    providerStopped: gates.stopped,
  }
}
