import { deadLettersKeptMs, type TopicDefinition } from '../src/topics.ts'
import type { Schemas, Topics } from './asyncapi.ts'

const dayMs = 24 * 60 * 60 * 1000
const days = (ms: number): string => `${ms / dayMs} days`

/** docs/topics.md, from the list of topics and the schemas by file name. */
export const topicsPage = (topics: Topics, schemas: Schemas): string => `# Topics

Every topic of the flow, from the one list in \`packages/contracts/src/topics.ts\`; \`pnpm generate\` writes this page and
[api/asyncapi.json](api/asyncapi.json), which says the same to machines (AsyncAPI 3.0, Avro schemas included). How to subscribe to
\`next-best-offers\`: [examples](examples/README.md).

Before each name stands the prefix of the line (\`OFFERSTREAM_PREFIX\`), empty by default. Values are Avro in the registry's
framing: a zero byte, the schema's id in four bytes, the record; a schema's subject is the full name of its record. Delivery
is at least once: what services write carries the header \`cause\`, \`topic@generation/partition/offset/index\` of the record
it follows from, and a record whose cause is not above the highest one seen of that topic and partition is a repeat. A record
with the header \`expects-offset\` is void unless it stands at that offset.

| topic | what it says | records | key | partitions | kept | writes | reads |
|---|---|---|---|---|---|---|---|
${Object.entries(topics)
  .map(([name, topic]) => line(name, topic, schemas))
  .join('\n')}

What nobody can handle of a topic goes to \`TOPIC.dead-letters\`, kept for ${days(deadLettersKeptMs)}: the bytes as they were read,
with the headers \`reason\`, \`service\` and \`source\` (topic/partition/offset). *Shared* partitions are the count that all
customer-keyed topics have in common (\`OFFERSTREAM_PARTITIONS\`), so that a customer has the same partition in each. A
company's own topics may have other names and shapes: [tour](tour/connecting-a-topic.md).
`

function line(name: string, topic: TopicDefinition, schemas: Schemas): string {
  const records = topic.records.map(
    each => `[${(JSON.parse(schemas[each]!) as { name: string }).name}](../schemas/${each}.avsc)`,
  )
  const cells = [
    `\`${name}\``,
    topic.doc,
    records.join(', '),
    topic.key,
    topic.partitions,
    keptText(topic.kept),
    topic.writers.join(', '),
    topic.readers.join(', '),
  ]
  return `| ${cells.join(' | ')} |`
}

const keptText = (kept: TopicDefinition['kept']): string =>
  kept === 'compacted' ? 'newest of each key' : kept === 'for-ever' ? 'for ever' : days(kept)
