import { type CustomerEvent, codecOf } from '@offerstream/contracts'
import { readMapping } from '@offerstream/mapping'
import { ensureTopics, memoryLog, memoryRegistry, memoryStore, openTopic, Refused } from '@offerstream/streaming'
import { describe, expect, test } from 'vitest'
import { startIntake } from '../src/index.ts'

const now = Date.UTC(2026, 2, 1, 12)
const partitions = 2
const orderFields = [
  { to: 'id', from: 'no' },
  { to: 'customer', from: 'buyer' },
  { to: 'at', from: 'paid', unit: 'seconds' },
  { to: 'item', from: 'sku' },
  { to: 'priceMinor', from: 'cents', unit: 'minor' },
  { to: 'currency', constant: 'EUR' },
]
const schema = JSON.stringify({
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'no', type: 'long' },
    { name: 'buyer', type: 'string' },
    { name: 'paid', type: ['null', 'long'] },
    { name: 'sku', type: { type: 'enum', name: 'Sku', symbols: ['socks', 'hat'] } },
    { name: 'cents', type: 'int' },
  ],
})
const order = (no: number, more: object = {}) => ({
  no,
  buyer: 'anna',
  paid: now / 1000 - no,
  sku: 'socks',
  cents: 250,
  ...more,
})
const sourceOf = (topic: string, format: string, more: object = {}) => ({
  topic,
  format,
  ...more,
  records: [{ record: 'purchase', fields: orderFields }],
})
const mappingOf = (...sources: object[]) => readMapping(JSON.stringify({ company: 'shop', sources }))

async function createWorld(prefix = '') {
  const log = memoryLog()
  const registry = memoryRegistry()
  const store = memoryStore()
  await ensureTopics(log, { prefix, partitions, sources: true })
  const surroundings = { log, registry, store, clock: { now: () => now }, prefix, partitions }
  return {
    ...surroundings,
    /** Runs intake until every source given is read. */
    async drain(mapping: ReturnType<typeof mappingOf>, read: Readonly<Record<string, string>>) {
      const running = await startIntake(surroundings, { futureLimitMs: 300_000, tickLagRecords: 1000, mapping })
      for (const [path, name] of Object.entries(read))
        for (const [partition, { next }] of (await log.bounds(path)).entries())
          while (next > 0 && ((await store.peekProgress(`intake.${name}@1`, partition))?.watermark ?? -1) < next - 1)
            await new Promise(resolve => setTimeout(resolve, 1))
      await running.stop()
    },
    async journal(): Promise<{ event: CustomerEvent['event']; cause: string }[]> {
      const topic = await openTopic(registry, 'customer-events', prefix)
      const found = []
      for (let partition = 0; partition < partitions; partition++)
        for await (const messages of log.read(topic.path, partition, 0))
          for (const { value, cause } of messages) {
            const { event } = topic.codec.decode(value!)
            if (event.type !== 'tick') found.push({ event, cause: cause! })
          }
      return found
    },
    async reasons(path: string) {
      const found: string[] = []
      for (const partition of (await log.bounds(`${path}.dead-letters`)).keys())
        for await (const messages of log.read(`${path}.dead-letters`, partition, 0))
          found.push(...messages.map(({ headers }) => headers['reason']!))
      return found
    },
  }
}

