import { type CustomerEvent, defaults, type PlaybookRecord, type Purchase, type Usage } from '@offerstream/contracts'
import {
  ensureTopics,
  type MemoryLog,
  memoryLog,
  memoryRegistry,
  memoryStore,
  openTopic,
  parseCause,
  partitionOf,
  type Registry,
  type Store,
  type Surroundings,
} from '@offerstream/streaming'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { startIntake } from '../src/index.ts'

const partitions = 3
const now = Date.UTC(2026, 2, 1, 12)
const purchase: Purchase = {
  type: 'purchase',
  id: 'p1',
  customer: 'anna',
  at: now - 1000,
  item: 'plan-s',
  quantity: 1,
  priceMinor: 900,
  currency: 'EUR',
  channel: 'app',
  offer: null,
}
const usage: Usage = {
  type: 'usage',
  id: 'u1',
  customer: 'anna',
  at: now - 500,
  kind: 'data',
  dataKb: 12,
  seconds: 0,
  texts: 0,
  overageMinor: 0,
  roaming: false,
}

type World = {
  readonly log: MemoryLog
  readonly store: Store
  readonly registry: Registry
  readonly surroundings: Surroundings
}

async function createWorld(clock: { now(): number } = { now: () => now }): Promise<World> {
  const log = memoryLog()
  const store = memoryStore()
  const registry = memoryRegistry()
  await ensureTopics(log, { prefix: '', partitions, sources: true })
  return { log, store, registry, surroundings: { log, store, registry, clock, prefix: '', partitions } }
}

const options = { futureLimitMs: 300_000, tickLagRecords: 1000 }

/** Runs intake until it has read everything in the sources. */
async function drain({ log, store, surroundings }: World): Promise<void> {
  const running = await startIntake(surroundings, options)
  for (const topic of ['purchases', 'usage', 'customers', 'deliveries'] as const)
    for (const [partition, { next }] of (await log.bounds(topic)).entries())
      while (next > 0 && ((await store.peekProgress(`intake.${topic}@1`, partition))?.watermark ?? -1) < next - 1)
        await new Promise(resolve => setTimeout(resolve, 1))
  await running.stop()
}

async function journal({
  log,
  registry,
}: World): Promise<{ event: CustomerEvent; key: string; partition: number; cause: string }[]> {
  const topic = await openTopic(registry, 'customer-events')
  const found = []
  for (let partition = 0; partition < partitions; partition++)
    for await (const messages of log.read('customer-events', partition, 0))
      for (const message of messages)
        found.push({ event: topic.codec.decode(message.value!), key: message.key!, partition, cause: message.cause! })
  return found
}

async function deadLetters({ log }: World, topic: string): Promise<{ reason: string; value: Buffer | null }[]> {
  const found = []
  for (let partition = 0; partition < partitions; partition++)
    for await (const messages of log.read(`${topic}.dead-letters`, partition, 0))
      for (const { headers, value } of messages) found.push({ reason: headers['reason']!, value })
  return found
}

async function put<Name extends 'purchases' | 'usage' | 'deliveries' | 'playbook'>(
  world: World,
  name: Name,
  ...values: readonly unknown[]
): Promise<void> {
  const topic = await openTopic(world.registry, name)
  await world.log.append(
    name,
    0,
    values.map(value => ({
      key: 'somebody',
      value: Buffer.isBuffer(value) || value === null ? value : topic.codec.encode(value as never),
    })),
  )
}

