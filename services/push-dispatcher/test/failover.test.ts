// The store falls back to what it was a while ago, as a replica that is promoted does: what was held then has gone out
// since. Judged from what devices were sent.
import { defaultContactPolicy } from '@offerstream/catalogue'
import { memoryStore, type Store } from '@offerstream/streaming'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { allGuards, type Dispatcher } from '../src/index.ts'
import { createWorld, hour, killSwitch, noon, offer, until, type World } from './given.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.end())

const customers = Array.from({ length: 12 }, (_, at) => `customer-${at}`)
const evening = noon + 9 * hour
/** Nine in the morning, when what was held overnight has gone out. */
const morning = noon + 21 * hour

/** The store as it is now, for good; with the watermark of another where one is given. */
async function copyOf(store: Store, ahead: Store | null = null): Promise<Store> {
  const copy = memoryStore()
  for (const fold of ['push-dispatcher', 'push-contacts']) {
    const lane = await copy.open(fold, 0)
    const states: [string, Buffer | null][] = []
    const dues: [string, number | null][] = []
    const captured = await store.capture(fold, 0, rows => {
      for (const [key, state, due] of rows) {
        states.push([key, state])
        dues.push([key, due])
      }
    })
    const { causes, counts, outbox } = captured!
    const watermark = (await (ahead ?? store).peekProgress(fold, 0))!.watermark
    await lane.save({ from: null, to: watermark, states, due: dues, causes, counts, outbox })
  }
  return copy
}

const settled = (dispatcher: Dispatcher, total: number, deferred = 0) =>
  until(
    () => dispatcher.counts(),
    found => found.total === total && found.decided + found.sending === 0 && found.deferred === deferred,
  )

const acceptedTwice = (): number =>
  world.push.accepted.length - new Set(world.push.accepted.map(each => each.topic)).size

/** Offers are held overnight; the store falls back to the evening when they have gone out. */
async function fallsBack(change: Parameters<World['start']>[0] = {}) {
  await world.append('playbook', 'default', {
    at: noon,
    body: { ...defaultContactPolicy, quietFromHour: 21, quietToHour: 8 },
  })
  await world.customers(...customers)
  world.clock.at = evening
  await world.offers(...customers.map((customer, at) => offer({ id: `held-${at}`, customer })))
  const first = await world.start()
  await settled(first, customers.length, customers.length)
  const evenings = await copyOf(world.store)
  world.clock.at = morning
  expect(await settled(first, customers.length)).toMatchObject({ accepted: customers.length })
  await first.stop()
  return world.start({ store: evenings, ...change })
}

test('what was held and went out since is not sent again, and says so', async () => {
  const owner = await fallsBack()
  expect(await settled(owner, customers.length)).toMatchObject({ accepted: customers.length })
  expect(acceptedTwice()).toBe(0)
})

test('negative control: without a look at the intents in deliveries it is sent again', async () => {
  const owner = await fallsBack({ guards: { ...allGuards, intentsKnown: false } })
  await settled(owner, customers.length)
  expect(acceptedTwice()).toBe(customers.length)
})

/** Offers wait that the store knows nothing of when it falls back, and perhaps how far it had come. */
async function forgets(keepsWatermark: boolean) {
  await world.customers(...customers)
  const early = customers.map((customer, at) => offer({ id: `early-${at}`, customer }))
  const late = customers.map((customer, at) => offer({ id: `late-${at}`, customer, sequence: 2, item: 'pack-m' }))
  world.clock.at = evening
  await world.offers(...early)
  const first = await world.start()
  await settled(first, early.length, early.length)
  const before = await copyOf(world.store)
  await world.offers(...late)
  await settled(first, 2 * late.length, late.length)
  await first.stop()
  const owner = await world.start({ store: keepsWatermark ? await copyOf(before, world.store) : before })
  world.clock.at = morning
  await until(
    () => owner.counts(),
    found => found.accepted === customers.length && found.deferred === 0,
  )
  return owner.counts()
}

test('what waits and was forgotten is read again and comes to an end', async () => {
  expect(await forgets(false)).toMatchObject({ total: 24, superseded: 12, accepted: 12 })
  expect(new Set(world.push.received.map(each => each.offer!.split('-')[0]))).toEqual(new Set(['late']))
})

test('negative control: where the watermark does not fall back with the ledger, it comes to none', async () => {
  expect(await forgets(true)).toMatchObject({ total: 12, accepted: 12 })
})

test('what went out since counts against the caps before anything older is decided again', async () => {
  const others = Array.from({ length: 110 }, (_, at) => `other-${at}`)
  await world.customers('customer-1', ...others)
  await world.append('playbook', 'stop', killSwitch({ scope: 'item', target: 'pack-s' }))
  const first = await world.start()
  await world.offers(offer({ id: 'before', customer: 'other-0', item: 'pack-m' }))
  await settled(first, 1)
  const before = await copyOf(world.store)
  await world.offers(offer({ id: 'stopped' }))
  expect(await settled(first, 2)).toMatchObject({ suppressed: 1 })
  await world.append('playbook', 'stop', killSwitch({ on: false }))
  // More than share a save.
  await world.offers(...others.slice(1).map((customer, at) => offer({ id: `o-${at}`, customer, item: 'pack-m' })))
  await world.offers(offer({ id: 'later', sequence: 2, item: 'pack-m' }))
  await settled(first, 2 + others.length)
  await first.stop()
  const owner = await world.start({ store: before })
  expect(await settled(owner, 2 + others.length)).toMatchObject({ accepted: 1 + others.length, superseded: 1 })
  expect(acceptedTwice()).toBe(0)
  expect(world.push.accepted.filter(each => each.device === 'customer-1-phone').length).toBe(1)
})
