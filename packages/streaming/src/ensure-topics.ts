import { deadLettersKeptMs, type TopicDefinition, type TopicName, topics } from '@offerstream/contracts'
import { deadLettersOf } from './dead-letters.ts'
import { type Log, Refused, type TopicSpec } from './ports.ts'

/** Dead letters, and sources that demos and tests make themselves, take records as large as a broker would. */
const largestRecordBytes = 16 * 1024 * 1024

/**
 * Creates the topics that are ours, with a topic of dead letters beside each. Topics of the company must be there,
 * unless `sources` asks for them too, as demos and tests do. Throws `Refused` naming what is missing or has another
 * partition count.
 */
export async function ensureTopics(
  log: Log,
  options: { readonly prefix: string; readonly partitions: number; readonly sources: boolean },
): Promise<void> {
  const all = Object.entries(topics) as [TopicName, TopicDefinition][]
  const count = (topic: TopicDefinition): number => (topic.partitions === 'one' ? 1 : options.partitions)
  const specs: TopicSpec[] = all
    .filter(([, topic]) => topic.owner === 'offerstream' || options.sources)
    .map(([name, topic]) => ({
      name: options.prefix + name,
      partitions: count(topic),
      kept: topic.kept,
      ...(topic.owner === 'upstream' ? { recordBytes: largestRecordBytes } : {}),
    }))
  if (!options.sources) {
    const there = new Set(await log.topicNames())
    const missing = all
      .filter(([name, topic]) => topic.owner === 'upstream' && !there.has(options.prefix + name))
      .map(([name]) => options.prefix + name)
    if (missing.length > 0)
      throw new Refused(
        `the source topics ${missing.join(', ')} do not exist: create them, set OFFERSTREAM_PREFIX to the prefix they have, or let \`offerstream topics --create\` make empty ones`,
      )
  }
  await log.ensureTopics(specs)
  const deadLetters: TopicSpec[] = []
  for (const [name] of all) {
    const path = options.prefix + name
    deadLetters.push({
      name: deadLettersOf(path),
      partitions: (await log.bounds(path)).length,
      kept: deadLettersKeptMs,
      recordBytes: largestRecordBytes,
    })
  }
  await log.ensureTopics(deadLetters)
}