describe('a mapped topic', () => {
  test('of JSON is journalled, what cannot be read goes to its dead letters, and a tombstone is nothing', async () => {
    const world = await createWorld()
    await world.log.ensureTopics([{ name: 'orders', partitions: 1, kept: 'for-ever' }])
    const values = [
      JSON.stringify(order(1)),
      '{"no":',
      '[1]',
      JSON.stringify(order(2, { paid: '2026-03-01' })),
      JSON.stringify(order(3, { cents: -5 })),
      JSON.stringify(order(4, { buyer: undefined })),
      Buffer.from([0xff, 0xfe]),
      JSON.stringify(order(5)),
    ].map(value => Buffer.from(value as string))
    await world.log.append('orders', 0, [{ key: null, value: null }, ...values.map(value => ({ key: null, value }))])
    await world.drain(mappingOf(sourceOf('orders', 'json')), { orders: 'company:orders' })
    expect(await world.journal()).toEqual([
      {
        cause: 'company:orders@1/0/1/0',
        event: {
          type: 'purchase',
          id: '1',
          customer: 'anna',
          at: now - 1000,
          item: 'socks',
          quantity: 1,
          priceMinor: 250,
          currency: 'EUR',
          channel: 'unknown',
          offer: null,
        },
      },
      expect.objectContaining({ cause: 'company:orders@1/0/8/0' }),
    ])
    expect(await world.reasons('orders')).toEqual([
      'not-json',
      'not-an-object',
      'at-not-a-time',
      'negative-amount',
      'customer-missing',
      'not-json',
    ])
    expect((await world.store.peekProgress('intake.company:orders@1', 0))?.counts.get('skipped/tombstone')).toBe(1)
  })

  test('of Avro is read by the schema it was written with, framed by the registry or plain', async () => {
    const world = await createWorld()
    const codec = codecOf<ReturnType<typeof order>>(schema)
    const framed = codec.encode(order(1), 5)
    framed[0] = 0
    framed.writeInt32BE(await world.registry.register('orders-value', schema), 1)
    await world.log.ensureTopics(['framed', 'plain'].map(name => ({ name, partitions: 1, kept: 'for-ever' as const })))
    const unknown = Buffer.from(framed)
    unknown.writeInt32BE(999, 1)
    await world.log.append(
      'framed',
      0,
      [framed, unknown, framed.subarray(0, 7)].map(value => ({ key: 'k', value })),
    )
    const plain = codec.encode(order(2))
    await world.log.append(
      'plain',
      0,
      [plain, plain.subarray(0, 3)].map(value => ({ key: 'k', value })),
    )
    await world.drain(
      mappingOf(sourceOf('framed', 'avro'), sourceOf('plain', 'avro-plain', { schema: JSON.parse(schema) })),
      { framed: 'company:framed', plain: 'company:plain' },
    )
    const events = (await world.journal()).map(({ event }) => event)
    expect(events).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: '1', at: now - 1000, item: 'socks', priceMinor: 250 }),
        expect.objectContaining({ id: '2', at: now - 2000, item: 'socks', priceMinor: 250 }),
      ]),
    )
    expect(events).toHaveLength(2)
    expect(await world.reasons('framed')).toEqual(['unknown-schema', 'undecodable'])
    expect(await world.reasons('plain')).toEqual(['undecodable'])
  })

  test('framed with the id of what is no Avro schema loses that message and no other', async () => {
    const world = await createWorld()
    const codec = codecOf<ReturnType<typeof order>>(schema)
    const id = await world.registry.register('orders-value', schema)
    const framed = [codec.encode(order(1), 5), codec.encode(order(2), 5)]
    for (const [i, bytes] of framed.entries()) {
      bytes[0] = 0
      bytes.writeInt32BE(i === 0 ? 999 : id, 1)
    }
    world.registry.schema = async each => (each === id ? schema : 'syntax = "proto3"; message Order { string no = 1; }')
    await world.log.ensureTopics([{ name: 'orders', partitions: 1, kept: 'for-ever' }])
    await world.log.append(
      'orders',
      0,
      framed.map(value => ({ key: 'k', value })),
    )
    await world.drain(mappingOf(sourceOf('orders', 'avro')), { orders: 'company:orders' })
    expect((await world.journal()).map(({ event }) => event)).toMatchObject([{ id: '2' }])
    expect(await world.reasons('orders')).toEqual(['undecodable'])
  })

  test('that has the name of one of ours replaces it where the path is the same, and stands beside it where not', async () => {
    for (const prefix of ['', 'brand.']) {
      const world = await createWorld(prefix)
      if (prefix !== '') await world.log.ensureTopics([{ name: 'purchases', partitions, kept: 'for-ever' }])
      const purchases = await openTopic(world.registry, 'purchases', prefix)
      await world.log.append('purchases', 0, [{ key: null, value: Buffer.from(JSON.stringify(order(1))) }])
      const read: Record<string, string> = { purchases: 'company:purchases' }
      if (prefix !== '') {
        const value = purchases.codec.encode({
          type: 'purchase',
          id: '1',
          customer: 'bo',
          at: now - 1,
          item: 'hat',
          quantity: 1,
          priceMinor: 1,
          currency: 'EUR',
          channel: '',
          offer: null,
        })
        await world.log.append(purchases.path, 0, [{ key: 'bo', value }])
        read[purchases.path] = 'purchases'
      }
      await world.drain(mappingOf(sourceOf('purchases', 'json')), read)
      expect((await world.journal()).map(({ cause }) => cause).sort()).toEqual(
        prefix === '' ? ['company:purchases@1/0/0/0'] : ['company:purchases@1/0/0/0', 'purchases@1/0/0/0'],
      )
    }
  })

  test('that is not there is named with the nearest one', async () => {
    const world = await createWorld()
    await world.log.ensureTopics([{ name: 'orders', partitions: 1, kept: 'for-ever' }])
    await expect(world.drain(mappingOf(sourceOf('order', 'json')), {})).rejects.toThrow(
      new Refused('the mapping names order, which is no topic; the nearest is orders'),
    )
  })
})
