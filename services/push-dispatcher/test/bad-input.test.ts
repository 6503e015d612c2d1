// Whatever comes, each offer ends in a state with a short reason, and the one behind it goes out.
import type { Customer, NextBestOffer } from '@offerstream/contracts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Address } from '../src/index.ts'
import { createWorld, hour, noon, offer, profile, until, type World } from './given.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.end())

type Row = {
  readonly offer?: Partial<NextBestOffer>
  readonly profile?: Partial<Customer> | 'none'
  readonly address?: Address
}
const offCurve = Buffer.alloc(65, 255).toString('base64url')
const auth = Buffer.alloc(16).toString('base64url')
const webPush = (keys: { p256dh: string; auth: string }, endpoint = 'http://127.0.0.1:9/push'): Address => ({
  kind: 'web-push',
  endpoint,
  keys,
})

const rows: readonly (readonly [what: string, wanted: string, row: Row])[] = [
  ['no expiry', 'suppressed no-expiry', { offer: { expiresAt: 0 } }],
  ['an expiry before the epoch', 'suppressed no-expiry', { offer: { expiresAt: -5 } }],
  ['an expiry in the past', 'expired expired', { offer: { expiresAt: noon - 1 } }],
  ['an expiry that is never', 'accepted', { offer: { expiresAt: 8e15 } }],
  ['a customer nobody told us of', 'suppressed no-consent', { profile: 'none' }],
  ['a customer without consents', 'suppressed no-consent', { profile: { consent: {} } }],
  ['a time zone that is none', 'suppressed unknown-zone', { profile: { zone: 'Mars/Olympus' } }],
  ['no time zone', 'suppressed unknown-zone', { profile: { zone: '' } }],
  ['a text that was never filled in', 'suppressed no-text', { offer: { text: ' ' } }],
  ['a text too large for a push', 'rejected too-large', { offer: { text: 'x'.repeat(5000) } }],
  ['a locale nobody knows', 'accepted', { offer: { locale: 'no locale!' }, profile: { locale: '' } }],
  ['half a character', 'accepted', { offer: { text: 'two \ud83d gigabytes' } }],
  ['a key that is too short', 'rejected malformed-subscription', { address: webPush({ p256dh: 'AAAA', auth }) }],
  ['a key off the curve', 'rejected malformed-subscription', { address: webPush({ p256dh: offCurve, auth }) }],
  [
    'an address that is none',
    'rejected malformed-subscription',
    { address: webPush({ p256dh: offCurve, auth }, '::') },
  ],
  [
    'an address of a kind nobody sends to',
    'suppressed no-subscription',
    { address: { kind: 'fcm', token: 'x'.repeat(20) } },
  ],
  [
    'an obligation nobody knows, without consent',
    'suppressed no-consent',
    { offer: { obligation: 'urgent', needsConsent: false }, profile: { consent: {} } },
  ],
  ['a currency that is none, a price below nothing', 'accepted', { offer: { currency: '?', priceMinor: -1 } }],
]

test('each kind of bad input ends in a state with a reason, and the line goes on', async () => {
  await world.start({ fetchPauseMs: 5 })
  for (const [at, [, , row]] of rows.entries()) {
    const customer = `customer-${at}`
    if (row.profile === 'none') continue
    await world.customers(customer)
    if (row.profile !== undefined) await world.append('customers', customer, profile(customer, row.profile))
    if (row.address !== undefined)
      await world.subscriptions.register(customer, `${customer}-phone`, {
        address: row.address,
        at: noon,
        expiresAt: null,
      })
  }
  await world.customers('last')
  await world.offers(
    ...rows.map(([, , row], at) => offer({ id: `o-${at}`, customer: `customer-${at}`, ...row.offer })),
    offer({ id: 'pigeon', customer: 'last', channel: 'pigeon' }),
    offer({ id: 'last', customer: 'last', sequence: 2 }),
  )
  const ends = await until(
    async () => (await world.deliveries()).filter(each => !each.endsWith(' sending')),
    found => found.length >= rows.length + 1,
  )
  expect(ends.toSorted()).toEqual([...rows.map(([, wanted], at) => `o-${at} ${wanted}`), 'last accepted'].toSorted())
  const progress = await world.store.peekProgress('push-dispatcher', 0)
  expect(progress!.counts.get('skipped/other-channel')).toBe(1)
})

test('an unknown obligation asks for caps and quiet hours like any offer', async () => {
  await world.customers('customer-1')
  const dispatcher = await world.start({ fetchPauseMs: 5 })
  await world.offers(offer({ customer: 'customer-1' }))
  await until(
    () => dispatcher.counts(),
    found => found.accepted === 1,
  )
  world.clock.at = noon + hour
  await world.offers(
    offer({
      id: 'urgent',
      customer: 'customer-1',
      sequence: 2,
      item: 'pack-m',
      obligation: 'urgent',
      needsConsent: false,
    }),
  )
  await until(
    () => dispatcher.counts(),
    found => found.suppressed === 1,
  )
  expect(await world.deliveries()).toContain('urgent suppressed minimum-gap')
})
