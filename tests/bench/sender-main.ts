// Sends at the moments intended, whatever became of what was sent before: an open loop. Each phase goes on in one stream.
import type { Purchase, Usage } from '@offerstream/contracts'
import { steady } from '@offerstream/simulator'
import { confluentRegistry, openTopic, partitionOf, type Topic } from '@offerstream/streaming'
import { Kafka, logLevel, type Message, Partitioners } from 'kafkajs'

type Settings = {
  readonly brokers: readonly string[]
  readonly registry: string
  readonly prefix: string
  readonly partitions: number
  readonly customers: number
  readonly seed: number
  readonly triggerShare: number
}
type Phase = { readonly rate: number; readonly seconds: number }

const { brokers, registry, prefix, partitions, customers, seed, triggerShare }: Settings = JSON.parse(process.argv[2]!)
const producer = new Kafka({ brokers: [...brokers], clientId: 'bench-sender', logLevel: logLevel.NOTHING }).producer({
  allowAutoTopicCreation: false,
  createPartitioner: Partitioners.DefaultPartitioner,
})
await producer.connect()
const known = confluentRegistry({ host: registry })
const topics = {
  purchase: (await openTopic(known, 'purchases', prefix)) as unknown as Topic<unknown>,
  usage: (await openTopic(known, 'usage', prefix)) as unknown as Topic<unknown>,
}
const stream = steady({ seed, customers, start: 0, intervalMs: 0, triggerShare })
/** As Kafka's own producer waits by default since 4.0. */
const lingerMs = 5
let sent = 0
let failure: Error | null = null

const now = (): number => performance.timeOrigin + performance.now()

process.on('message', (phase: Phase) => {
  const first = sent
  const count = Math.round(phase.rate * phase.seconds)
  const start = now() + 100
  const intendedAt = (n: number): number => start + ((n - first) * 1000) / phase.rate
  process.send!({ event: 'began', first, start, rate: phase.rate, count })
  const timer = setInterval(() => {
    const batches = new Map<string, Message[]>()
    while (sent < first + count && intendedAt(sent) <= now()) {
      const event = stream.next().value as Purchase | Usage
      const at = Math.round(intendedAt(sent++))
      const { path, codec } = topics[event.type]
      const partition = partitionOf(event.customer, partitions)
      const messages = batches.get(path) ?? []
      batches.set(path, messages)
      messages.push({ key: event.customer, value: codec.encode({ ...event, at }), partition, timestamp: `${at}` })
    }
    if (batches.size > 0)
      producer
        .sendBatch({ acks: -1, topicMessages: [...batches].map(([topic, messages]) => ({ topic, messages })) })
        .catch(error => {
          failure ??= error as Error
        })
    if (failure !== null) throw failure
    if (sent < first + count) return
    clearInterval(timer)
    process.send!({ event: 'ended' })
  }, lingerMs)
})
process.send!({ event: 'ready' })
