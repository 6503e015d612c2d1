// How far a dispatcher goes, how fast and when; judged from what a provider was asked.
import { defaultContactPolicy } from '@offerstream/catalogue'
import type { ContactPolicy } from '@offerstream/contracts'
import { createMetrics, Refused } from '@offerstream/streaming'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Dispatcher } from '../src/index.ts'
import { createRecorder, type Recorder, recorded } from './doubles/recorder.ts'
import { createWorld, hour, noon, offer, until, type World } from './given.ts'

let world: World
let recorder: Recorder
beforeEach(async () => {
  world = await createWorld()
  recorder = createRecorder(world.clock)
})
afterEach(() => world.end())

const start = (change: Parameters<World['start']>[0] = {}) =>
  world.start({ providers: [recorder], fetchPauseMs: 5, ...change })
const settled = (dispatcher: Dispatcher, total: number) =>
  until(
    () => dispatcher.counts(),
    found => found.total === total && found.decided + found.deferred + found.sending === 0,
  )
const names = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `customer-${at}`)
const offers = (customers: readonly string[], change: Parameters<typeof offer>[0] = {}) =>
  world.offers(...customers.map((customer, at) => offer({ id: `o-${at}`, customer, ...change })))
const policy = (change: Partial<ContactPolicy>) =>
  world.append('playbook', 'default', { at: noon, body: { ...defaultContactPolicy, ...change } })

describe('a dispatcher that is', () => {
  test('off reads nothing, and what is there waits for one that is live', async () => {
    await recorded(world, 'customer-0')
    await offers(['customer-0'])
    const off = await start({ mode: 'off' })
    await new Promise(resolve => setTimeout(resolve, 100))
    expect([await off.health(), off.owned()]).toEqual([{ ok: true, lanes: [], problem: null }, []])
    expect(await world.store.peekProgress('push-dispatcher', 0)).toBeNull()
    expect(await world.store.peekProgress('push-contacts', 0)).toBeNull()
    await off.stop()
    await off.done
    expect((await settled(await start(), 1)).accepted).toBe(1)
  })

  test('dry-running says of each offer that it would have been sent, or why not, and calls nobody', async () => {
    await recorded(world, 'customer-0', 'customer-1')
    const dispatcher = await start({ mode: 'dry-run' })
    await offers(['customer-0', 'stranger'])
    await settled(dispatcher, 2)
    await world.offers(offer({ id: 'late', customer: 'customer-1', expiresAt: noon - 1 }))
    await settled(dispatcher, 3)
    expect(await world.deliveries()).toEqual([
      'o-0 suppressed dry-run',
      'o-1 suppressed no-consent',
      'late expired expired',
    ])
    expect(recorder.asked).toEqual([])
  })

  test('a shadow goes all the way, caps included, and calls nobody', async () => {
    await recorded(world, 'customer-0')
    const metrics = createMetrics('push-dispatcher')
    const dispatcher = await start({ mode: 'shadow', metrics })
    await offers(['customer-0'])
    await settled(dispatcher, 1)
    await world.offers(offer({ id: 'next', customer: 'customer-0', sequence: 2, item: 'pack-m' }))
    await settled(dispatcher, 2)
    expect(await world.deliveries()).toEqual(['o-0 sending', 'o-0 accepted', 'next suppressed minimum-gap'])
    expect(await metrics.page()).toContain('provider="shadow-recorder",answer="accepted"} 1')
    expect(recorder.asked).toEqual([])
  })

  test('live on a clock that is not the wall’s does not even start; it may where its devices are local, and reaches no others', async () => {
    await expect(start({ localDevices: false })).rejects.toThrow(Refused)
    await expect(start({ localDevices: false })).rejects.toThrow('never pushed live')
    await recorded(world, 'customer-0', 'customer-1')
    const address = {
      kind: 'web-push',
      endpoint: 'https://push.example.net/a',
      keys: { p256dh: '', auth: '' },
    } as const
    await world.subscriptions.register('customer-1', 'customer-1-phone', { address, at: noon, expiresAt: null })
    await offers(['customer-0', 'customer-1'])
    await settled(await start(), 2)
    expect(recorder.asked.map(each => each.device)).toEqual(['customer-0-phone'])
    expect(await world.deliveries()).toContain('o-1 rejected virtual-clock')
  })
})

