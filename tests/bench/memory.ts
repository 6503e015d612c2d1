// What an active customer takes in Redis: a month of a simulated operator through the fold, used memory before and after.

import { setTimeout as sleep } from 'node:timers/promises'
import { applyRecord, emptyPlaybook, stampOf } from '@offerstream/catalogue'
import { createUpdater, updaterName } from '@offerstream/feature-updater'
import { createWorld, customerRecords, events, type OperatorEvent, playbookRecords } from '@offerstream/simulator'
import { startRedis } from '@offerstream/stack'
import {
  ensureTopics,
  memoryLog,
  memoryRegistry,
  type Outgoing,
  openTopic,
  partitionOf,
  type RedisClient,
  redisClient,
  redisStore,
  runFold,
} from '@offerstream/streaming'
import type { Bench } from './bench.ts'
import { usedMemory } from './place.ts'

const day = 24 * 3_600_000
/** Used memory per active customer with the whole list of features. */
const goalBytes = 1_536

export const memory: Bench = {
  says: 'Redis bytes per active customer, as used memory, keys included',
  options: {
    customers: { fallback: '10000', says: 'customers' },
    days: { fallback: '30', says: 'days of the simulated operator' },
    partitions: { fallback: '12', says: 'partitions' },
  },
  async run(settings, progress) {
    const [customers, days, partitions] = ['customers', 'days', 'partitions'].map(each => Number(settings[each])) as [
      number,
      number,
      number,
    ]
    const server = await startRedis({ persist: false })
    const redis = redisClient({ url: server.url })
    const store = redisStore({ url: server.url })
    const log = memoryLog()
    const registry = memoryRegistry()
    try {
      await ensureTopics(log, { prefix: '', partitions, sources: true })
      const topic = await openTopic(registry, 'customer-events')
      const start = Date.now() - days * day
      const world = createWorld({ seed: 7, customers, start })
      const playbook = playbookRecords(world).reduce((book, record, at) => applyRecord(book, record, at), emptyPlaybook)
      const before = await usedMemory(redis)
      const running = await runFold(
        createUpdater({ events: topic, updates: await openTopic(registry, 'feature-updates') }),
        { log, store },
      )
      let written = 0
      const append = async (batch: readonly OperatorEvent[]): Promise<void> => {
        const lanes: Outgoing[][] = Array.from({ length: partitions }, () => [])
        for (const event of batch) {
          const item = event.type === 'customer' ? event.plan : event.type === 'usage' ? null : event.item
          lanes[partitionOf(event.customer, partitions)]!.push({
            key: event.customer,
            value: topic.codec.encode({
              journalledAt: event.at + 50,
              triggers: true,
              item: item === null ? null : stampOf(playbook, item, event.at),
              event,
            }),
          })
        }
        written += batch.length
        await Promise.all(lanes.map((records, partition) => log.append(topic.path, partition, records)))
      }
      await append([...customerRecords(world)])
      for (let at = start; at < start + days * day; at += day) {
        await append([...events(world, at, at + day)])
        progress('simulating and folding', (at + day - start) / (days * day))
      }
      const applied = async (): Promise<number> => {
        const all = await Promise.all(
          Array.from({ length: partitions }, (_, at) => store.peekProgress(updaterName, at)),
        )
        return all.reduce((sum, each) => sum + (each?.watermark ?? -1) + 1, 0)
      }
      while ((await applied()) < written) await sleep(50)
      await running.stop()
      // Buffers of connections are not the customers'.
      await store.close()
      const bytes = (await usedMemory(redis)) - before
      const keys = await redis.use(client => client.dbsize())
      const values = await valueBytes(redis)
      const lanes = (await laneBytes(redis, partitions)) / customers
      const perCustomer = bytes / customers
      return {
        title: `Redis after ${days} days of ${customers.toLocaleString('en')} customers, ${written.toLocaleString('en')} events`,
        rows: [
          ['', 'bytes per customer'],
          ['used memory, keys included', perCustomer],
          ['of which the state itself', values],
          ['of which the partitions: outbox, watermark, causes, counts', lanes],
        ],
        remarks: [
          `${(written / customers).toFixed(0)} events per customer; ${keys} keys; goal ${goalBytes}: ${perCustomer <= goalBytes ? 'reached' : 'NOT reached'}`,
        ],
        figures: {
          bytesPerCustomer: perCustomer,
          stateBytes: values,
          partitionBytes: lanes,
          eventsPerCustomer: written / customers,
          reached: perCustomer <= goalBytes,
        },
      }
    } finally {
      await redis.close()
      await log.close()
      await server.stop()
    }
  },
}

/** Mean length of a state, over some thousand of them. */
async function valueBytes(redis: RedisClient): Promise<number> {
  return redis.use(async client => {
    const [, keys] = (await client.call('SCAN', '0', 'MATCH', 'os:{*}:*', 'COUNT', '2000')) as [string, string[]]
    const lengths = await Promise.all(keys.map(key => client.strlen(key)))
    return lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, lengths.length)
  })
}

/** What is kept once per partition, however many customers it has. */
async function laneBytes(redis: RedisClient, partitions: number): Promise<number> {
  return redis.use(async client => {
    const parts = ['meta', 'causes', 'counts', 'due', 'outbox']
    const names = Array.from({ length: partitions }, (_, at) => parts.map(part => `os:{${updaterName}:${at}}.${part}`))
    const sizes = await Promise.all(names.flat().map(name => client.call('MEMORY', 'USAGE', name)))
    return sizes.reduce((sum: number, size) => sum + Number(size ?? 0), 0)
  })
}
