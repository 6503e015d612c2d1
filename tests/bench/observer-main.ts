// Reads next-best-offers as any subscriber would, with a client of its own, and tells when each came.
import { confluentRegistry, openTopic } from '@offerstream/streaming'
import { Kafka, logLevel } from 'kafkajs'

const { brokers, registry, prefix }: { brokers: readonly string[]; registry: string; prefix: string } = JSON.parse(
  process.argv[2]!,
)
const topic = await openTopic(confluentRegistry({ host: registry }), 'next-best-offers', prefix)
let seen: (readonly [offer: string, event: string, at: number])[] = []
const seenBefore = new Set<string>()
const consumer = new Kafka({ brokers: [...brokers], clientId: 'bench-observer', logLevel: logLevel.NOTHING }).consumer({
  groupId: 'bench-observer',
  maxWaitTimeInMs: 100,
})
await consumer.connect()
await consumer.subscribe({ topics: [topic.path], fromBeginning: true })
await consumer.run({
  autoCommit: false,
  async eachBatch({ batch: { messages } }) {
    const at = performance.timeOrigin + performance.now()
    await topic.codec.learn(messages.map(({ value }) => value))
    for (const { value } of messages) {
      const { id, trigger } = topic.codec.decode(value!)
      if (seenBefore.has(id)) continue
      seenBefore.add(id)
      seen.push([id, trigger.event, at])
    }
  },
})
setInterval(() => {
  if (seen.length > 0) process.send!({ event: 'offers', seen })
  seen = []
}, 50)
process.send!({ event: 'ready' })
