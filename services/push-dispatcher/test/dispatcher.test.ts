import { afterEach, beforeEach, expect, test } from 'vitest'
import { createWorld, hour, killSwitch, noon, offer, profile, toDevices, until, type World } from './given.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.end())

const settled = (count: number) =>
  until(
    () => world.deliveries(),
    found => found.filter(each => !/ (sending|deferred)/.test(each)).length >= count,
  )

test('an offer is sent to a device once, shown, and both ends of it are told to the journal', async () => {
  await world.customers('customer-1')
  const dispatcher = await world.start()
  await world.offers(offer({}))
  expect(await settled(1)).toEqual(['offer-1 sending', 'offer-1 accepted'])
  expect(world.push.received).toMatchObject([{ device: 'customer-1-phone', offer: 'offer-1', replaced: false }])
  expect(JSON.stringify(world.push.received[0]!.payload)).not.toContain('customer-1"')
  expect(await dispatcher.counts()).toMatchObject({ accepted: 1, total: 1 })
})

test('a repeated offer is skipped, by its cause and by its id', async () => {
  await world.customers('customer-1')
  const dispatcher = await world.start()
  await world.append('next-best-offers', 'customer-1', offer({}), 'feature-updates@1/0/7/0')
  await world.append('next-best-offers', 'customer-1', offer({}), 'feature-updates@1/0/7/0')
  await world.append('next-best-offers', 'customer-1', offer({}), 'feature-updates@1/0/9/0')
  await settled(1)
  await until(
    () => world.store.peekProgress('push-dispatcher', 0),
    progress => progress?.counts.get('skipped/repeated') === 2,
  )
  expect(world.push.accepted.length).toBe(1)
  expect((await dispatcher.counts()).total).toBe(1)
})

test('an expired offer is not sent', async () => {
  await world.customers('customer-1')
  await world.start()
  await world.offers(offer({ expiresAt: noon - 1 }))
  expect(await settled(1)).toEqual(['offer-1 expired expired'])
  expect(world.push.accepted).toEqual([])
})

test('of two offers to one customer the later sequence is sent, in whichever order they come', async () => {
  await world.customers('customer-1', 'customer-2')
  await world.offers(offer({ id: 'a1', sequence: 1 }), offer({ id: 'a2', sequence: 2 }))
  await world.offers(
    offer({ id: 'b2', customer: 'customer-2', sequence: 2 }),
    offer({ id: 'b1', customer: 'customer-2', sequence: 1 }),
  )
  const dispatcher = await world.start()
  await settled(4)
  expect(world.push.accepted.length).toBe(2)
  expect(world.push.received.map(each => each.offer).sort()).toEqual(['a2', 'b2'])
  expect(await dispatcher.counts()).toMatchObject({ accepted: 2, superseded: 2, total: 4 })
})

test('a customer nobody told us of gets nothing, nor does one who revoked', async () => {
  await world.customers('customer-1')
  await world.append('customers', 'customer-1', profile('customer-1', { consent: { push: false } }))
  await world.offers(offer({}), offer({ id: 'offer-2', customer: 'stranger' }))
  await world.start()
  expect((await settled(2)).toSorted()).toEqual(['offer-1 suppressed no-consent', 'offer-2 suppressed no-consent'])
  expect(world.push.accepted).toEqual([])
})

test('an offer in quiet hours waits for the morning, and a kill switch thrown overnight stops it', async () => {
  await world.customers('customer-1', 'customer-2')
  world.clock.at = noon + 10 * hour
  const dispatcher = await world.start()
  await world.offers(offer({}), offer({ id: 'offer-2', customer: 'customer-2', item: 'pack-m' }))
  await until(
    () => dispatcher.counts(),
    counts => counts.deferred === 2,
  )
  await world.append('playbook', 'stop', killSwitch({ scope: 'item', target: 'pack-m' }))
  world.clock.at = noon + 19 * hour
  await new Promise(resolve => setTimeout(resolve, 400))
  expect(world.push.accepted).toEqual([])
  world.clock.at = noon + 20.25 * hour
  expect((await settled(2)).slice(2).sort()).toEqual([
    'offer-1 accepted',
    'offer-1 sending',
    'offer-2 suppressed kill-switch-item',
  ])
})

