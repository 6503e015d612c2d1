import { randomBytes } from 'node:crypto'
import { type ExtraRedis, startRedis } from '@offerstream/stack'
import { redisClient, redisStore, Transient } from '@offerstream/streaming'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { redisSubscriptions, type Subscriptions } from '../src/index.ts'
import { ForeignKey } from '../src/subscriptions.ts'
import { createWorld, offer, until } from './given.ts'
import { subscriptionsConformance } from './subscriptions-conformance.ts'

const key = randomBytes(32)
let redis: ExtraRedis
const closing: { close(): Promise<void> }[] = []
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  for (const each of closing) await each.close()
  await redis.stop()
})

subscriptionsConformance('subscriptions in Redis', async () => {
  const subscriptions = redisSubscriptions({ url: redis.url, prefix: 'os:push:', key })
  closing.push(subscriptions)
  return subscriptions
})

test('contact data is sealed: another key reads nothing, overwrites nothing, and no address lies in the open', async () => {
  const notices: string[] = []
  const open = (other: Buffer) => {
    const opened = redisSubscriptions({
      url: redis.url,
      prefix: 'sealed:',
      key: other,
      notice: line => notices.push(line),
    })
    closing.push(opened)
    return opened
  }
  const address = { kind: 'email', address: 'somebody@example.org' } as const
  const mine = open(key)
  await mine.register('c', 'mail', { address, at: 1, expiresAt: null })
  const thief = open(randomBytes(32))
  expect(await thief.of(['c'])).toEqual([[]])
  expect(notices.join()).toContain('OFFERSTREAM_CONTACT_KEY')
  await expect(thief.register('c', 'mail', { address, at: 2, expiresAt: null })).rejects.toThrow(ForeignKey)
  expect((await mine.of(['c']))[0]).toMatchObject([{ address, at: 1 }])

  const client = redisClient({ url: redis.url })
  closing.push(client)
  const stored = await client.use(each => each.hgetall('sealed:contact:c'))
  expect(JSON.stringify(stored)).not.toContain('somebody')
  // A field that is moved to another customer or handle belongs to nobody.
  await client.use(each => each.hset('sealed:contact:d', stored))
  await client.use(each => each.hset('sealed:contact:c', 'other', stored['mail']!))
  expect(await open(key).of(['d'])).toEqual([[]])
  expect((await open(key).of(['c']))[0]!.map(each => each.handle)).toEqual(['mail'])
})

test('without a key of the settings, one lies beside what it seals, the same for every process', async () => {
  const [one, other] = [1, 2].map(() => redisSubscriptions({ url: redis.url, prefix: 'open:' })) as [
    Subscriptions,
    Subscriptions,
  ]
  closing.push(one, other)
  const address = { kind: 'email', address: 'somebody@example.org' } as const
  await one.register('c', 'mail', { address, at: 1, expiresAt: null })
  expect((await other.of(['c']))[0]).toMatchObject([{ address }])
})

test('a Redis that is not there is worth another try', async () => {
  const subscriptions = redisSubscriptions({ url: 'redis://127.0.0.1:1', timeoutMs: 200 })
  await expect(subscriptions.of(['a'])).rejects.toThrow(Transient)
  await subscriptions.close()
})

test('the ledger in Redis survives a dispatcher that dies after the provider was called', async () => {
  const store = redisStore({ url: redis.url, prefix: 'crash' })
  closing.push(store)
  const world = await createWorld(store)
  const customers = Array.from({ length: 12 }, (_, at) => `customer-${at}`)
  await world.customers(...customers)
  await world.offers(...customers.map((customer, at) => offer({ id: `o-${at}`, customer })))
  let gone = false
  let sent = 0
  const first = await world.start({
    concurrency: 3,
    reach: point => {
      if (point === 'after-send' && ++sent === 5) gone = true
      if (gone) throw new Error('crash')
    },
  })
  await expect(first.done).rejects.toThrow('crash')
  const owner = await world.start()
  const counts = await until(
    () => owner.counts(),
    found => found.total === customers.length && found.sending === 0,
  )
  expect(counts.unknown).toBe(customers.length)
  expect(world.push.accepted.length).toBeGreaterThanOrEqual(5)
  expect(new Set(world.push.received.map(each => each.offer)).size).toBe(world.push.accepted.length)
  await world.end()
})
