import type { CustomerEvent } from '@offerstream/contracts'
import {
  ensureTopics,
  type MemoryLog,
  memoryLog,
  memoryRegistry,
  memoryStore,
  openTopic,
  partitionOf,
  type RunOptions,
  runFold,
  type Store,
  type Topic,
} from '@offerstream/streaming'
import { createUpdater } from '../src/index.ts'

export const registry = memoryRegistry()
export const topics = {
  events: await openTopic(registry, 'customer-events'),
  updates: await openTopic(registry, 'feature-updates'),
  campaigns: await openTopic(registry, 'campaigns'),
}

export type MemoryLine = { readonly log: MemoryLog; readonly store: Store; readonly partitions: number }

export async function createLine(partitions = 1): Promise<MemoryLine> {
  const log = memoryLog()
  await ensureTopics(log, { prefix: '', partitions, sources: true })
  return { log, store: memoryStore(), partitions }
}

/** The event, of another customer. */
export const of = (customer: string, envelope: CustomerEvent): CustomerEvent => {
  const { event } = envelope
  if (event.type === 'tick') return envelope
  return { ...envelope, event: { ...event, customer, id: `${event.id}-${customer}` } } as CustomerEvent
}

/** Journals events in order; a tick goes to every partition. */
export async function journal({ log, partitions }: MemoryLine, ...given: readonly CustomerEvent[]): Promise<void> {
  const { path, codec } = topics.events
  for (const each of given) {
    const { event } = each
    const key = event.type === 'tick' ? '' : event.customer
    for (let partition = 0; partition < partitions; partition++)
      if (event.type === 'tick' || partition === partitionOf(key, partitions))
        await log.append(path, partition, [{ key, value: codec.encode(each) }])
  }
}

/** Runs the updater until it has read everything, and stops it. */
export async function update({ log, store, partitions }: MemoryLine, options: Partial<RunOptions> = {}): Promise<void> {
  const running = await runFold(createUpdater(topics), { log, store, ...options })
  const isBehind = async (): Promise<boolean> => {
    const { lanes } = await running.health()
    return lanes.length < partitions || lanes.some(({ next, end }) => next < end)
  }
  while (await isBehind()) await new Promise(resolve => setTimeout(resolve, 2))
  await running.stop()
}

/** Every value of a topic, partition by partition. */
export async function valuesOf<T>({ log, partitions }: MemoryLine, topic: Topic<T>): Promise<T[]> {
  const values: T[] = []
  for (let partition = 0; partition < partitions; partition++)
    for await (const batch of log.read(topic.path, partition, 0))
      values.push(...batch.map(({ value }) => topic.codec.decode(value!)))
  return values
}
