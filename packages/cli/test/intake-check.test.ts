// What `intake check` says of topics, over memory.
import { codecOf } from '@offerstream/contracts'
import { type Mapping, readMapping } from '@offerstream/mapping'
import { ensureTopics, memoryLog, memoryRegistry, memoryStore, openTopic } from '@offerstream/streaming'
import { describe, expect, test } from 'vitest'
import { checkIntake, checkText } from '../src/intake-check.ts'
import { now, type Order, ordersUntil, shopMapping } from './history.ts'

async function createWorld() {
  const log = memoryLog()
  const registry = memoryRegistry()
  await ensureTopics(log, { prefix: '', partitions: 2, sources: true })
  await log.ensureTopics([{ name: 'shop-orders', partitions: 2, kept: 'for-ever' }])
  const surroundings = { log, registry, store: memoryStore(), clock: { now: () => now }, prefix: '', partitions: 2 }
  return {
    ...surroundings,
    async send(topic: string, values: readonly (Buffer | string)[], key: (i: number) => string | null = () => null) {
      for (const [i, value] of values.entries())
        await log.append(topic, i % 2, [{ key: key(i), value: Buffer.from(value as string), timestamp: now }])
    },
    check: (topic: string, mapping: Mapping | null, sample = 1000) =>
      checkIntake(surroundings, topic, { sample, futureLimitMs: 300_000, mapping }),
  }
}

const orders = ordersUntil(now - 60_000, 30, 'o')
const lines = (rows: readonly object[]): string[] => rows.map(each => JSON.stringify(each))
const mappingWith = (change: (fields: Record<string, unknown>[]) => void): Mapping => {
  const fields: Record<string, unknown>[] = [
    { to: 'id', from: 'order_no' },
    { to: 'customer', from: 'buyer' },
    { to: 'at', from: 'paid_at', unit: 'iso' },
    { to: 'item', from: 'sku' },
    { to: 'priceMinor', from: 'total', unit: 'major' },
    { to: 'currency', constant: 'EUR' },
  ]
  change(fields)
  return readMapping(
    JSON.stringify({
      company: 'shop',
      sources: [{ topic: 'shop-orders', format: 'json', records: [{ record: 'purchase', fields }] }],
    }),
  )
}

describe('a check of a mapped topic', () => {
  test('shows field by field what is there and what it is read as', async () => {
    const world = await createWorld()
    await world.send('shop-orders', lines(orders))
    const check = await world.check('shop-orders', shopMapping)
    expect(check).toMatchObject({
      readBy: 'mapping',
      sampled: 30,
      taken: { purchase: 20, engagement: 10 },
      skipped: 0,
      refused: [],
      refusedShare: 0,
      unread: [],
      draft: null,
    })
    const price = check.fields.find(({ to }) => to === 'priceMinor')!
    expect(Number(price.read)).toBe(Math.round(Number(price.there) * 100))
    expect(checkText(check)).toMatch(/priceMinor +total +0 +\d+ +\d/)
  })

  test('names what it refuses, how often, where first, and why', async () => {
    const world = await createWorld()
    const bad: (Partial<Record<keyof Order, unknown>> | string)[] = [
      { ...orders[0], total: -5 },
      { ...orders[1], paid_at: 1772366400 },
      { ...orders[3], paid_at: 1772366400 },
      { ...orders[4], paid_at: new Date(now + 86_400_000) },
      'not json',
      '[1,2]',
    ]
    await world.send('shop-orders', [
      ...lines(orders),
      ...bad.map(each => (typeof each === 'string' ? each : JSON.stringify(each))),
    ])
    const check = await world.check('shop-orders', shopMapping)
    expect(check.refusedShare).toBeCloseTo(6 / 36)
    expect(Object.fromEntries(check.refused.map(({ reason, count, example }) => [reason, [count, example]]))).toEqual({
      'negative-amount': [1, '0/15'],
      'at-not-a-time': [2, '0/16'],
      'far-future': [1, '1/16'],
      'not-json': [1, '0/17'],
      'not-an-object': [1, '1/17'],
    })
    expect(check.refused[0]).toMatchObject({
      reason: 'at-not-a-time',
      detail: expect.stringMatching(/number 1772366400 is no moment in iso.*"unit": "seconds" would fit/),
    })
  })

  test.each<[string, RegExp, (fields: Record<string, unknown>[]) => void]>([
    [
      'a time field that is text where seconds are said',
      /at from paid_at: the text "2026-.*" is no moment in seconds; "unit": "iso" would fit/,
      fields => {
        fields[2]!['unit'] = 'seconds'
      },
    ],
    [
      'a field that is not there',
      /there is no "payed_at"; the nearest is "paid_at"/,
      fields => {
        fields[2]!['from'] = 'payed_at'
      },
    ],
    [
      'a field that is no currency',
      /currency from sku: ".*" is no ISO 4217 currency/,
      fields => {
        fields[5] = { to: 'currency', from: 'sku' }
      },
    ],
  ])('with %s says what would fit', async (_what, detail, change) => {
    const world = await createWorld()
    await world.send('shop-orders', lines(orders))
    const check = await world.check('shop-orders', mappingWith(change))
    expect(check.refusedShare).toBe(1)
    expect(check.refused[0]!.detail).toMatch(detail)
    expect(checkText(check)).toMatch(detail)
  })

  test('looks at the newest messages alone', async () => {
    const world = await createWorld()
    await world.send('shop-orders', ['old rubbish', 'old rubbish', ...lines(orders)])
    expect(await world.check('shop-orders', shopMapping, 20)).toMatchObject({ sampled: 20, refused: [] })
  })

  test('that is not there, or empty, is said', async () => {
    const world = await createWorld()
    await expect(world.check('shop-order', null)).rejects.toThrow(/no topic shop-order; the nearest is shop-orders/)
    await expect(world.check('shop-orders', null)).rejects.toThrow(/holds no messages/)
  })
})

