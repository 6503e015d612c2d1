// Reads next-best-offers as any subscriber would, and tells when each came.
import { confluentRegistry, kafkaLog, openTopic } from '@offerstream/streaming'

const { brokers, registry, prefix }: { brokers: readonly string[]; registry: string; prefix: string } = JSON.parse(
  process.argv[2]!,
)
const log = kafkaLog({ brokers, clientId: 'bench-observer' })
const topic = await openTopic(confluentRegistry({ host: registry }), 'next-best-offers', prefix)
let seen: (readonly [offer: string, event: string, at: number])[] = []
const seenBefore = new Set<string>()
await log.subscribe('bench-observer', [topic.path], {
  assigned: async () => 0,
  async batch(_topic, _partition, messages) {
    const at = performance.timeOrigin + performance.now()
    await topic.codec.learn(messages.map(({ value }) => value))
    for (const { value } of messages) {
      const { id, trigger } = topic.codec.decode(value!)
      if (seenBefore.has(id)) continue
      seenBefore.add(id)
      seen.push([id, trigger.event, at])
    }
    return 'more'
  },
  revoked() {},
})
setInterval(() => {
  if (seen.length > 0) process.send!({ event: 'offers', seen })
  seen = []
}, 50)
process.send!({ event: 'ready' })
