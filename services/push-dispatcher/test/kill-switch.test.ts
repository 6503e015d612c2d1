// How soon a kill switch stops everything that it names, and nothing else, and how soon a revocation does; judged from
// what a provider was asked.
import { memoryStore } from '@offerstream/streaming'
import { afterEach, expect, test } from 'vitest'
import { allGuards } from '../src/index.ts'
import { createRecorder, recorded } from './doubles/recorder.ts'
import { createWorld, killSwitch, noon, offer, profile, until, type World } from './given.ts'

let world: World
afterEach(() => world.end())

/**
 * Eight partitions at fifty offers a second each at most: a wave takes two seconds or more. Milliseconds from the stop to
 * the last offer that went out, how many were on their way when it came, and how many never went.
 */
async function stopTime(
  recheck: boolean,
  stop: (customers: readonly string[]) => Promise<unknown> = () => world.append('playbook', 'stop', killSwitch()),
): Promise<{ readonly ms: number; readonly underWay: number; readonly left: number }> {
  world = await createWorld(memoryStore(), 8)
  const recorder = createRecorder(world.clock)
  recorder.ms = 40
  const customers = Array.from({ length: 900 }, (_, at) => `customer-${at}`)
  await recorded(world, ...customers)
  await world.offers(...customers.map((customer, at) => offer({ id: `o-${at}`, customer })))
  const dispatcher = await world.start({
    providers: [recorder],
    concurrency: 2,
    guards: { ...allGuards, recheck },
  })
  await until(
    () => recorder.asked.length,
    count => count >= 150,
  )
  const { sending: underWay } = await dispatcher.counts()
  await stop(customers)
  const thrownAt = performance.now()
  await until(
    () => dispatcher.counts(),
    found => found.total === customers.length && found.decided + found.sending === 0,
  )
  const last = Math.max(...recorder.asked.map(each => each.wallAt))
  return { ms: last - thrownAt, underWay, left: customers.length - recorder.asked.length }
}

// A look holds for 750 ms by the dispatcher's clock, however slow the machine is.
test('with hundreds of pushes under way a kill switch stops them within a second', async () => {
  const { ms, underWay, left } = await stopTime(true)
  expect(underWay).toBeGreaterThan(300)
  expect(ms).toBeLessThan(1000)
  expect(left).toBeGreaterThan(100)
})

test('and so does a revocation: who takes consent back gets nothing a second later', async () => {
  const { ms, underWay, left } = await stopTime(true, async customers => {
    for (const customer of customers)
      await world.append('customers', customer, profile(customer, { consent: { push: false } }))
  })
  expect(underWay).toBeGreaterThan(300)
  expect(ms).toBeLessThan(1000)
  expect(left).toBeGreaterThan(100)
})

test('negative control: without the check before each push whole waves still go out', async () => {
  expect((await stopTime(false)).ms).toBeGreaterThan(1000)
})

test.each([
  ['item', 'pack-m', ['by-campaign', 'by-kind', 'other']],
  ['campaign', 'spring', ['by-item', 'by-kind', 'other']],
  ['campaign', 'daily-sale', ['by-item', 'by-campaign', 'other']],
  ['provider', 'recorder', []],
  ['provider', 'another', ['by-item', 'by-campaign', 'by-kind', 'other']],
  ['global', null, []],
] as const)('a kill switch of scope %s on %s lets go out: %s', async (scope, target, wanted) => {
  world = await createWorld()
  const recorder = createRecorder(world.clock)
  await recorded(world, 'a', 'b', 'c', 'd')
  await world.append('playbook', 'stop', killSwitch({ scope, target }))
  const dispatcher = await world.start({ providers: [recorder], fetchPauseMs: 5 })
  await world.offers(
    offer({ id: 'by-item', customer: 'a', item: 'pack-m' }),
    offer({ id: 'by-campaign', customer: 'b', trigger: { kind: 'campaign', event: 'spring', at: noon } }),
    offer({ id: 'by-kind', customer: 'c', trigger: { kind: 'daily-sale', event: 'event-1', at: noon } }),
    offer({ id: 'other', customer: 'd' }),
  )
  const counts = await until(
    () => dispatcher.counts(),
    found => found.total === 4 && found.decided + found.sending === 0,
  )
  expect(recorder.asked.map(each => each.offer).sort()).toEqual([...wanted].sort())
  expect(counts).toMatchObject({ accepted: wanted.length, suppressed: 4 - wanted.length })
})
