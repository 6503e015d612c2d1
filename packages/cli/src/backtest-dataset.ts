// A data set as the past: its events as a journal in memory, its offers as decisions.
import { type DatasetName, datasets } from '@offerstream/datasets'
import { memoryLog, memoryRegistry, type Outgoing, openTopic, partitionOf, Refused } from '@offerstream/streaming'
import type { Past } from './replay-past.ts'

const partitions = 4

/** Throws `Refused` for a set whose offers have no known propensities. */
export async function datasetPast(name: DatasetName, dir: string): Promise<Past> {
  const dataset = datasets[name]
  if (dataset.decisions === undefined)
    throw new Refused(
      `${name} knows no propensities of its offers; ${Object.values(datasets)
        .filter(each => each.decisions !== undefined)
        .map(each => each.name)
        .join(', ')} does`,
    )
  const past: Past = { log: memoryLog(), registry: memoryRegistry(), prefix: '' }
  await past.log.ensureTopics([
    { name: 'playbook', partitions: 1, kept: 'for-ever' },
    { name: 'customer-events', partitions, kept: 'for-ever' },
    { name: 'decisions', partitions, kept: 'for-ever' },
  ])
  const [playbook, events, decisions] = [
    await openTopic(past.registry, 'playbook'),
    await openTopic(past.registry, 'customer-events'),
    await openTopic(past.registry, 'decisions'),
  ]
  await past.log.append(
    'playbook',
    0,
    (await dataset.playbook(dir)).map(record => ({
      key: `${record.body.type}/${record.body.name}`,
      value: playbook.codec.encode(record),
    })),
  )
  const fill = async (path: string, records: AsyncIterable<Outgoing & { readonly key: string }>): Promise<void> => {
    const lanes = Array.from({ length: partitions }, (): Outgoing[] => [])
    for await (const record of records) lanes[partitionOf(record.key, partitions)]!.push(record)
    for (const [partition, lane] of lanes.entries()) await past.log.append(path, partition, lane)
  }
  await fill(
    'customer-events',
    (async function* () {
      for await (const { value: event } of dataset.records(dir))
        yield {
          key: event.customer,
          value: events.codec.encode({ journalledAt: event.at, triggers: false, item: null, event }),
          timestamp: event.at,
        }
    })(),
  )
  await fill(
    'decisions',
    (async function* () {
      for await (const decision of dataset.decisions!(dir))
        yield { key: decision.customer, value: decisions.codec.encode(decision), timestamp: decision.at }
    })(),
  )
  return past
}
