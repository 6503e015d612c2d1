import { memoryLog, memoryRegistry, memoryStore, openTopic, runFold } from '@offerstream/streaming'
import fastify from 'fastify'
import { expect, test } from 'vitest'
import { type Contact, contactsFold, createContacts } from '../src/contacts.ts'
import { createDeletionBreaker } from '../src/deletion-breaker.ts'
import { addSubscriptionRoutes, createVapidKeys, memorySubscriptions, webPushProvider } from '../src/index.ts'
import { createGate } from '../src/providers/gate.ts'
import type { Answer, Provider, PushRequest } from '../src/providers/provider.ts'
import { meaningOf } from '../src/providers/web-push.ts'
import { noon, profile } from './given.ts'
import { subscriptionsConformance } from './subscriptions-conformance.ts'

test.each<[number, string | null, Answer]>([
  [201, null, { kind: 'accepted' }],
  [404, null, { kind: 'gone', since: null }],
  [410, null, { kind: 'gone', since: null }],
  [401, null, { kind: 'our-key', reason: 'answered-401' }],
  [403, null, { kind: 'our-key', reason: 'answered-403' }],
  [413, null, { kind: 'refused', reason: 'too-large' }],
  [400, null, { kind: 'refused', reason: 'answered-400' }],
  [301, null, { kind: 'refused', reason: 'answered-301' }],
  [429, '7', { kind: 'busy', retryAfterMs: 7000 }],
  [429, 'Tue, 02 Jun 2026 12:00:30 GMT', { kind: 'busy', retryAfterMs: 30_000 }],
  [429, 'soon', { kind: 'busy', retryAfterMs: 1000 }],
  [500, null, { kind: 'unavailable', reason: 'answered-500', retryAfterMs: null }],
  [503, '2', { kind: 'unavailable', reason: 'answered-503', retryAfterMs: 2000 }],
])('Web Push %i with Retry-After %s', (status, retryAfter, answer) => {
  expect(meaningOf(status, retryAfter, noon)).toEqual(answer)
})

const message = {
  ...{ offer: 'offer-1', item: 'pack-s', kind: 'package', title: 'main', text: 'Two gigabytes more', locale: 'en' },
  ...{ priceMinor: 500, currency: 'EUR', expiresAt: noon, link: null, unsubscribe: null },
}
const request: PushRequest<'web-push'> = {
  address: { kind: 'web-push', endpoint: 'https://push.example.net/a', keys: { p256dh: '', auth: '' } },
  handle: 'phone',
  message,
  ttlSeconds: 60,
  collapseId: 'a',
  urgency: 'normal',
}

const answering = (answer: Answer): Provider<'web-push'> & { calls: number } => ({
  name: 'fake',
  takes: 'web-push',
  origin: ({ endpoint }) => new URL(endpoint).origin,
  calls: 0,
  async send() {
    this.calls++
    return answer
  },
})

// Whether the breaker still lets requests through.
test.each<[Answer['kind'], Answer, boolean]>([
  ['gone', { kind: 'gone', since: null }, true],
  ['refused', { kind: 'refused', reason: 'too-large' }, true],
  ['busy', { kind: 'busy', retryAfterMs: 0 }, true],
  ['unavailable', { kind: 'unavailable', reason: 'answered-500', retryAfterMs: null }, false],
  ['unknown', { kind: 'unknown', reason: 'timed-out' }, false],
])('after twenty times %s', async (_, answer, closed) => {
  const provider = answering(answer)
  const gate = createGate(provider)
  for (let i = 0; i < 20; i++) await gate.send(request, AbortSignal.timeout(1000))
  expect(gate.isOpen('https://push.example.net')).toBe(closed)
  expect(provider.calls === 20).toBe(closed)
  // Another origin is another breaker.
  expect(gate.isOpen('https://push.example.org')).toBe(true)
  gate.close()
})

test('a provider that calls too many subscriptions dead is not believed until a minute has passed without', () => {
  let at = 0
  const notices: string[] = []
  const breaker = createDeletionBreaker(
    line => notices.push(line),
    { share: 0.2, ofAtLeast: 10 },
    () => at,
  )
  for (let i = 0; i < 100; i++) breaker.count(i % 5 === 4)
  expect(breaker.mayDelete()).toBe(true)
  for (let i = 0; i < 2; i++) breaker.count(true)
  expect([breaker.mayDelete(), notices.length]).toEqual([false, 1])
  at += 59_000
  expect(breaker.mayDelete()).toBe(false)
  at += 1000
  for (let i = 0; i < 100; i++) breaker.count(false)
  at += 60_000
  expect(breaker.mayDelete()).toBe(true)
})

