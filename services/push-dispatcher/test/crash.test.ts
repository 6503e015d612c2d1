// The dispatcher dies at every named point and a new owner takes over; the push service judges.
import { memoryStore } from '@offerstream/streaming'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { allGuards, failPoints } from '../src/index.ts'
import { createWorld, killSwitch, noon, offer, profile, until, type World } from './given.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.end())

const customers = Array.from({ length: 12 }, (_, at) => `customer-${at}`)
const offers = customers.map((customer, at) => offer({ id: `o-${at}`, customer }))

class Crash extends Error {
  override name = 'Crash'
}

/** Throws at the nth arrival, and at every one after it, as a process that is gone does nothing more. */
function crashAt(point: string, nth: number): (reached: string) => void {
  let seen = 0
  let gone = false
  return reached => {
    if (reached === point && ++seen === nth) gone = true
    if (gone) throw new Crash(point)
  }
}

const acceptedTwice = () => {
  const accepted = new Map<string, number>()
  for (const { message } of world.push.accepted) {
    const shown = world.push.received.find(each => each.message === message)
    accepted.set(shown?.offer ?? '', (accepted.get(shown?.offer ?? '') ?? 0) + 1)
  }
  return [...accepted.values()].filter(count => count > 1).length
}
const shownTwice = () => {
  const shown = world.push.received.filter(each => !each.replaced).map(each => `${each.offer} on ${each.device}`)
  return shown.length - new Set(shown).size
}

/** Everything the old owner left undone is settled by a new one: every offer ends in a final state. */
async function crashAndTakeOver(point: string, nth: number, change: Parameters<World['start']>[0] = {}) {
  await world.customers(...customers)
  await world.offers(...offers)
  const old = await world.start({ ...change, concurrency: 3, reach: crashAt(point, nth) })
  await expect(old.done).rejects.toThrow(Crash)
  const owner = await world.start(change)
  const counts = await until(
    () => owner.counts(),
    found => found.total === customers.length && found.decided + found.sending + found.deferred === 0,
  )
  return { owner, counts }
}

describe.each(failPoints)('a crash at %s', point => {
  const times = point.endsWith('-send') ? [1, 5, 12] : [1]
  test.each(times)('(%i) leaves no offer accepted twice, and none without a final state', async nth => {
    const { counts } = await crashAndTakeOver(point, nth)
    expect(acceptedTwice()).toBe(0)
    expect(shownTwice()).toBe(0)
    expect(counts.accepted + counts.unknown).toBe(customers.length)
    // Accepted in the ledger is accepted by a device; the rest is honestly unknown.
    expect(world.push.accepted.length).toBeGreaterThanOrEqual(counts.accepted)
    const found = await world.deliveries()
    for (const { id } of offers)
      expect(new Set(found.filter(each => new RegExp(`^${id} (accepted|unknown)`).test(each))).size).toBe(1)
  })
})

test('before the intent is saved nothing is lost: the new owner sends everything', async () => {
  const { counts } = await crashAndTakeOver('before-intent', 1)
  expect(counts).toMatchObject({ accepted: customers.length, unknown: 0 })
})

test('with the intent saved and nothing sent, the offers are unknown and stay unsent', async () => {
  const { counts } = await crashAndTakeOver('after-intent', 1)
  expect(counts).toMatchObject({ accepted: 0, unknown: customers.length })
  expect(world.push.accepted.length).toBe(0)
})

test('at least once, an interrupted offer is sent again under the same collapse id and shown once', async () => {
  const { counts } = await crashAndTakeOver('after-send', 5, { atLeastOnce: ['packs'] })
  expect(counts).toMatchObject({ accepted: customers.length, unknown: 0 })
  expect(world.push.accepted.length).toBeGreaterThan(customers.length)
  expect(shownTwice()).toBe(0)
  expect(new Set(world.push.received.filter(each => !each.replaced).map(each => each.offer)).size).toBe(
    customers.length,
  )
})

test('at least once, an interrupted offer goes to no other device than the one that may have it', async () => {
  await world.customers('customer-1')
  const { endpoint, keys } = await world.push.subscribe('tablet')
  const address = { kind: 'web-push', endpoint, keys } as const
  await world.subscriptions.register('customer-1', 'tablet', { address, at: noon, expiresAt: null })
  await world.offers(offer({}))
  const change = { atLeastOnce: ['packs'] }
  const old = await world.start({ ...change, reach: crashAt('after-send', 1) })
  await expect(old.done).rejects.toThrow(Crash)
  world.push.unsubscribe('customer-1-phone')
  const owner = await world.start(change)
  await until(
    () => owner.counts(),
    found => found.unknown === 1,
  )
  expect(world.push.received.map(each => each.device)).toEqual(['customer-1-phone'])
})

