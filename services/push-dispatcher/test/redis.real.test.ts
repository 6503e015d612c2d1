import { type ExtraRedis, startRedis } from '@offerstream/stack'
import { redisStore, Transient } from '@offerstream/streaming'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { redisSubscriptions } from '../src/index.ts'
import { createWorld, offer, until } from './given.ts'
import { subscriptionsConformance } from './subscriptions-conformance.ts'

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
  const subscriptions = redisSubscriptions({ url: redis.url, prefix: 'os:push:' })
  closing.push(subscriptions)
  return subscriptions
})

test('a Redis that is not there is worth another try', async () => {
  const subscriptions = redisSubscriptions({ url: 'redis://127.0.0.1:1', timeoutMs: 200 })
  await expect(subscriptions.get(['a'])).rejects.toThrow(Transient)
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