test('a token is signed once per origin', async () => {
  const seen: string[] = []
  const server = fastify()
  server.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, _body, done) => done(null))
  server.post('/push', async (incoming, reply) => {
    seen.push(incoming.headers.authorization!)
    return reply.code(201).send()
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const { createECDH, randomBytes } = await import('node:crypto')
  const keys = {
    p256dh: createECDH('prime256v1').generateKeys('base64url'),
    auth: randomBytes(16).toString('base64url'),
  }
  const provider = webPushProvider({ vapid: createVapidKeys('mailto:push@example.org') })
  const mine = { ...request, address: { kind: 'web-push', endpoint: `${url}/push`, keys } as const }
  for (let i = 0; i < 3; i++) expect(await provider.send(mine, AbortSignal.timeout(1000))).toEqual({ kind: 'accepted' })
  expect(new Set(seen).size).toBe(1)
  await server.close()
  await new Promise(resolve => setTimeout(resolve, 50))
  expect(await provider.send(mine, AbortSignal.timeout(1000))).toMatchObject({ kind: 'unavailable' })
})

test('devices register and take their leave over HTTP; what cannot be a subscription is refused', async () => {
  const subscriptions = memorySubscriptions()
  const server = fastify()
  addSubscriptionRoutes(server, subscriptions, () => noon)
  const keys = { p256dh: Buffer.alloc(65, 4).toString('base64url'), auth: Buffer.alloc(16).toString('base64url') }
  const put = (handle: string, payload: object) =>
    server.inject({ method: 'PUT', url: `/customers/c-1/subscriptions/${handle}`, payload })
  const browser = { endpoint: 'https://push.example.net/a', expirationTime: 9000, keys }
  expect((await put('phone', browser)).statusCode).toBe(204)
  expect((await put('mail', { kind: 'email', address: 'somebody@example.org' })).statusCode).toBe(204)
  const { endpoint } = browser
  expect((await subscriptions.of(['c-1', 'c-2'])).map(found => found.map(({ id: _, ...rest }) => rest))).toEqual([
    [
      {
        ...{ handle: 'mail', address: { kind: 'email', address: 'somebody@example.org' } },
        ...{ at: noon, expiresAt: null, parkedUntil: 0 },
      },
      { handle: 'phone', address: { kind: 'web-push', endpoint, keys }, at: noon, expiresAt: 9000, parkedUntil: 0 },
    ],
    [],
  ])
  for (const bad of [
    { ...browser, keys: { p256dh: 'x' } },
    { ...browser, keys: { ...keys, auth: 'AA' } },
    { ...browser, endpoint: 'http://push.example.net' },
    { ...browser, endpoint: 'https://me:secret@push.example.net' },
    { endpoint },
    { kind: 'email', address: 'no mailbox' },
    { kind: 'apns', token: 'not hexadecimal' },
    { kind: 'fcm', token: 'short' },
    { kind: 'webhook', url: 'gopher://example.net' },
    { kind: 'pigeon', token: 'x' },
  ])
    expect([(await put('bad', bad)).statusCode, bad]).toEqual([400, bad])
  expect((await put('two%20words', browser)).statusCode).toBe(400)
  expect((await server.inject({ method: 'DELETE', url: '/customers/c-1/subscriptions/phone' })).statusCode).toBe(204)
  expect((await subscriptions.of(['c-1']))[0]!.map(each => each.handle)).toEqual(['mail'])
})

subscriptionsConformance('subscriptions in memory', async () => memorySubscriptions())

test('whom nobody has folded yet is waited for, not taken for a customer without consent', async () => {
  const log = memoryLog()
  const store = memoryStore()
  await log.ensureTopics([{ name: 'customers', partitions: 1, kept: 'compacted' }])
  const customers = await openTopic(memoryRegistry(), 'customers')
  const value = profile('customer-1')
  await log.append('customers', 0, [{ key: 'customer-1', value: customers.codec.encode(value) }])
  const contacts = createContacts(log, store, customers)
  let found: ReadonlyMap<string, Contact> | null = null
  const looking = contacts.of(0, ['customer-1', 'customer-2'], AbortSignal.timeout(5000)).then(answer => {
    found = answer
  })
  await new Promise(resolve => setTimeout(resolve, 50))
  expect(found).toBeNull()
  const folding = await runFold(contactsFold(customers), { log, store })
  await looking
  expect([...found!]).toEqual([
    ['customer-1', { at: noon, consent: { push: true }, zone: 'UTC', locale: 'en', devices: ['customer-1-phone'] }],
  ])
  await folding.stop()
})