test('at least once, what an owner before may have sent stays unknown and counts against the caps when it may not be sent again', async () => {
  await world.customers(...customers)
  await world.offers(...offers)
  const change = { atLeastOnce: ['packs'] }
  const old = await world.start({ ...change, concurrency: 3, reach: crashAt('after-send', 5) })
  await expect(old.done).rejects.toThrow(Crash)
  await world.append('playbook', 'stop', killSwitch())
  const owner = await world.start(change)
  const settled = (total: number) =>
    until(
      () => owner.counts(),
      found => found.total === total && found.decided + found.sending === 0,
    )
  expect(await settled(customers.length)).toMatchObject({ unknown: customers.length, rejected: 0 })
  await world.append('playbook', 'stop', killSwitch({ on: false }))
  // It binds within a quarter of a second.
  await new Promise(resolve => setTimeout(resolve, 300))
  await world.offers(...offers.map(each => ({ ...each, id: `${each.id}-later`, item: 'pack-m', sequence: 2 })))
  await settled(2 * customers.length)
  const found = await world.deliveries()
  for (const { id } of offers) expect(found).toContain(`${id}-later suppressed minimum-gap`)
})

test('negative control: sent before the intent is saved, a crash makes devices accept twice, and the checker sees it', async () => {
  await crashAndTakeOver('after-send', 5, { guards: { ...allGuards, intentFirst: false } })
  expect(acceptedTwice()).toBeGreaterThan(0)
})

/** Freezes an owner between intent and call; meanwhile something happens; then it wakes. */
async function freeze(meanwhile: () => Promise<unknown>, change: Parameters<World['start']>[0] = {}) {
  await world.customers(...customers)
  await world.offers(...offers)
  let thaw: () => void = () => {}
  const frozen = new Promise<void>(resolve => {
    thaw = resolve
  })
  let reached = false
  const sleeper = await world.start({
    ...change,
    reach: async point => {
      if (point !== 'before-send') return
      reached = true
      await frozen
    },
  })
  await until(
    () => reached,
    value => value,
  )
  await meanwhile()
  await new Promise(resolve => setTimeout(resolve, 600))
  thaw()
  return sleeper
}
const takePartition = () => world.store.open('push-dispatcher', 0)

test('an owner that was frozen and overtaken between intent and call sends nothing when it wakes', async () => {
  const sleeper = await freeze(takePartition)
  await new Promise(resolve => setTimeout(resolve, 200))
  expect(world.push.accepted.length).toBe(0)
  await sleeper.stop()
  const owner = await world.start()
  const counts = await until(
    () => owner.counts(),
    found => found.total === customers.length && found.sending === 0,
  )
  expect(counts.unknown).toBe(customers.length)
  expect(world.push.accepted.length).toBe(0)
})

test('negative control: without the check it sends, though the partition is another one’s', async () => {
  await freeze(takePartition, { guards: { ...allGuards, recheck: false } })
  await until(
    () => world.push.accepted.length,
    count => count === customers.length,
  )
})

test('a kill switch thrown while an owner is frozen holds when it wakes, and so does a revocation', async () => {
  const sleeper = await freeze(async () => {
    await world.append('customers', 'customer-0', profile('customer-0', { consent: {} }))
    await world.append('playbook', 'stop', killSwitch({ scope: 'provider', target: 'web-push' }))
  })
  await until(
    () => sleeper.counts(),
    found => found.rejected === customers.length,
  )
  expect(world.push.accepted.length).toBe(0)
})

test('a revocation alone stops the one and lets the others go', async () => {
  const sleeper = await freeze(() => world.append('customers', 'customer-0', profile('customer-0', { consent: {} })))
  const counts = await until(
    () => sleeper.counts(),
    found => found.accepted + found.rejected === customers.length,
  )
  expect(counts.rejected).toBe(1)
  expect(world.push.received.some(each => each.device === 'customer-0-phone')).toBe(false)
  expect(await world.deliveries()).toContain('o-0 rejected no-consent')
})

test('a ledger that lost its last saves learns from the intents in deliveries what was sent', async () => {
  await world.customers(...customers)
  await world.offers(...offers)
  const first = await world.start()
  await until(
    () => first.counts(),
    found => found.accepted === customers.length,
  )
  await first.stop()
  // The store as it was before the first save; the log and the devices know better.
  const owner = await world.start({ store: memoryStore(), log: withoutCommits(world) })
  const counts = await until(
    () => owner.counts(),
    found => found.total === customers.length,
  )
  expect(counts.accepted).toBe(customers.length)
  expect(world.push.accepted.length).toBe(customers.length)
})

/** A log whose groups never committed, so that a lost store is not refused before it can be repaired. */
const withoutCommits = ({ log }: World): World['log'] => ({
  ...log,
  subscribe: (group, topics, member, options) =>
    log.subscribe(
      group,
      topics,
      { ...member, assigned: (topic, partition) => member.assigned(topic, partition, null) },
      options,
    ),
})
