// Whatever comes, each offer ends in a state with a short reason, and the one behind it goes out.
import { defaultContactPolicy } from '@offerstream/catalogue'
import type { Customer, NextBestOffer } from '@offerstream/contracts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Address } from '../src/index.ts'
import { webhookProvider } from '../src/providers/webhook.ts'
import { mailServer } from './doubles/mailbox.ts'
import { webhookReceiver } from './doubles/webhook.ts'
import { createWorld, hour, noon, offer, profile, toDevices, until, type World } from './given.ts'

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
  ['the longest text that the catalogue takes', 'accepted', { offer: { text: '"'.repeat(1024) } }],
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

describe('on a channel that is no push', () => {
  const secrets = [`whsec_${Buffer.alloc(32, 7).toString('base64')}`]
  const inside = { address: '10.0.0.1', family: 4 }
  const outside = { address: '93.184.216.34', family: 4 }
  const resolve = async (name: string) => (name.startsWith('both') ? [outside, inside] : [inside])
  const url = (text: string): Address => ({ kind: 'webhook', url: text })

  test.each<[what: string, wanted: string, address: Address]>([
    ['a webhook to a private address', 'rejected private-address', url('https://10.0.0.1/hook')],
    ['to this machine', 'rejected private-address', url('https://127.0.0.1/hook')],
    ['to where a cloud keeps its keys', 'rejected private-address', url('https://169.254.169.254/latest')],
    ['to a name that leads inside', 'rejected private-address', url('https://inside.example.org/hook')],
    ['to a name that leads both ways', 'rejected private-address', url('https://both.example.org/hook')],
    ['to no address', 'rejected malformed-subscription', url('::')],
    ['to a mailbox that is none', 'rejected answered-501', { kind: 'email', address: 'a\r\nb@c' }],
    ['to a mailbox with nothing in it', 'rejected malformed-address', { kind: 'email', address: '' }],
  ])('%s: %s, and the offer behind it goes out', async (_what, wanted, address) => {
    const mails = await mailServer()
    // Only by the wall's clock may anything leave the machine.
    world.clock.at = Date.now()
    await world.append('playbook', 'default', {
      at: noon,
      body: { ...defaultContactPolicy, quietFromHour: 0, quietToHour: 0 },
    })
    const dispatcher = await world.start({
      fetchPauseMs: 5,
      providers: [toDevices(), webhookProvider({ secrets, resolve }), mails.provider()],
    })
    const channel = address.kind
    await world.append('customers', 'customer-1', profile('customer-1', { consent: { [channel]: true } }))
    await world.subscriptions.register('customer-1', 'hook', { address, at: noon, expiresAt: null })
    await world.customers('last')
    const expiresAt = world.clock.at + hour
    await world.offers(offer({ channel, expiresAt }), offer({ id: 'last', customer: 'last', expiresAt }))
    const ends = await until(
      async () => (await world.deliveries()).filter(each => !each.endsWith(' sending')),
      found => found.length === 2,
    )
    expect(ends.toSorted()).toEqual(['last accepted', `offer-1 ${wanted}`])
    expect(mails.taken).toEqual([])
    await dispatcher.stop()
    await mails.close()
  })

  test('a webhook that leads elsewhere is not followed', async () => {
    const receiver = await webhookReceiver()
    const elsewhere = await webhookReceiver()
    const { address } = elsewhere
    receiver.script({ status: 307, headers: { location: (address as { url: string }).url } })
    await world.start({ fetchPauseMs: 5, providers: [toDevices(), receiver.provider()] })
    await world.append('customers', 'customer-1', profile('customer-1', { consent: { webhook: true } }))
    await world.subscriptions.register('customer-1', 'hook', { address: receiver.address, at: noon, expiresAt: null })
    await world.offers(offer({ channel: 'webhook' }))
    await until(world.deliveries, found => found.includes('offer-1 rejected redirect'))
    expect([receiver.taken, elsewhere.taken]).toEqual([[], []])
    await receiver.close()
    await elsewhere.close()
  })
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
