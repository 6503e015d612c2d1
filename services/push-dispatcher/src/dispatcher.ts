import type { Clock } from '@offerstream/streaming'
import { openTopic, type Registry, type Running, type RunOptions, runFold, runMember } from '@offerstream/streaming'
import { contactsFold, createContacts } from './contacts.ts'
import { createDeletionBreaker, type DeletionLimits } from './deletion-breaker.ts'
import { type DispatchLane, openLane } from './lane.ts'
import { countLedger, type LedgerCounts } from './ledger-view.ts'
import type { Links } from './links.ts'
import { assertMayBe, isVirtual, type Mode, shadowOf } from './mode.ts'
import { createPacer } from './pacing.ts'
import { createPlaybookView } from './playbook.ts'
import { createGates } from './providers/gate.ts'
import type { AnyProvider } from './providers/provider.ts'
import type { RetryLimits } from './providers/retry-budget.ts'
import { createQuietClock } from './quiet-hours.ts'
import { type SendHour, sendNow } from './send-hour.ts'
import { allGuards, type DispatcherGuards, type Setup, serviceName, type Topics } from './setup.ts'
import type { Subscriptions } from './subscriptions.ts'
import { createVolumeBreaker, type VolumeLimits } from './volume-breaker.ts'

export type DispatcherOptions = Omit<RunOptions, 'rejectLimits' | 'cachedStates' | 'wakesPerTick'> & {
  readonly registry: Registry
  readonly clock: Clock
  /** One for each kind of address that offers may go to. */
  readonly providers: readonly AnyProvider[]
  readonly subscriptions: Subscriptions
  /** `live` by default. */
  readonly mode?: Mode
  /** Whoever starts it knows that the devices are on this machine: it may be live on a clock that is not the wall's. */
  readonly localDevices?: boolean
  /** How many `next-best-offers` has: of rates and paces a member takes the share of those it owns; all of it where absent. */
  readonly partitions?: number
  /** Most requests a second, by the name of a provider, for each of its origins, or by origin. */
  readonly rates?: Readonly<Record<string, number>>
  readonly retries?: RetryLimits
  /** Requests of this member within a minute at which it stops. */
  readonly volume?: VolumeLimits
  /** Now by default. */
  readonly sendHour?: SendHour
  /** Pushes under way at once, per partition; 16 by default. */
  readonly concurrency?: number
  /** Categories whose offers are sent again after a crash rather than left unknown. */
  readonly atLeastOnce?: readonly string[]
  /** How long an open breaker waits before it tries again, milliseconds. */
  readonly breakerResetMs?: number
  /** How long an endpoint of a customer's own may fail before it is given up, milliseconds; 30 seconds unless given. */
  readonly endpointPatienceMs?: number
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

const waveOffers = 100

/** Offers that come within it share an intent and an outcome; nobody feels so much on a push. */
const wavePauseMs = 50

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
  const { mode = 'live', clock, rates = {}, retries, partitions: partitionCount } = options
  assertMayBe(mode, clock, options.localDevices ?? false)
  const lanes = new Set<DispatchLane>()
  const share = (): number => (partitionCount === undefined ? 1 : Math.max(1, lanes.size) / partitionCount)
  const volume = createVolumeBreaker(options.volume ?? { perMinute: Number.POSITIVE_INFINITY }, notice)
  const providers = mode === 'shadow' ? options.providers.map(shadowOf) : options.providers
  const gates = createGates(providers, provider => ({
    ...(options.breakerResetMs === undefined ? {} : { resetMs: options.breakerResetMs }),
    ...(options.endpointPatienceMs === undefined ? {} : { patienceMs: options.endpointPatienceMs }),
    ...(retries === undefined ? {} : { retries }),
    rate(origin) {
      const rate = rates[origin] ?? rates[provider]
      return rate === undefined ? null : rate * share()
    },
    volume,
    localOnly: () => mode === 'live' && isVirtual(clock),
    notice,
    observe: (_answer, seconds) => metrics?.record('offerstream_push_seconds', seconds, provider),
  }))
  const setup: Setup = {
    log,
    store,
    clock,
    offers: topics.offers,
    deliveries: topics.deliveries,
    contacts: createContacts(log, store, topics.customers),
    journal: topics.journal,
    links: options.links ?? null,
    playbook: createPlaybookView(log, topics.playbook, notice),
    quiet: createQuietClock(),
    subscriptions: options.subscriptions,
    gates,
    deletions: createDeletionBreaker(notice, options.deletionLimits),
    mode,
    pacer: createPacer(share),
    sendHour: options.sendHour ?? sendNow,
    // What waits for its turn within a wave is gone soon enough for whoever wants to stop.
    waveOffers: Math.max(
      1,
      Math.min(waveOffers, ...Object.values(rates).map(rate => Math.floor(rate / 4 / (partitionCount ?? 1)))),
    ),
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
  const folding = mode === 'off' ? idle() : await runFold(contactsFold(topics.customers), shared)
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  const member = (): Promise<Running> =>
    runMember({
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
  const pushing = mode === 'off' ? idle() : await member()
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
      const problem = pushes.problem ?? contacts.problem ?? gates.stopped() ?? volume.problem()
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

/** Runs until stopped and does nothing. */
function idle(): Running {
  let stop: () => void = () => {}
  const done = new Promise<void>(resolve => {
    stop = resolve
  })
  return {
    done,
    stop: async () => stop(),
    health: async () => ({ ok: true, lanes: [], problem: null }),
    owned: () => [],
  }
}