describe('intake', () => {
  test('journals what the sources bring under the customer, with the place it came from as cause', async () => {
    const world = await createWorld()
    await put(world, 'purchases', purchase)
    await put(world, 'usage', usage)
    await drain(world)
    const found = await journal(world)
    expect(found.map(({ event }) => event.event.type).sort()).toEqual(['purchase', 'usage'])
    for (const { key, partition, cause } of found) {
      expect([key, partition]).toEqual(['anna', partitionOf('anna', partitions)])
      expect(parseCause(cause)).toMatchObject({ generation: 1, partition: 0, offset: 0, index: 0 })
    }
  })

  test('of deliveries it leaves out intents, and what the journal was told before the dispatcher was', async () => {
    const world = await createWorld()
    const about = { customer: 'anna', at: now - 100, offer: 'o', item: 'plan-s', channel: 'push', provider: null }
    const states = ['deferred', 'sending', 'accepted', 'displayed', 'clicked'] as const
    await put(
      world,
      'deliveries',
      ...states.map(state => ({
        ...{ type: 'delivery', id: `o/${state}`, state, reason: null, device: null, trigger: '' },
        ...about,
      })),
    )
    await drain(world)
    const ids = (await journal(world)).map(({ event: { event } }) => (event.type === 'delivery' ? event.id : ''))
    expect(ids).toEqual(['o/deferred', 'o/accepted'])
    const counts = (await world.store.peekProgress('intake.deliveries@1', 0))!.counts
    expect([counts.get('skipped/intent'), counts.get('skipped/reported')]).toEqual([1, 2])
  })

  test('stamps an item with what the catalogue says, and keeps one it does not know', async () => {
    const world = await createWorld()
    const record: PlaybookRecord = {
      at: 0,
      body: {
        ...defaults.CatalogueItem,
        name: 'plan-s',
        kind: 'plan',
        priceMinor: 1000,
        currency: 'EUR',
        marginMinor: 300,
        quotaKb: 5_000_000,
        serviceType: 'mobile-data',
        recurring: true,
        validityDays: 30,
        category: 'plans',
      },
    }
    await put(world, 'playbook', record)
    await put(world, 'purchases', purchase, { ...purchase, id: 'p2', item: 'nobody-knows' })
    await drain(world)
    const stamps = (await journal(world)).map(({ event }) => event.item)
    expect(stamps[0]).toMatchObject({ known: true, kind: 'plan', listPriceMinor: 1000, quotaKb: 5_000_000 })
    expect(stamps[1]).toMatchObject({ known: false, kind: '', listPriceMinor: null })
  })

  test.each([
    ['far-future', { ...purchase, at: now + 300_001 }],
    ['negative-quantity', { ...purchase, quantity: -1 }],
    ['negative-quantity', { ...purchase, quantity: 0 }],
    ['negative-amount', { ...purchase, priceMinor: -5 }],
    ['unknown-currency', { ...purchase, currency: 'EURO' }],
    ['no-id', { ...purchase, id: '' }],
    ['no-customer', { ...purchase, customer: '' }],
    ['no-item', { ...purchase, item: '' }],
    ['truncated', Buffer.from([0, 0])],
    ['wrong-magic-byte', Buffer.from([9, 0, 0, 0, 1, 2, 3])],
    ['unknown-schema', Buffer.from([0, 0, 0, 99, 99, 2, 3])],
    ['too-large', Buffer.alloc(10 * 1024 * 1024)],
    ['null-value', null],
  ])('sends to the dead letters as %s, bytes untouched, and goes on', async (reason, bad) => {
    const world = await createWorld()
    await put(world, 'purchases', bad, purchase)
    await drain(world)
    const dead = await deadLetters(world, 'purchases')
    expect(dead.map(each => each.reason)).toEqual([reason])
    if (Buffer.isBuffer(bad)) expect(dead[0]!.value!.equals(bad)).toBe(true)
    expect((await journal(world)).map(({ event }) => event.event.type)).toEqual(['purchase'])
  })

  test('a tombstone on the compacted topic of customers is counted and nothing else', async () => {
    const world = await createWorld()
    await world.log.append('customers', 0, [{ key: 'anna', value: null }])
    await put(world, 'purchases', purchase)
    await drain(world)
    expect((await world.store.peekProgress('intake.customers@1', 0))?.counts).toEqual(
      new Map([['skipped/tombstone', 1]]),
    )
    expect(await deadLetters(world, 'customers')).toEqual([])
  })

  test('whatever the bytes are, each record is journalled or a dead letter, and none stalls the line', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.constant('good' as const), fc.nat({ max: 40 })), {
          maxLength: 60,
        }),
        async rows => {
          const world = await createWorld()
          const topic = await openTopic(world.registry, 'purchases')
          const good = topic.codec.encode(purchase)
          // A number cuts a good record short.
          const values = rows.map(row =>
            row === 'good'
              ? good
              : typeof row === 'number'
                ? good.subarray(0, Math.min(row, good.length - 1))
                : Buffer.from(row),
          )
          await world.log.append(
            'purchases',
            1,
            values.map(value => ({ key: 'k', value })),
          )
          await drain(world)
          const [dead, kept] = [await deadLetters(world, 'purchases'), await journal(world)]
          expect(dead.length + kept.length).toBe(rows.length)
          expect(kept.length).toBeGreaterThanOrEqual(rows.filter(row => row === 'good').length)
          expect(dead.map(({ value }) => value!.toString('hex'))).toEqual(
            values.map(value => value.toString('hex')).filter(hex => !isKept(hex, good)),
          )
        },
      ),
      { numRuns: 60 },
    )
    function isKept(hex: string, good: Buffer): boolean {
      return hex === good.toString('hex')
    }
  })

  test('a tick reaches every partition once a minute of clock time, and none while a source is behind', async () => {
    let time = now
    const world = await createWorld({ now: () => time })
    const running = await startIntake(world.surroundings, options)
    const ticks = async () => (await journal(world)).filter(({ event }) => event.event.type === 'tick')
    const until = async (count: number) => {
      while ((await ticks()).length < count) await new Promise(resolve => setTimeout(resolve, 10))
    }
    await until(partitions)
    time += 60_000
    await until(2 * partitions)
    await running.stop()
    const causes = (await ticks()).map(({ cause, partition }) => `${cause} in ${partition}`)
    expect(new Set(causes).size).toBe(2 * partitions)

    const behind = await startIntake(
      {
        ...world.surroundings,
        log: {
          ...world.log,
          committed: async () => [0, 0, 0],
          bounds: async topic =>
            topic === 'usage'
              ? [
                  { first: 0, next: 5000 },
                  { first: 0, next: 0 },
                  { first: 0, next: 0 },
                ]
              : world.log.bounds(topic),
        },
      },
      options,
    )
    time += 60_000
    await new Promise(resolve => setTimeout(resolve, 600))
    await behind.stop()
    expect(await ticks()).toHaveLength(2 * partitions)
  })

  test('missing source topics are named', async () => {
    const log = memoryLog()
    await expect(
      startIntake(
        { log, store: memoryStore(), registry: memoryRegistry(), clock: { now: () => now }, prefix: 'x.', partitions },
        options,
      ),
    ).rejects.toThrow(/x\.purchases, x\.usage, x\.engagements, x\.customers do not exist/)
  })
})
