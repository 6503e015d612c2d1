// A provider that answers "too many" for a while, judged from its own log.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createVapidKeys, type Provider, webPushProvider } from '../src/index.ts'
import { createWorld, offer, until, type World } from './given.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.end())

const count = 600
const stormMs = 2000
const underWay = 16

/**
 * Requests that a storm of 429 cost beyond those that offers need, as a share of these; and how many came within the
 * second that one before them was told to wait, as many as may be under way at once left aside.
 */
async function storm(change: Parameters<World['start']>[0]): Promise<{ extra: number; early: number }> {
  const customers = Array.from({ length: count }, (_, at) => `customer-${at}`)
  await world.customers(...customers)
  await world.offers(...customers.map((customer, at) => offer({ id: `o-${at}`, customer })))
  const dispatcher = await world.start(change)
  await until(
    () => world.push.accepted.length,
    accepted => accepted > 50,
  )
  world.push.script({ answer: 429, retryAfter: '1', times: 1_000_000 })
  await new Promise(resolve => setTimeout(resolve, stormMs))
  world.push.script(null)
  const counts = await until(
    () => dispatcher.counts(),
    found => found.total === count && found.decided + found.sending === 0,
  )
  expect(counts).toMatchObject({ accepted: count, unknown: 0, rejected: 0 })
  expect(world.push.accepted.length).toBe(count)
  const refused = world.push.events.filter(each => each.event === 'refused' && each.status === 429)
  // Of as many, one was answered before the next was sent.
  const early = refused.filter(({ at }, place) => place >= underWay && at - refused[place - underWay]!.at < 900).length
  expect(refused.length).toBeGreaterThan(0)
  console.log(`storm of 429: ${refused.length} requests more than ${count}, ${early} before they were due`)
  return { extra: refused.length / count, early }
}

test('a storm of 429 with Retry-After costs a tenth of requests more at most, none of them before it is due, and every offer goes out after it', async () => {
  const { extra, early } = await storm({})
  expect(extra).toBeLessThanOrEqual(0.1)
  expect(early).toBe(0)
})

test('negative control: deaf to Retry-After and without a budget of retries it costs more, and comes too early', async () => {
  const provider = webPushProvider({ vapid: createVapidKeys('mailto:push@example.org') })
  const deaf: Provider<'web-push'> = {
    ...provider,
    async send(request, signal) {
      const answer = await provider.send(request, signal)
      return answer.kind === 'busy' ? { ...answer, retryAfterMs: 0 } : answer
    },
  }
  const retries = { share: 1, leastPerSecond: 1000, windowMs: 10_000 }
  const { extra, early } = await storm({ providers: [deaf], retries })
  expect(extra).toBeGreaterThan(0.1)
  expect(early).toBeGreaterThan(0)
})
