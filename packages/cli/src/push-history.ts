import type { RecordOf, TopicName } from '@offerstream/contracts'
import type { PushEvent } from '@offerstream/stack'
import { openTopic, type Surroundings } from '@offerstream/streaming'
import type { PushHistory } from './push-judge.ts'

/** What the judge of pushes goes by, from the topics behind a prefix; records nobody can read bind nobody. */
export async function pushHistoryOf(
  around: Pick<Surroundings, 'log' | 'registry' | 'prefix'>,
  events: readonly PushEvent[],
  withinMs: number,
): Promise<PushHistory> {
  const [offers, customers, playbook] = await Promise.all([
    all(around, 'next-best-offers'),
    all(around, 'customers'),
    all(around, 'playbook'),
  ])
  // A record that stands there twice is one offer.
  const byId = new Map(offers.map(offer => [offer.id, offer]))
  return { events, offers: [...byId.values()], customers, playbook, withinMs }
}

async function all<Name extends TopicName>(
  { log, registry, prefix }: Pick<Surroundings, 'log' | 'registry' | 'prefix'>,
  name: Name,
): Promise<readonly RecordOf<Name>[]> {
  const topic = await openTopic(registry, name, prefix)
  const found: RecordOf<Name>[] = []
  for (const [partition, { first, next }] of (await log.bounds(topic.path)).entries())
    for await (const messages of log.read(topic.path, partition, first, next)) {
      await topic.codec.learn(messages.map(({ value }) => value))
      for (const { value } of messages)
        try {
          if (value !== null) found.push(topic.codec.decode(value))
        } catch {}
    }
  return found
}
