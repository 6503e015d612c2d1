// An hour without the provider, by the ledger's clock, with a backlog behind it.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, test } from 'vitest'
import { createRecorder, recorded } from './doubles/recorder.ts'
import { createWorld, hour, noon, offer, until, type World } from './given.ts'

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
