import { describe, expect, test } from 'vitest'
import type { PushRequest } from '../src/index.ts'
import { meaningOf as apnsMeaning } from '../src/providers/apns.ts'
import { meaningOf as emailMeaning } from '../src/providers/email.ts'
import { meaningOf as fcmMeaning } from '../src/providers/fcm.ts'
import { isPublic, publicAddress } from '../src/providers/public-address.ts'
import { meaningOf as webhookMeaning, webhookProvider } from '../src/providers/webhook.ts'
import { apnsDouble } from './doubles/apns.ts'
import type { AnyDouble } from './doubles/double.ts'
import { errorOf, fcmDouble } from './doubles/fcm.ts'
import { mailServer } from './doubles/mailbox.ts'
import { webPushDevice } from './doubles/web-push.ts'
import { webhookReceiver } from './doubles/webhook.ts'
import { noon } from './given.ts'

const message = {
  ...{ offer: 'offer-1', item: 'pack-s', kind: 'package', title: 'Meridian', text: 'Two gigabytes more', locale: 'en' },
  ...{ priceMinor: 500, currency: 'EUR', expiresAt: noon, link: null, unsubscribe: null },
}
const requestTo = (double: AnyDouble, change: object = {}): PushRequest =>
  ({
    address: double.address,
    handle: 'phone',
    message: { ...message, ...change },
    ttlSeconds: 60,
    collapseId: 'collapse-id',
    urgency: 'normal',
  }) as PushRequest
const soon = () => AbortSignal.timeout(5000)

describe.each<[string, () => Promise<AnyDouble>]>([
  ['web-push, against the stack’s push service', webPushDevice],
  ['webhook', webhookReceiver],
  ['fcm, against a double', fcmDouble],
  ['apns, against a double', apnsDouble],
  ['email, against a mail server', mailServer],
])('%s', (_name, open) => {
  const asked = async (double: AnyDouble, change?: object, timeoutMs = 5000) => {
    const provider = double.provider({ timeoutMs })
    try {
      return await (provider.send as (request: PushRequest, signal: AbortSignal) => Promise<unknown>)(
        requestTo(double, change),
        soon(),
      )
    } finally {
      provider.close?.()
    }
  }

  test('what is accepted arrived, under the id that every try of it has', async () => {
    const double = await open()
    expect(await asked(double)).toEqual({ kind: 'accepted' })
    expect(await asked(double)).toEqual({ kind: 'accepted' })
    expect(double.taken).toEqual([
      { text: message.text, id: 'collapse-id' },
      { text: message.text, id: 'collapse-id' },
    ])
    await double.close()
  })

  test('a dead address is gone', async () => {
    const double = await open()
    double.script(double.gone)
    expect(await asked(double)).toMatchObject({ kind: 'gone' })
    expect(double.taken).toEqual([])
    await double.close()
  })

  test('taken and not answered is unknown', async () => {
    const double = await open()
    double.script('reset-after-accept')
    expect(await asked(double)).toMatchObject({ kind: 'unknown' })
    expect(double.taken.length).toBe(1)
    double.script('silence')
    expect(await asked(double, {}, 1000)).toEqual({ kind: 'unknown', reason: 'timed-out' })
    await double.close()
  })

  test('where nobody listens nothing can have been taken', async () => {
    const double = await open()
    await double.close()
    expect(await asked(double)).toEqual({ kind: 'unavailable', reason: 'unreachable', retryAfterMs: null })
  })
})

