import type { Stack } from '@offerstream/stack'
import {
  type Clock,
  confluentRegistry,
  createClock,
  createMetrics,
  kafkaLog,
  memoryLog,
  memoryRegistry,
  memoryStore,
  redisStore,
  type Surroundings,
} from '@offerstream/streaming'

export type SurroundingsOptions = {
  readonly prefix: string
  readonly partitions: number
  readonly clock?: Clock
  readonly notice?: (line: string) => void
}

/** Log, store and registry of a stack, for services that run in this process. */
export function surroundingsOf(stack: Stack, options: SurroundingsOptions): Surroundings & { close(): Promise<void> } {
  const notice = options.notice ?? (() => {})
  const shared = {
    clock: options.clock ?? createClock(),
    prefix: options.prefix,
    partitions: options.partitions,
    metrics: createMetrics('offerstream'),
    notice,
  }
  const { addresses } = stack
  if (addresses === null)
    return { ...shared, log: memoryLog(), store: memoryStore(), registry: memoryRegistry(), close: async () => {} }
  const log = kafkaLog({ brokers: addresses.brokers, clientId: 'offerstream', onNotice: notice })
  const store = redisStore({ url: addresses.redis, prefix: `${options.prefix}os` })
  return {
    ...shared,
    log,
    store,
    registry: confluentRegistry({ host: addresses.registry }),
    async close() {
      await log.close()
      await store.close()
    },
  }
}