describe('a check without a mapping', () => {
  const drafted = (draft: object | null) =>
    Object.fromEntries(
      readMapping(JSON.stringify(draft)).sources[0]!.records[0]!.fields.map(({ to, from, unit, constant }) => [
        to,
        from.length > 0 ? [...from, ...(unit === null ? [] : [unit])].join(' ') : constant,
      ]),
    )

  test('drafts one with reasons, which reads what is there', async () => {
    const world = await createWorld()
    await world.send('shop-orders', lines(orders.filter(({ sku }) => sku !== 'app')))
    const check = await world.check('shop-orders', null)
    expect(drafted(check.draft)).toEqual({
      at: 'paid_at iso',
      customer: 'buyer',
      id: 'order_no',
      item: 'sku',
      priceMinor: 'total major',
      currency: 'EUR',
    })
    expect(check).toMatchObject({ readBy: 'draft', format: 'json', taken: { purchase: 20 }, refused: [] })
    expect(checkText(check)).toMatch(/at: the values are moments in iso\n.*customer: of its name\n.*id: no two of the/)
  })

  test('guesses the customer from the key, seconds, megabytes and cents', async () => {
    const world = await createWorld()
    const key = (i: number) => `msisdn-${i % 5}`
    await world.send(
      'shop-orders',
      lines(orders.map((_, i) => ({ seq: i, who: key(i), ts: now / 1000 - i, used_mb: i + 0.5 }))),
      key,
    )
    expect(drafted((await world.check('shop-orders', null)).draft)).toEqual({
      at: 'ts seconds',
      customer: 'who',
      id: 'seq',
      kind: 'data',
      dataKb: 'used_mb MB',
    })
  })

  test('reads Avro framed by the registry, and says of other bytes what they need', async () => {
    const world = await createWorld()
    const schema = JSON.stringify({
      type: 'record',
      name: 'Sale',
      fields: [
        { name: 'saleId', type: 'string' },
        { name: 'clientNo', type: 'long' },
        { name: 'soldAt', type: { type: 'long', logicalType: 'timestamp-millis' } },
        { name: 'product', type: 'string' },
        { name: 'priceCents', type: 'int' },
        { name: 'currency', type: 'string' },
      ],
    })
    const codec = codecOf<object>(schema)
    const id = await world.registry.register('sales-value', schema)
    const sales = orders.map((order, i) => {
      const framed = codec.encode(
        {
          saleId: order.order_no,
          clientNo: i % 4,
          soldAt: now - i,
          product: order.sku,
          priceCents: i,
          currency: 'USD',
        },
        5,
      )
      framed[0] = 0
      framed.writeInt32BE(id, 1)
      return framed
    })
    await world.send('shop-orders', sales)
    const check = await world.check('shop-orders', null)
    expect(check).toMatchObject({ format: 'avro', taken: { purchase: 30 } })
    expect(drafted(check.draft)).toMatchObject({
      at: 'soldAt milliseconds',
      priceMinor: 'priceCents minor',
      customer: 'clientNo',
    })
    const other = await createWorld()
    await other.send('shop-orders', [Buffer.from([7, 8, 9])])
    await expect(other.check('shop-orders', null)).rejects.toThrow(
      /Plain Avro needs a mapping with the format avro-plain/,
    )
  })

  test('reads a topic in the contract’s own shape as the contract', async () => {
    const world = await createWorld()
    const { codec } = await openTopic(world.registry, 'purchases')
    const purchase = {
      type: 'purchase' as const,
      id: 'p',
      customer: 'anna',
      at: now,
      item: 'hat',
      quantity: 1,
      priceMinor: 5,
      currency: 'EUR',
      channel: 'app',
      offer: null,
    }
    await world.send(
      'purchases',
      [codec.encode(purchase), codec.encode({ ...purchase, priceMinor: -5 }), '{}'],
      () => 'anna',
    )
    const check = await world.check('purchases', null)
    expect(check).toMatchObject({ readBy: 'contract', sampled: 3, taken: { purchase: 1 } })
    expect(check.refused.map(({ reason }) => reason).sort()).toEqual(['negative-amount', 'truncated'])
  })
})