test.each([
  [400, errorOf('INVALID_ARGUMENT', 'message.token'), null, { kind: 'gone', since: null }],
  [400, errorOf('INVALID_ARGUMENT', 'message.data'), null, { kind: 'refused', reason: 'invalid-argument' }],
  [403, errorOf('SENDER_ID_MISMATCH'), null, { kind: 'doubtful', reason: 'sender-id-mismatch' }],
  [403, {}, null, { kind: 'our-key', reason: 'answered-403' }],
  [404, errorOf('UNREGISTERED'), null, { kind: 'gone', since: null }],
  [404, {}, null, { kind: 'refused', reason: 'answered-404' }],
  [429, errorOf('QUOTA_EXCEEDED'), '5', { kind: 'busy', retryAfterMs: 60_000 }],
  [429, errorOf('QUOTA_EXCEEDED'), '90', { kind: 'busy', retryAfterMs: 90_000 }],
  [503, errorOf('UNAVAILABLE'), '7', { kind: 'unavailable', reason: 'answered-503', retryAfterMs: 7000 }],
  [500, null, null, { kind: 'unavailable', reason: 'answered-500', retryAfterMs: null }],
])('FCM %i %j with Retry-After %s', (status, body, retryAfter, answer) => {
  expect(fcmMeaning(status, body, retryAfter, noon)).toEqual(answer)
})

test.each([
  [410, { reason: 'Unregistered', timestamp: noon }, { kind: 'gone', since: noon }],
  [400, { reason: 'BadDeviceToken' }, { kind: 'doubtful', reason: 'bad-device-token' }],
  [400, { reason: 'BadTopic' }, { kind: 'refused', reason: 'bad-topic' }],
  [
    403,
    { reason: 'ExpiredProviderToken' },
    { kind: 'unavailable', reason: 'expired-provider-token', retryAfterMs: null },
  ],
  [403, { reason: 'InvalidProviderToken' }, { kind: 'our-key', reason: 'invalid-provider-token' }],
  [413, { reason: 'PayloadTooLarge' }, { kind: 'refused', reason: 'too-large' }],
  [429, { reason: 'TooManyRequests' }, { kind: 'busy', retryAfterMs: 1000 }],
  [503, { reason: 'ServiceUnavailable' }, { kind: 'unavailable', reason: 'answered-503', retryAfterMs: null }],
])('APNs %i %j', (status, body, answer) => {
  expect(apnsMeaning(status, body, null, noon)).toEqual(answer)
})

test.each([
  [204, { kind: 'accepted' }],
  [307, { kind: 'refused', reason: 'redirect' }],
  [401, { kind: 'doubtful', reason: 'answered-401' }],
  [410, { kind: 'gone', since: null }],
  [413, { kind: 'refused', reason: 'too-large' }],
  [429, { kind: 'busy', retryAfterMs: 1000 }],
  [502, { kind: 'unavailable', reason: 'answered-502', retryAfterMs: null }],
])('webhook %i', (status, answer) => {
  expect(webhookMeaning(status, null, noon)).toEqual(answer)
})

test.each([
  [
    { responseCode: 450, response: '450 4.2.1 busy' },
    { kind: 'unavailable', reason: 'answered-450', retryAfterMs: null },
  ],
  [
    { responseCode: 550, response: '550 5.1.1 unknown' },
    { kind: 'gone', since: null },
  ],
  [
    { responseCode: 550, response: '550 5.7.1 spam' },
    { kind: 'refused', reason: 'answered-550' },
  ],
  [
    { code: 'EAUTH', responseCode: 535 },
    { kind: 'our-key', reason: 'answered-535' },
  ],
])('SMTP %j', (error, answer) => {
  expect(emailMeaning(error)).toEqual(answer)
})

test('FCM exchanges one assertion for many messages, and another once its token is taken back', async () => {
  const double = await fcmDouble()
  const provider = double.provider()
  const request = requestTo(double) as PushRequest<'fcm'>
  await Promise.all([1, 2, 3].map(() => provider.send(request, soon())))
  expect([double.exchanged, double.taken.length]).toEqual([1, 3])
  double.revoke()
  expect(await provider.send(request, soon())).toMatchObject({ kind: 'unavailable', reason: 'answered-401' })
  expect(await provider.send(request, soon())).toEqual({ kind: 'accepted' })
  expect(double.exchanged).toBe(2)
  await double.close()
})

