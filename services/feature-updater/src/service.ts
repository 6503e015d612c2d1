import { ensureTopics, openTopic, type Running, runFold, type Surroundings } from '@offerstream/streaming'
import { createUpdater } from './fold.ts'

/** Journal in, feature updates out. */
export async function startFeatureUpdater(surroundings: Surroundings): Promise<Running> {
  const { log, registry, prefix, partitions } = surroundings
  await ensureTopics(log, { prefix, partitions, sources: false })
  return runFold(
    createUpdater({
      events: await openTopic(registry, 'customer-events', prefix),
      updates: await openTopic(registry, 'feature-updates', prefix),
    }),
    surroundings,
  )
}
