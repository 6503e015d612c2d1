// The stack a bench runs on: Kafka and registry of the local stack, and a Redis of its own that writes nothing to disk.
import { startRedis, startStack } from '@offerstream/stack'
import {
  confluentRegistry,
  kafkaLog,
  type Log,
  type RedisClient,
  type Registry,
  redisClient,
} from '@offerstream/streaming'
import type { Progress } from './bench.ts'
import { childWith, stopAll } from './processes.ts'

export type Place = {
  readonly brokers: readonly string[]
  readonly redisUrl: string
  readonly log: Log
  readonly registry: Registry
  readonly redis: RedisClient
  readonly brokerPid: number
  readonly redisPid: number
  readonly versions: Readonly<Record<string, string>>
  /** Settings of a service that runs here. */
  environment(prefix: string, partitions: number): Record<string, string>
}

export async function withPlace<T>(progress: Progress, use: (place: Place) => Promise<T>): Promise<T> {
  const stack = await startStack('local', {
    instance: 'bench',
    fresh: true,
    progress: line => progress(line),
  })
  try {
    const server = await startRedis({ persist: false })
    const { brokers, registry: host } = stack.addresses!
    const log = kafkaLog({ brokers, clientId: 'bench' })
    const redis = redisClient({ url: server.url })
    try {
      return await use({
        brokers,
        redisUrl: server.url,
        log,
        registry: confluentRegistry({ host }),
        redis,
        brokerPid: childWith('kafka.Kafka'),
        redisPid: childWith(`:${server.port}`),
        versions: stack.versions,
        environment: (prefix, partitions) => ({
          OFFERSTREAM_KAFKA_BROKERS: brokers.join(','),
          OFFERSTREAM_REDIS_URL: server.url,
          OFFERSTREAM_REGISTRY_URL: host,
          OFFERSTREAM_PREFIX: prefix,
          OFFERSTREAM_PARTITIONS: `${partitions}`,
        }),
      })
    } finally {
      await stopAll()
      await log.close()
      await redis.close()
      await server.stop()
    }
  } finally {
    await stack.stop()
  }
}

export async function usedMemory(redis: RedisClient): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.use(client => client.info('memory')))![1])
}