test('APNs has one connection and one token for many messages, and one expiry each', async () => {
  const double = await apnsDouble()
  const provider = double.provider()
  const request = requestTo(double) as PushRequest<'apns'>
  await Promise.all([1, 2, 3].map(() => provider.send(request, soon())))
  expect([double.sessions, new Set(double.asked.map(each => each['authorization'])).size]).toEqual([1, 1])
  expect(Number(double.asked[0]!['apns-expiration']) - Date.now() / 1000).toBeCloseTo(60, -1)
  expect(await provider.send(requestTo(double, { text: 'x'.repeat(5000) }) as PushRequest<'apns'>, soon())).toEqual({
    kind: 'refused',
    reason: 'too-large',
  })
  provider.close?.()
  await double.close()
})

test('an e-mail offers the way out in one click, and a title cannot smuggle in a header', async () => {
  const server = await mailServer()
  const provider = server.provider()
  const change = { title: 'Hi\r\nBcc: all@example.org', unsubscribe: 'https://offers.example.org/u/token' }
  expect(await provider.send(requestTo(server, change) as PushRequest<'email'>, soon())).toEqual({ kind: 'accepted' })
  expect(server.mails[0]).toContain('List-Unsubscribe: <https://offers.example.org/u/token>')
  expect(server.mails[0]).toContain('List-Unsubscribe-Post: List-Unsubscribe=One-Click')
  expect(server.mails[0]).not.toMatch(/^Bcc:/m)
  provider.close?.()
  await server.close()
})

describe('a webhook goes nowhere inside', () => {
  test.each([
    ...['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0', '224.0.0.1'],
    ...['::1', '::', 'fe80::1', 'fd00::1', '::ffff:10.0.0.1', '::ffff:7f00:1', '64:ff9b::a00:1', '2002:a00:1::', 'no'],
  ])('%s is not public', address => {
    expect(isPublic(address)).toBe(false)
  })

  test.each(['93.184.216.34', '2606:2800:220:1::', '::ffff:93.184.216.34'])('%s is public', address => {
    expect(isPublic(address)).toBe(true)
  })

  test('a name with one address inside is refused as a whole', async () => {
    const both = async () => [
      { address: '93.184.216.34', family: 4 },
      { address: '10.0.0.1', family: 4 },
    ]
    expect(await publicAddress('hooks.example.org', both)).toBeNull()
    expect(await publicAddress('2130706433', async () => [{ address: '127.0.0.1', family: 4 }])).toBeNull()
  })

  test('what is refused is not asked, and a redirect is not followed', async () => {
    const receiver = await webhookReceiver()
    const secrets = [`whsec_${Buffer.alloc(32, 7).toString('base64')}`]
    const request = requestTo(receiver) as PushRequest<'webhook'>
    expect(await webhookProvider({ secrets }).send(request, soon())).toEqual({
      kind: 'refused',
      reason: 'private-address',
    })
    const port = new URL(request.address.url).port
    const named = { ...request, address: { kind: 'webhook', url: `http://inside.example.org:${port}/hook` } as const }
    const inside = webhookProvider({ secrets, resolve: async () => [{ address: '127.0.0.1', family: 4 }] })
    expect(await inside.send(named, soon())).toEqual({ kind: 'refused', reason: 'private-address' })
    expect(receiver.taken).toEqual([])
    receiver.script({ status: 302, headers: { location: request.address.url } })
    expect(await receiver.provider().send(request, soon())).toEqual({ kind: 'refused', reason: 'redirect' })
    expect(receiver.taken).toEqual([])
    await receiver.close()
  })

  test('another secret does not get in', async () => {
    const receiver = await webhookReceiver()
    const other = webhookProvider({ secrets: [`whsec_${Buffer.alloc(32, 8).toString('base64')}`], loopback: true })
    const request = requestTo(receiver) as PushRequest<'webhook'>
    expect(await other.send(request, soon())).toEqual({ kind: 'doubtful', reason: 'answered-401' })
    expect(() => webhookProvider({ secrets: ['secret'] })).toThrow(RangeError)
    await receiver.close()
  })
})