test('a campaign with a pace goes at it; what does not get its turn before it expires is not sent', async () => {
  const customers = names(30)
  await recorded(world, ...customers)
  await policy({ campaignOffersPerMinute: { spring: 600 } })
  const dispatcher = await start()
  const trigger = { kind: 'campaign', event: 'spring', at: noon }
  await offers(customers, { trigger, expiresAt: noon + 2000 })
  await until(
    () => dispatcher.counts(),
    found => found.accepted === 1 && found.deferred === 29,
  )
  await world.offers(offer({ id: 'other', customer: 'customer-0', obligation: 'transactional' }))
  await until(
    () => recorder.asked.map(each => each.offer),
    found => found.includes('other'),
  )
  const paced = () => recorder.asked.filter(each => each.offer !== 'other')
  for (let step = 1; step <= 3; step++) {
    world.clock.at += 500
    await until(
      () => paced().length,
      count => count >= 5 * step,
    )
  }
  world.clock.at += 500
  const counts = await settled(dispatcher, 31)
  const went = paced()
  expect(went.length).toBeGreaterThanOrEqual(15)
  for (const { at } of went) expect(went.filter(each => each.at > at - 1000 && each.at <= at).length).toBeLessThan(22)
  expect(went.every(each => each.at < noon + 2000)).toBe(true)
  expect(counts).toMatchObject({ accepted: went.length + 1, expired: 30 - went.length })
})

/** At a hundred a second, with a bucket of a tenth of a second for each of two dispatchers. */
const atRate = 50 + 2 * 11
const mostInHalfASecond = (): number => {
  const times = recorder.asked.map(each => each.wallAt)
  return Math.max(...times.map(last => times.filter(at => at > last - 500 && at <= last).length))
}

test('a rate of a provider holds, and whoever stops meanwhile loses nothing', async () => {
  const customers = names(80)
  await recorded(world, ...customers)
  await offers(customers)
  const first = await start({ rates: { recorder: 100 } })
  await until(
    () => recorder.asked.length,
    count => count >= 20,
  )
  await first.stop()
  const second = await start({ rates: { 'http://127.0.0.1:9': 100 } })
  expect(await settled(second, 80)).toMatchObject({ accepted: 80 })
  expect(mostInHalfASecond()).toBeLessThanOrEqual(atRate)
  expect(new Set(recorder.asked.map(each => each.offer)).size).toBe(80)
})

test('negative control: without a rate they all go at once', async () => {
  const customers = names(80)
  await recorded(world, ...customers)
  await offers(customers)
  await settled(await start(), 80)
  expect(mostInHalfASecond()).toBeGreaterThan(atRate)
})

test('a provider keeps what it cannot deliver until the offer expires or quiet hours begin, and no longer', async () => {
  await recorded(world, 'customer-0', 'customer-1', 'customer-2')
  const dispatcher = await start()
  await offers(['customer-0'], { expiresAt: noon + 24 * hour })
  await world.offers(
    offer({ id: 'soon', customer: 'customer-1', expiresAt: noon + 900 }),
    offer({ id: 'receipt', customer: 'customer-2', expiresAt: noon + 24 * hour, obligation: 'transactional' }),
  )
  await settled(dispatcher, 3)
  expect(Object.fromEntries(recorder.asked.map(each => [each.offer, each.ttlSeconds]))).toEqual({
    'o-0': 9 * 3600,
    soon: 0,
    receipt: 24 * 3600,
  })
})

test('one push too many within a minute stops all of them, and health says so', async () => {
  const customers = names(20)
  await recorded(world, ...customers)
  const notices: string[] = []
  const dispatcher = await start({ volume: { perMinute: 12 }, notice: line => notices.push(line) })
  await offers(customers)
  await until(
    () => notices.length,
    count => count > 0,
  )
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(recorder.asked.length).toBe(12)
  expect(notices).toEqual([expect.stringContaining('more than 12 pushes within a minute')])
  expect(await dispatcher.health()).toMatchObject({ ok: false, problem: expect.stringContaining('volume breaker') })
  // Nothing is given up: it waits, and expires in the end.
  world.clock.at = noon + 25 * hour
  const counts = await settled(dispatcher, 20)
  expect([counts.accepted, counts.rejected + counts.expired]).toEqual([12, 8])
})

test('an hour that is chosen is waited for; an unknown one and a chooser that fails mean now, and are counted', async () => {
  const customers = names(3)
  await recorded(world, ...customers)
  const metrics = createMetrics('push-dispatcher')
  let asked = 0
  const dispatcher = await start({
    metrics,
    sendHour(_contact, { customer }, now) {
      asked++
      if (customer === 'customer-0') return now + 3 * hour
      if (customer === 'customer-1') return null
      throw new Error('no model')
    },
  })
  await offers(customers)
  await until(
    () => dispatcher.counts(),
    found => found.accepted === 2 && found.deferred === 1,
  )
  expect(await world.deliveries()).toContain('o-0 deferred send-hour')
  world.clock.at = noon + 3 * hour
  await settled(dispatcher, 3)
  expect(recorder.asked.map(each => [each.offer, each.at])).toEqual([
    ['o-1', noon],
    ['o-2', noon],
    ['o-0', noon + 3 * hour],
  ])
  expect(asked).toBe(3)
  const page = await metrics.page()
  for (const choice of ['later', 'unknown', 'failed']) expect(page).toContain(`choice="${choice}"} 1`)
})
