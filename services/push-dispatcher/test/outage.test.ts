// An hour without the provider, by the ledger's clock, with a backlog behind it.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test } from 'vitest'
import type { AnyProvider, Provider } from '../src/index.ts'
import { createRecorder, recorded } from './doubles/recorder.ts'
import { webhookReceiver } from './doubles/webhook.ts'
import { createWorld, hour, noon, offer, profile, toDevices, until, type World } from './given.ts'

let world: World
afterEach(() => world.end())

setFlagsFromString('--expose_gc')
const collect = runInNewContext('gc') as () => void
const heapMb = (): number => {
  collect()
  return process.memoryUsage().heapUsed / 2 ** 20
}

const backlog = 2000
const halfHour = hour / 2
const breakerResetMs = 30

test('an hour of outage: the backlog stays in the log, memory as it was, nothing goes to dead letters, and what is still worth it goes out after', async () => {
  world = await createWorld()
  const recorder = createRecorder(world.clock)
  const customers = Array.from({ length: backlog }, (_, at) => `customer-${at}`)
  await recorded(world, ...customers)
  // Half of them expire while it lasts.
  await world.offers(
    ...customers.map((customer, at) =>
      offer({ id: `o-${at}`, customer, expiresAt: noon + (at % 2 === 0 ? halfHour : 20 * hour) }),
    ),
  )
  recorder.answer = () => ({ kind: 'unavailable', reason: 'answered-503', retryAfterMs: null })
  const notices: string[] = []
  const dispatcher = await world.start({
    providers: [recorder],
    breakerResetMs,
    fetchPauseMs: 5,
    notice: line => notices.push(line),
  })
  await until(
    () => notices.filter(line => line.includes('fails: pausing')).length,
    count => count > 0,
  )
  const { epoch } = (await world.store.peekProgress('push-dispatcher', 0))!
  const before = heapMb()
  const askedBefore = recorder.asked.length
  const began = performance.now()
  for (let minute = 0; minute < 60; minute++) {
    world.clock.at += hour / 60
    await new Promise(resolve => setTimeout(resolve, 20))
    if (minute === 50) expect((await dispatcher.counts()).total).toBeLessThanOrEqual(200)
  }
  expect(heapMb() - before).toBeLessThan(10)
  // One try at a time, as often as the breaker lets one through, beside those under way: not one for each that waits.
  const asked = recorder.asked.length - askedBefore
  expect(asked).toBeLessThanOrEqual(20 + (performance.now() - began) / breakerResetMs)
  expect((await dispatcher.health()).ok).toBe(true)
  expect(dispatcher.owned()).toContain('next-best-offers/0')
  expect((await world.store.peekProgress('push-dispatcher', 0))!.epoch).toBe(epoch)

  recorder.answer = () => ({ kind: 'accepted' })
  const counts = await until(
    () => dispatcher.counts(),
    found => found.total === backlog && found.decided + found.sending === 0,
  )
  expect(counts).toMatchObject({ accepted: backlog / 2, unknown: 0, suppressed: 0 })
  expect(counts.expired + counts.rejected).toBe(backlog / 2)
  expect(recorder.taken.every(each => Number(each.offer.slice(2)) % 2 === 1 || each.at < noon + halfHour)).toBe(true)
  expect(new Set(recorder.taken.map(each => each.offer)).size).toBe(recorder.taken.length)
  for (const topic of ['next-best-offers', 'customers'])
    expect((await world.log.bounds(`${topic}.dead-letters`))[0]!.next).toBe(0)
})

describe("an endpoint of a customer's own that is away", () => {
  const others = 30
  const customers = Array.from({ length: others }, (_, at) => `hooked-${at}`)
  const expiresAt = noon + 20 * hour
  /** Many offers to it, then one to a phone; `isOwnEndpoint` is the guard. */
  async function given(isOwnEndpoint: boolean) {
    world = await createWorld()
    const receiver = await webhookReceiver()
    const provider = receiver.provider() as Provider<'webhook'>
    const state = { isDown: true, asked: 0 }
    const failing: Provider<'webhook'> = {
      ...provider,
      isOwnEndpoint,
      async send(request, signal) {
        state.asked++
        if (!state.isDown) return provider.send(request, signal)
        return { kind: 'unavailable', reason: 'answered-503', retryAfterMs: null }
      },
    }
    for (const customer of customers) {
      await world.append('customers', customer, profile(customer, { consent: { webhook: true } }))
      await world.subscriptions.register(customer, 'hook', { address: receiver.address, at: noon, expiresAt: null })
    }
    await world.customers('customer-1')
    const dispatcher = await world.start({
      providers: [failing as AnyProvider, toDevices()],
      breakerResetMs: 30,
      endpointPatienceMs: 300,
      fetchPauseMs: 5,
    })
    await world.offers(
      ...customers.map(customer => offer({ id: `to-${customer}`, customer, channel: 'webhook', expiresAt })),
      offer({ id: 'to-phone', expiresAt }),
    )
    return { dispatcher, receiver, state }
  }

  test('holds up nobody else: what was under way ends, what follows waits, and goes out once it is back', async () => {
    const { dispatcher, receiver, state } = await given(true)
    const found = await until(world.deliveries, all => all.includes('to-phone accepted'))
    const rejected = found.filter(each => each.endsWith('rejected endpoint-unavailable')).length
    expect(rejected).toBeGreaterThan(0)
    // A later wave finds it away and is not promised to it, but for one that looks whether it is back.
    await world.offers(
      ...customers.map(customer =>
        offer({
          id: `again-${customer}`,
          customer,
          item: 'plan-8',
          channel: 'webhook',
          sequence: 2,
          expiresAt,
        }),
      ),
    )
    await until(
      () => dispatcher.counts(),
      counts => counts.deferred >= others - 2,
    )
    const askedBefore = state.asked
    state.isDown = false
    await until(
      async () => {
        world.clock.at += 60_000
        return dispatcher.counts()
      },
      counts => counts.deferred + counts.decided + counts.sending === 0,
    )
    expect(state.asked).toBeGreaterThan(askedBefore)
    expect(receiver.taken.length).toBeGreaterThanOrEqual(others - 2)
    expect(new Set(receiver.taken.map(each => each.id)).size).toBe(receiver.taken.length)
    await receiver.close()
  })

  test('control: taken for what all customers share, it holds up the partition', async () => {
    const { dispatcher, receiver, state } = await given(false)
    await until(
      () => state.asked,
      count => count > others,
    )
    await new Promise(resolve => setTimeout(resolve, 1500))
    expect(await world.deliveries()).not.toContain('to-phone accepted')
    expect((await dispatcher.counts()).deferred).toBe(0)
    state.isDown = false
    await until(world.deliveries, all => all.includes('to-phone accepted'))
    await receiver.close()
  })
})
