// Which of a customer's devices an offer goes to, as they come, change and go.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRecorder, type Recorder, recorded } from './doubles/recorder.ts'
import { createWorld, hour, noon, offer, until, type World } from './given.ts'

let world: World
let recorder: Recorder
beforeEach(async () => {
  world = await createWorld()
  recorder = createRecorder(world.clock)
  await recorded(world, 'customer-1')
})
afterEach(() => world.end())

const register = (handle: string, expiresAt: number | null = null, at = noon) =>
  world.subscriptions.register('customer-1', handle, {
    address: { kind: 'web-push', endpoint: `http://127.0.0.1:9/${handle}`, keys: { p256dh: '', auth: '' } },
    at,
    expiresAt,
  })
/** The devices asked, in order, and what became of the offer. */
async function pushed(): Promise<readonly string[]> {
  await world.start({ providers: [recorder], fetchPauseMs: 5 })
  await world.offers(offer({}))
  const ends = await until(
    async () => (await world.deliveries()).filter(each => each !== 'offer-1 sending'),
    found => found.length > 0,
  )
  return [...recorder.asked.map(each => each.device), ...ends]
}

test('an offer goes to one of several devices, the first by name', async () => {
  await register('a-tablet')
  expect(await pushed()).toEqual(['a-tablet', 'offer-1 accepted'])
})

test('a subscription past its own end is not used, one that ends later is', async () => {
  await register('a-tablet', noon)
  await register('b-laptop', noon + hour)
  expect(await pushed()).toEqual(['b-laptop', 'offer-1 accepted'])
})

test('where every one has ended there is nobody to ask', async () => {
  await register('customer-1-phone', noon - 1)
  expect(await pushed()).toEqual(['offer-1 suppressed no-subscription'])
})

test('one with doubts about it is passed over, until it registers anew', async () => {
  await register('a-tablet')
  const [tablet] = (await world.subscriptions.of(['customer-1']))[0]!
  await world.subscriptions.park('customer-1', 'a-tablet', tablet!.id, noon + hour)
  expect(await pushed()).toEqual(['customer-1-phone', 'offer-1 accepted'])
  await register('a-tablet')
  world.clock.at = noon + 25 * hour
  const late = { id: 'next', sequence: 2, item: 'pack-m', expiresAt: noon + 48 * hour }
  await world.offers(offer(late))
  await until(
    () => recorder.asked.map(each => each.device),
    found => found.includes('a-tablet'),
  )
})

test('a device that is gone gives way to the next, and to no third', async () => {
  await register('a-tablet')
  await register('z-watch')
  recorder.answer = () => ({ kind: recorder.asked.length === 0 ? 'gone' : 'accepted', since: null })
  expect(await pushed()).toEqual(['a-tablet', 'customer-1-phone', 'offer-1 accepted'])
  expect((await world.subscriptions.of(['customer-1']))[0]!.map(each => each.handle)).toEqual([
    'customer-1-phone',
    'z-watch',
  ])
})