test('a mandatory notice held overnight goes beside the offer that came later; a receipt goes at once and fills no cap', async () => {
  await world.customers('customer-1')
  world.clock.at = noon + 10 * hour
  await world.start()
  await world.offers(
    offer({ id: 'notice', item: 'terms', obligation: 'mandatory' }),
    offer({ id: 'receipt', item: 'paid', sequence: 2, obligation: 'transactional' }),
    offer({ id: 'offer-3', sequence: 3 }),
  )
  await until(
    () => world.push.received.map(each => each.offer),
    found => found.includes('receipt'),
  )
  await until(
    () => world.deliveries(),
    found => found.filter(each => / deferred/.test(each)).length === 2,
  )
  world.clock.at = noon + 20.25 * hour
  await settled(3)
  expect(world.push.received.map(each => each.offer).sort()).toEqual(['notice', 'offer-3', 'receipt'])
})

test('a kill switch stops what follows, and what follows goes on when it is taken back', async () => {
  await world.customers('customer-1', 'customer-2')
  await world.append('playbook', 'stop', killSwitch())
  await world.start()
  await world.offers(offer({}))
  expect(await settled(1)).toEqual(['offer-1 suppressed kill-switch-global'])
  await world.append('playbook', 'stop', killSwitch({ on: false }))
  await new Promise(resolve => setTimeout(resolve, 300))
  await world.offers(offer({ id: 'offer-2', customer: 'customer-2' }))
  await settled(2)
  expect(world.push.received.map(each => each.offer)).toEqual(['offer-2'])
})

test('410 deletes the subscription and the next device gets the offer', async () => {
  await world.customers('customer-1')
  const { endpoint, keys } = await world.push.subscribe('tablet')
  const address = { kind: 'web-push', endpoint, keys } as const
  await world.subscriptions.register('customer-1', 'tablet', { address, at: noon, expiresAt: null })
  await world.append('customers', 'customer-1', profile('customer-1', { devices: ['customer-1-phone', 'tablet'] }))
  world.push.unsubscribe('customer-1-phone')
  await world.start()
  await world.offers(offer({}))
  await settled(1)
  expect(world.push.received.map(each => each.device)).toEqual(['tablet'])
  expect((await world.subscriptions.of(['customer-1']))[0]!.map(each => each.handle)).toEqual(['tablet'])
})

test('an outage that outlasts an offer ends with the offer expired, not sent late', async () => {
  await world.customers('customer-1')
  world.push.script({ answer: 503, retryAfter: '1', times: Number.POSITIVE_INFINITY })
  await world.start()
  await world.offers(offer({}))
  await until(
    () => world.push.events.length,
    count => count > 1,
  )
  world.clock.at = noon + 25 * hour
  world.push.script(null)
  expect(await settled(1)).toEqual(['offer-1 sending', 'offer-1 rejected expired'])
  expect(world.push.accepted).toEqual([])
})

test('no answer after the request left is unknown, and the offer is not sent again', async () => {
  await world.customers('customer-1', 'customer-2')
  world.push.script({ answer: 'slow', ms: 3000, device: 'customer-1-phone' })
  world.push.script({ answer: 'reset-after-accept', device: 'customer-2-phone' })
  const dispatcher = await world.start({ providers: [toDevices({ timeoutMs: 1000 })] })
  await world.offers(offer({}), offer({ id: 'offer-2', customer: 'customer-2' }))
  const found = await settled(2)
  expect(found).toContain('offer-1 unknown timed-out')
  expect(found).toContain('offer-2 unknown connection-lost')
  expect(world.push.accepted.length).toBe(2)
  expect(await dispatcher.counts()).toMatchObject({ unknown: 2, total: 2 })
})

test('a malformed key and a payload that is too large are rejected with a reason', async () => {
  await world.customers('customer-1', 'customer-2')
  const address = { kind: 'web-push', endpoint: 'http://127.0.0.1:9', keys: { p256dh: 'AAAA', auth: 'AAAA' } } as const
  await world.subscriptions.register('customer-1', 'customer-1-phone', { address, at: noon, expiresAt: null })
  await world.start()
  await world.offers(offer({}), offer({ id: 'offer-2', customer: 'customer-2', text: 'x'.repeat(5000) }))
  const found = await settled(2)
  expect(found).toContain('offer-1 rejected malformed-subscription')
  expect(found).toContain('offer-2 rejected too-large')
})

