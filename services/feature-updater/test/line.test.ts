import type { CustomerEvent, FeatureUpdate } from '@offerstream/contracts'
import { naive, read, states } from '@offerstream/features'
import {
  ensureTopics,
  type MemoryLog,
  memoryLog,
  memoryRegistry,
  memoryStore,
  openTopic,
  partitionOf,
  type Running,
  runFold,
} from '@offerstream/streaming'
import { expect, it } from 'vitest'
import { createUpdater, updaterName } from '../src/index.ts'
import { at, events } from './events.ts'

const partitions = 3
const customers = Array.from({ length: 30 }, (_, i) => `c-${i}`)

/** Every customer gets a profile, then usage that passes 80 % of the quota, then buys a plan; one event comes twice. */
const journal: CustomerEvent[] = [
  events.profile(),
  events.usage('u-1', at - 7_200_000, 7_000),
  events.usage('u-2', at - 3_600_000, 2_000),
  events.usage('u-2', at - 3_600_000, 2_000),
  events.purchase('p-1', at),
]
const of = (customer: string, envelope: CustomerEvent): CustomerEvent =>
  ({ ...envelope, event: { ...envelope.event, customer } }) as CustomerEvent

async function untilApplied(running: Running): Promise<void> {
  for (;;) {
    const { lanes } = await running.health()
    if (lanes.length === partitions && lanes.every(({ next, end }) => next >= end)) break
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  await running.stop()
}

async function valuesOf(log: MemoryLog, path: string): Promise<Buffer[]> {
  const values: Buffer[] = []
  for (let partition = 0; partition < partitions; partition++)
    for await (const batch of log.read(path, partition, 0)) values.push(...batch.map(({ value }) => value!))
  return values
}

it('states equal the naive fold of the journal and every trigger fires once, through a restart', async () => {
  const log = memoryLog()
  const store = memoryStore()
  const registry = memoryRegistry()
  await ensureTopics(log, { prefix: '', partitions, sources: true })
  const topics = {
    events: await openTopic(registry, 'customer-events'),
    updates: await openTopic(registry, 'feature-updates'),
  }
  const append = async (envelope: CustomerEvent): Promise<void> => {
    for (const customer of customers) {
      const value = topics.events.codec.encode(of(customer, envelope))
      await log.append(topics.events.path, partitionOf(customer, partitions), [{ key: customer, value }])
    }
  }

  for (const envelope of journal.slice(0, 3)) await append(envelope)
  await untilApplied(await runFold(createUpdater(topics), { log, store }))
  for (const envelope of journal.slice(3)) await append(envelope)
  await untilApplied(await runFold(createUpdater(topics), { log, store }))

  for (const customer of customers) {
    const [bytes] = await store.peek(updaterName, partitionOf(customer, partitions), [customer])
    const given = journal.map(envelope => of(customer, envelope))
    expect(read(states.decode(bytes!), at)).toEqual(naive(given, at))
  }
  // A new owner publishes the outbox it finds once more: the same record under the same id.
  const updates = new Map<string, FeatureUpdate>()
  for (const update of (await valuesOf(log, topics.updates.path)).map(bytes => topics.updates.codec.decode(bytes))) {
    expect(updates.get(update.id) ?? update).toEqual(update)
    updates.set(update.id, update)
  }
  const fired = (update: FeatureUpdate): string => `${update.customer} ${update.trigger.kind}`
  expect([...updates.values()].map(fired).sort()).toEqual(
    customers.flatMap(customer => [`${customer} allowance-used`, `${customer} purchase`]).sort(),
  )
  const counts = await Promise.all([0, 1, 2].map(partition => store.peekProgress(updaterName, partition)))
  const repeats = counts.map(progress => progress!.counts.get('skipped/repeated-event') ?? 0)
  expect(repeats.reduce((a, b) => a + b)).toBe(customers.length)
})
