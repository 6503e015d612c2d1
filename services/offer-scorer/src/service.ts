import { setTimeout as sleep } from 'node:timers/promises'
import { createModels } from '@offerstream/ranker'
import {
  ensureTopics,
  openTopic,
  type Running,
  run,
  runFold,
  type Surroundings,
  Transient,
} from '@offerstream/streaming'
import { createScorer } from './fold.ts'
import { followPlaybook } from './playbook.ts'
import { createKeeper } from './reservation-keeper.ts'
import { countServed, watchTrials } from './trial-keeper.ts'

export type ScorerOptions = {
  /** Folder of the model registry. */
  readonly models: string
}

/** What is kept and given back is in no hurry. */
const keepPauseMs = 100

/** How often trials are judged. */
const lookEveryMs = 1000

/** Feature updates in, decisions and offers out, by the playbook as it grows. */
export async function startOfferScorer(surroundings: Surroundings, options: ScorerOptions): Promise<Running> {
  const { log, registry, store, clock, prefix, partitions, notice, metrics } = surroundings
  await ensureTopics(log, { prefix, partitions, sources: false })
  const served = countServed()
  const models = createModels(options.models, {
    scored: served.scored,
    fellBack(model, rows) {
      served.fellBack(model, rows)
      metrics?.record('offerstream_fallback_rows_total', rows, model)
    },
  })
  const playbookTopic = await openTopic(registry, 'playbook', prefix)
  const playbook = await followPlaybook(log, playbookTopic, models, notice, {
    clock,
    metrics,
  })
  const decisions = await openTopic(registry, 'decisions', prefix)
  const { reservations } = store
  const running = await runFold(
    createScorer({
      updates: await openTopic(registry, 'feature-updates', prefix),
      decisions,
      offers: await openTopic(registry, 'next-best-offers', prefix),
      playbook: playbook.current,
      models,
      reservations,
    }),
    surroundings,
  )
  const deliveries = await openTopic(registry, 'deliveries', prefix)
  // Metrics and fail points are those of deciding.
  const { metrics: _metrics, reach: _reach, ...rest } = surroundings
  const keeping = await run(
    createKeeper({ decisions, deliveries, playbook, reservations, ...(notice ? { notice } : {}) }),
    { ...rest, fetchPauseMs: keepPauseMs },
  )
  const trials = watchTrials({
    log,
    topic: playbookTopic,
    playbook,
    store,
    partitions,
    clock,
    metrics,
    served: served.of,
    ...(notice ? { notice } : {}),
  })
  const watching = repeat(trials.look, lookEveryMs, notice)
  return {
    ...running,
    done: Promise.race([running.done, keeping.done.then(() => running.done), watching.done.then(() => running.done)]),
    async health() {
      const [deciding, kept] = await Promise.all([running.health(), keeping.health()])
      return {
        ok: deciding.ok && kept.ok,
        lanes: [...deciding.lanes, ...kept.lanes],
        problem: deciding.problem ?? kept.problem,
      }
    },
    async stop() {
      await running.stop()
      await keeping.stop()
      await watching.stop()
      await playbook.stop()
      await models.close()
    },
  }
}

/** Does something now and then until stopped; what is unwell is named and tried again. */
function repeat(work: () => Promise<unknown>, everyMs: number, notice: (line: string) => void = () => {}) {
  const stopping = new AbortController()
  const done = (async () => {
    while (!stopping.signal.aborted) {
      await work().catch(error => {
        if (!(error instanceof Transient)) throw error
        notice(error.message)
      })
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  })()
  done.catch(() => {})
  return {
    done,
    async stop(): Promise<void> {
      stopping.abort()
      await done
    },
  }
}
