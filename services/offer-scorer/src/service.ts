import { createModels } from '@offerstream/ranker'
import { ensureTopics, openTopic, type Running, run, runFold, type Surroundings } from '@offerstream/streaming'
import { createScorer } from './fold.ts'
import { followPlaybook } from './playbook.ts'
import { createKeeper } from './reservation-keeper.ts'

export type ScorerOptions = {
  /** Folder of the model registry. */
  readonly models: string
}

/** Feature updates in, decisions and offers out, by the playbook as it grows. */
export async function startOfferScorer(surroundings: Surroundings, options: ScorerOptions): Promise<Running> {
  const { log, registry, prefix, partitions, notice, metrics } = surroundings
  await ensureTopics(log, { prefix, partitions, sources: false })
  const models = createModels(options.models, {
    fellBack: (model, rows) => metrics?.record('offerstream_fallback_rows_total', rows, model),
  })
  const playbook = await followPlaybook(log, await openTopic(registry, 'playbook', prefix), models, notice)
  const running = await runFold(
    createScorer({
      updates: await openTopic(registry, 'feature-updates', prefix),
      decisions: await openTopic(registry, 'decisions', prefix),
      offers: await openTopic(registry, 'next-best-offers', prefix),
      playbook: playbook.current,
      models,
    }),
    surroundings,
  )
  return {
    ...running,
    async stop() {
      await running.stop()
      await playbook.stop()
      await models.close()
    },
  }
}
