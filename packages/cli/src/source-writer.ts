import type { RecordOf } from '@offerstream/contracts'
import { type Outgoing, openTopic, partitionOf, type Surroundings, type Topic } from '@offerstream/streaming'

const sourceTopics = ['purchases', 'usage', 'engagements', 'customers'] as const
export type SourceTopic = (typeof sourceTopics)[number]
type SourceValue = RecordOf<SourceTopic>

/** Where a company would send it. */
export const sourceTopicOf = (event: SourceValue): SourceTopic => {
  switch (event.type) {
    case 'purchase':
    case 'purchase_retracted':
      return 'purchases'
    case 'usage':
      return 'usage'
    case 'engagement':
      return 'engagements'
    case 'customer':
      return 'customers'
  }
}

/** Writes to the source topics as a company's own systems would. */
export type SourceWriter = {
  /** Takes a record; resolves at once unless too many are on their way. `intendedAt` becomes its time stamp, wall time. */
  write(topic: SourceTopic, value: SourceValue, intendedAt: number): Promise<void>
  /** Resolves once everything taken is written. */
  flush(): Promise<void>
  readonly written: number
}

const mostOnTheWay = 20_000
const mostGathered = 2000
const gatherMs = 2

export async function createSourceWriter({ log, registry, prefix }: Surroundings): Promise<SourceWriter> {
  const topics = new Map<SourceTopic, { topic: Topic<never>; partitions: number }>()
  for (const name of sourceTopics) {
    const topic = (await openTopic(registry, name, prefix)) as unknown as Topic<never>
    topics.set(name, { topic, partitions: (await log.bounds(topic.path)).length })
  }
  let gathered = new Map<string, { path: string; partition: number; records: Outgoing[] }>()
  let waiting = 0
  let onTheWay = 0
  let written = 0
  let failure: unknown = null
  let timer: NodeJS.Timeout | null = null
  const sends = new Set<Promise<void>>()

  const send = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    waiting = 0
    for (const { path, partition, records } of gathered.values()) {
      const sent: Promise<void> = log
        .append(path, partition, records)
        .then(() => {
          written += records.length
        })
        .catch(error => {
          failure ??= error
        })
        .finally(() => {
          onTheWay -= records.length
          sends.delete(sent)
        })
      sends.add(sent)
    }
    gathered = new Map()
  }

  return {
    get written() {
      return written
    },
    async write(name, value, intendedAt) {
      if (failure !== null) throw failure
      const { topic, partitions } = topics.get(name)!
      const partition = partitionOf(value.customer, partitions)
      const lane = `${name}/${partition}`
      const entry = gathered.get(lane) ?? { path: topic.path, partition, records: [] }
      entry.records.push({
        key: value.customer,
        value: topic.codec.encode(value as never),
        timestamp: Math.round(intendedAt),
      })
      gathered.set(lane, entry)
      onTheWay++
      if (++waiting >= mostGathered) send()
      else timer ??= setTimeout(send, gatherMs)
      while (onTheWay >= mostOnTheWay && sends.size > 0) await Promise.race(sends)
    },
    async flush() {
      send()
      while (sends.size > 0) await Promise.race(sends)
      if (failure !== null) throw failure
    },
  }
}
