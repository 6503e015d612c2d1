import { createModels } from '@offerstream/ranker'
import { ensureTopics, openTopic, type Running, run, runFold, type Surroundings } from '@offerstream/streaming'
import { createScorer } from './fold.ts'
import { followPlaybook } from './playbook.ts'
import { createKeeper } from './reservation-keeper.ts'

export type ScorerOptions = {
  /** Folder of the model registry. */
  readonly models: string
}

/** What is kept and given back is in no hurry. */
const keepPauseMs = 100

/** Feature updates in, decisions and offers out, by the playbook as it grows. */
export async function startOfferScorer(surroundings: Surroundings, options: ScorerOptions): Promise<Running> {
  const { log, registry, store, clock, prefix, partitions, notice, metrics } = surroundings
  await ensureTopics(log, { prefix, partitions, sources: false })
  const models = createModels(options.models, {
    fellBack: (model, rows) => metrics?.record('offerstream_fallback_rows_total', rows, model),
  })
  const playbook = await followPlaybook(log, await openTopic(registry, 'playbook', prefix), models, notice, {
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
  return {
    ...running,
    done: Promise.race([running.done, keeping.done.then(() => running.done)]),
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
      await playbook.stop()
      await models.close()
    },
  }
}