test('bytes nobody can read go to dead letters, and the line goes on', async () => {
  await world.customers('customer-1')
  await world.start()
  await world.log.append('next-best-offers', 0, [
    { key: 'customer-1', value: Buffer.from('nonsense') },
    { key: 'customer-1', value: null },
    { key: null, value: Buffer.alloc(0) },
  ])
  await world.append('next-best-offers', 'somebody-else', offer({ id: 'offer-0' }))
  await world.offers(offer({}))
  await settled(1)
  const reasons: (string | undefined)[] = []
  for await (const messages of world.log.read('next-best-offers.dead-letters', 0, 0))
    reasons.push(...messages.map(message => message.headers['reason']))
  expect(reasons).toEqual(['wrong-magic-byte', 'null-value', 'null-key', 'wrong-key'])
})

test('a rolling cap holds over many offers', async () => {
  await world.customers('customer-1')
  const dispatcher = await world.start()
  const day = 24 * hour
  for (let at = 0; at < 14; at++) {
    world.clock.at = noon + at * day
    const now = world.clock.at
    await world.offers(offer({ id: `o-${at}`, sequence: at, item: `pack-${at}`, at: now, expiresAt: now + day }))
    await until(
      () => dispatcher.counts(),
      counts => counts.accepted + counts.suppressed === at + 1,
    )
  }
  // Three a week: days 0, 1, 2 and 7, 8, 9.
  expect(await dispatcher.counts()).toMatchObject({ accepted: 6, suppressed: 8 })
  expect(world.push.received.map(each => each.offer)).toEqual(['o-0', 'o-1', 'o-2', 'o-7', 'o-8', 'o-9'])
})

test('a push that definitely failed does not count against the caps', async () => {
  await world.customers('customer-1')
  const dispatcher = await world.start()
  await world.offers(offer({ text: 'x'.repeat(5000) }))
  await settled(1)
  await world.offers(offer({ id: 'offer-2', sequence: 2, item: 'pack-m' }))
  await settled(2)
  expect(await dispatcher.counts()).toMatchObject({ rejected: 1, accepted: 1 })
})

test('one whose outcome nobody knows does', async () => {
  await world.customers('customer-1')
  world.push.script({ answer: 'reset-after-accept' })
  const dispatcher = await world.start()
  await world.offers(offer({}))
  await settled(1)
  await world.offers(offer({ id: 'offer-2', sequence: 2, item: 'pack-m' }))
  expect(await settled(2)).toContain('offer-2 suppressed minimum-gap')
  expect(await dispatcher.counts()).toMatchObject({ unknown: 1, suppressed: 1 })
})

test('a held offer gives way as soon as a later one comes', async () => {
  await world.customers('customer-1')
  world.clock.at = noon + 10 * hour
  const dispatcher = await world.start()
  await world.offers(offer({}))
  await until(
    () => dispatcher.counts(),
    counts => counts.deferred === 1,
  )
  await world.offers(offer({ id: 'offer-2', sequence: 2 }))
  await until(
    () => dispatcher.counts(),
    counts => counts.superseded === 1 && counts.deferred === 1,
  )
  world.clock.at = noon + 20.25 * hour
  await until(
    () => world.push.received.map(each => each.offer),
    found => found.length > 0,
  )
  expect(world.push.received.map(each => each.offer)).toEqual(['offer-2'])
})

test('held offers are found by a new owner', async () => {
  await world.customers('customer-1')
  world.clock.at = noon + 10 * hour
  const first = await world.start()
  await world.offers(offer({}))
  await until(
    () => first.counts(),
    counts => counts.deferred === 1,
  )
  await first.stop()
  const second = await world.start()
  world.clock.at = noon + 20.25 * hour
  await until(
    () => second.counts(),
    counts => counts.accepted === 1,
  )
  expect(world.push.received.length).toBe(1)
})
