// The table of what a provider's answers mean, row by row through the lane: what becomes of the offer, of the address and of
// the provider. Answers come over the wire, from the stack's push service, a mail server and doubles.
import { afterEach, describe, expect, test } from 'vitest'
import { channelOf } from '../src/address.ts'
import type { AnyProvider, Provider } from '../src/index.ts'
import { apnsDouble } from './doubles/apns.ts'
import type { AnyDouble, Scripted } from './doubles/double.ts'
import { errorOf, fcmDouble } from './doubles/fcm.ts'
import { mailServer } from './doubles/mailbox.ts'
import { webPushDevice } from './doubles/web-push.ts'
import { webhookReceiver } from './doubles/webhook.ts'
import { createWorld, noon, offer, profile, until, type World } from './given.ts'

let world: World
let double: AnyDouble
afterEach(async () => {
  await world.end()
  await double.close()
})

/** What is wanted: the offer's end, how often it was sent, and what is left of the address. */
type Row = readonly [
  answer: Scripted | null,
  end: string,
  address: 'kept' | 'deleted' | 'left alone',
  provider?: 'stopped',
]
const waitOneSecond = { 'retry-after': '1' }
const noAnswer: Row = ['silence', 'unknown timed-out', 'kept']
const brokenOff: Row = ['reset-after-accept', 'unknown connection-lost', 'kept']
const dead = 'rejected no-subscription'

const table: readonly (readonly [name: string, open: () => Promise<AnyDouble>, rows: readonly Row[]])[] = [
  [
    'web-push',
    webPushDevice,
    [
      [null, 'accepted', 'kept'],
      [{ status: 404 }, dead, 'deleted'],
      [{ status: 410 }, dead, 'deleted'],
      [{ status: 401 }, 'rejected answered-401', 'kept', 'stopped'],
      [{ status: 403 }, 'rejected answered-403', 'kept', 'stopped'],
      [{ status: 413 }, 'rejected too-large', 'kept'],
      [{ status: 400 }, 'rejected answered-400', 'kept'],
      [{ status: 429, headers: waitOneSecond }, 'accepted', 'kept'],
      [{ status: 500 }, 'accepted', 'kept'],
      [{ status: 503 }, 'accepted', 'kept'],
      noAnswer,
      brokenOff,
    ],
  ],
  [
    'fcm, against a double',
    fcmDouble,
    [
      [null, 'accepted', 'kept'],
      [{ status: 404, body: errorOf('UNREGISTERED') }, dead, 'deleted'],
      [{ status: 400, body: errorOf('INVALID_ARGUMENT', 'message.token') }, dead, 'deleted'],
      [{ status: 400, body: errorOf('INVALID_ARGUMENT', 'message.data') }, 'rejected invalid-argument', 'kept'],
      [{ status: 403, body: errorOf('SENDER_ID_MISMATCH') }, 'rejected sender-id-mismatch', 'left alone'],
      [{ status: 403 }, 'rejected answered-403', 'kept', 'stopped'],
      [{ status: 503, body: errorOf('UNAVAILABLE') }, 'accepted', 'kept'],
      [{ status: 500, body: errorOf('INTERNAL') }, 'accepted', 'kept'],
      noAnswer,
      brokenOff,
    ],
  ],
  [
    'apns, against a double',
    apnsDouble,
    [
      [null, 'accepted', 'kept'],
      [{ status: 410, body: { reason: 'Unregistered', timestamp: noon + 1 } }, dead, 'deleted'],
      [{ status: 410, body: { reason: 'Unregistered', timestamp: noon } }, dead, 'kept'],
      [{ status: 400, body: { reason: 'BadDeviceToken' } }, 'rejected bad-device-token', 'left alone'],
      [{ status: 403, body: { reason: 'ExpiredProviderToken' } }, 'accepted', 'kept'],
      [{ status: 403, body: { reason: 'InvalidProviderToken' } }, 'rejected invalid-provider-token', 'kept', 'stopped'],
      [{ status: 413, body: { reason: 'PayloadTooLarge' } }, 'rejected too-large', 'kept'],
      [{ status: 429, body: { reason: 'TooManyRequests' } }, 'accepted', 'kept'],
      [{ status: 503, body: { reason: 'ServiceUnavailable' } }, 'accepted', 'kept'],
      noAnswer,
      brokenOff,
    ],
  ],
  [
    'email, against a mail server',
    mailServer,
    [
      [null, 'accepted', 'kept'],
      [{ status: 450, body: { text: '4.2.1 busy' } }, 'accepted', 'kept'],
      [{ status: 550, body: { text: '5.7.1 unwanted' } }, 'rejected answered-550', 'kept'],
      [{ status: 550, body: { text: '5.1.1 no such mailbox' } }, dead, 'deleted'],
      noAnswer,
      brokenOff,
    ],
  ],
  [
    'webhook',
    webhookReceiver,
    [
      [null, 'accepted', 'kept'],
      [{ status: 410 }, dead, 'deleted'],
      [{ status: 401 }, 'rejected answered-401', 'left alone'],
      [{ status: 404 }, 'rejected answered-404', 'left alone'],
      [{ status: 302, headers: { location: 'https://example.org/' } }, 'rejected redirect', 'kept'],
      [{ status: 413 }, 'rejected too-large', 'kept'],
      [{ status: 429, headers: waitOneSecond }, 'accepted', 'kept'],
      [{ status: 503 }, 'accepted', 'kept'],
      noAnswer,
      brokenOff,
    ],
  ],
]

/** A customer with one address, at what the double stands for. */
async function begin(
  open: () => Promise<AnyDouble>,
  timeoutMs = 60_000,
): Promise<{ send(): Promise<void>; provider: AnyProvider }> {
  world = await createWorld()
  double = await open()
  const { address } = double
  await world.subscriptions.register('customer-1', 'phone', { address, at: noon, expiresAt: null })
  const channel = channelOf[address.kind]
  await world.append('customers', 'customer-1', profile('customer-1', { consent: { [channel]: true } }))
  return { provider: double.provider({ timeoutMs }), send: () => world.offers(offer({ channel })) }
}
const ends = async (): Promise<readonly string[]> =>
  (await world.deliveries()).filter(each => each !== 'offer-1 sending').map(each => each.slice('offer-1 '.length))

describe.each(table)('%s', (_name, open, rows) => {
  test.each(rows)('%j: %s, address %s', async (answer, end, address, provider) => {
    const given = await begin(open, answer === 'silence' ? 1000 : undefined)
    if (answer !== null) double.script(answer as Scripted)
    const dispatcher = await world.start({ providers: [given.provider], fetchPauseMs: 5 })
    await given.send()
    expect(await until(ends, found => found.length > 0)).toEqual([end])
    const [kept] = (await world.subscriptions.of(['customer-1']))[0]!
    expect(kept === undefined ? 'deleted' : kept.parkedUntil === 0 ? 'kept' : 'left alone').toBe(address)
    expect(dispatcher.providerStopped() === null ? undefined : 'stopped').toBe(provider)
    // What may be there was not sent again; what was definitely not taken was, once.
    if (end === 'accepted') expect(double.taken.length).toBe(1)
    if (answer === 'reset-after-accept') expect(double.taken.length).toBe(1)
  })
})

test('FCM 429 pauses the provider for a minute at least, whatever it says', async () => {
  const given = await begin(fcmDouble)
  double.script({ status: 429, body: errorOf('QUOTA_EXCEEDED'), headers: { 'retry-after': '0' } })
  let asked = 0
  const inner = given.provider as Provider
  const counting: Provider = {
    ...inner,
    async send(request, signal) {
      asked++
      return inner.send(request, signal)
    },
  }
  await world.start({ providers: [counting as AnyProvider], fetchPauseMs: 5 })
  await given.send()
  await until(
    () => asked,
    count => count === 1,
  )
  await new Promise(resolve => setTimeout(resolve, 400))
  expect([asked, double.taken.length]).toEqual([1, 0])
})
