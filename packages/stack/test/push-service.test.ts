import { createECDH } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ece from 'http_ece'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  type PushService,
  type PushSubscriptionInfo,
  pushServiceClient,
  readPushLog,
  startPushService,
} from '../src/index.ts'
import { until } from './folders.ts'
import { authorize, type Claims } from './sender.ts'

let service: PushService
let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'push-'))
  service = await startPushService({ log: join(folder, 'push.jsonl') })
})
afterEach(async () => {
  await service.stop()
  rmSync(folder, { recursive: true })
})

test('a device shows what was sealed for it, and the service says where the message is', async () => {
  const device = await service.subscribe()
  const shown: string[] = []
  service.onShown(each => shown.push(each.device))
  const answer = await push(device, { offer: 'o-1', title: 'More data' })
  expect(answer.status).toBe(201)
  expect(answer.headers.get('location')).toMatch(/\/messages\/1$/)
  expect(service.received).toMatchObject([
    { device: device.handle, offer: 'o-1', payload: { title: 'More data' }, replaced: false },
  ])
  expect(shown).toEqual([device.handle])
})

test('what was sealed for another device is accepted and not shown', async () => {
  const [one, other] = [await service.subscribe(), await service.subscribe()]
  expect((await push({ ...one, keys: other.keys }, { offer: 'o-1' })).status).toBe(201)
  expect(service.received).toEqual([])
  expect(service.events.at(-1)).toMatchObject({ event: 'undecryptable', device: one.handle })
})

test.each<[string, number, PushChange]>([
  ['no authorization', 401, { authorization: null }],
  ['a token for another service', 403, { audience: 'https://push.example.net' }],
  ['a token that has expired', 403, { expiresInSeconds: -1 }],
  ['a token that lives for more than a day', 403, { expiresInSeconds: 25 * 3600 }],
  ['a token signed by another key', 403, { claimedKey: createECDH('prime256v1').generateKeys('base64url') }],
  ['a token without a subject', 403, { subject: undefined }],
  ['no time to live', 400, { headers: { ttl: undefined } }],
  ['a time to live that is no number', 400, { headers: { ttl: 'soon' } }],
  ['a topic of more than 32 characters', 400, { headers: { topic: 'x'.repeat(33) } }],
  ['an unknown urgency', 400, { headers: { urgency: 'utmost' } }],
  ['an older encoding', 415, { headers: { 'content-encoding': 'aesgcm' } }],
  ['a body of more than 4,096 bytes', 413, { payloadBytes: 4090 }],
])('%s is answered %i and reaches nobody', async (_, status, change) => {
  const device = await service.subscribe()
  const answer = await push(device, { offer: 'o-1' }, change)
  expect(answer.status).toBe(status)
  expect(service.accepted).toEqual([])
  expect(service.received).toEqual([])
  expect((await push(device, { offer: 'o-1' })).status).toBe(201)
})

test('an unknown subscription is answered 404, one taken back 410', async () => {
  const device = await service.subscribe()
  expect((await push({ ...device, endpoint: `${service.url}/push/none` }, {})).status).toBe(404)
  service.unsubscribe(device.handle)
  expect((await push(device, {})).status).toBe(410)
})

test('messages to a device that is away wait, by topic the newest only, for as long as they may live', async () => {
  await service.stop()
  let now = 1000
  service = await startPushService({ now: () => now })
  const device = await service.subscribe()
  service.setOnline(device.handle, false)
  await push(device, { offer: 'short' }, { headers: { ttl: '1' } })
  await push(device, { offer: 'first' }, { headers: { topic: 'a' } })
  await push(device, { offer: 'second' }, { headers: { topic: 'a' } })
  await push(device, { offer: 'never' }, { headers: { ttl: '0' } })
  now += 2000
  expect(service.received).toEqual([])
  service.setOnline(device.handle, true)
  expect(service.received.map(each => each.offer)).toEqual(['second'])
  expect(service.events.filter(each => each.event === 'lapsed').length).toBe(2)
  expect(service.events.filter(each => each.event === 'collapsed').length).toBe(1)
})

test('a second notification of one topic is shown in place of the first, and both are kept', async () => {
  const device = await service.subscribe()
  for (let i = 0; i < 2; i++) await push(device, { offer: 'o-1' }, { headers: { topic: 'a' } })
  expect(service.received.map(each => each.replaced)).toEqual([false, true])
})

test('without a topic the same offer is shown twice', async () => {
  const device = await service.subscribe()
  for (let i = 0; i < 2; i++) await push(device, { offer: 'o-1' })
  expect(service.received.map(each => each.replaced)).toEqual([false, false])
})

test('behaviours are used up one after the other', async () => {
  const device = await service.subscribe()
  service.script({ answer: 429, retryAfter: '7' })
  service.script({ answer: 500, times: 2 })
  const busy = await push(device, {})
  expect([busy.status, busy.headers.get('retry-after')]).toEqual([429, '7'])
  expect([(await push(device, {})).status, (await push(device, {})).status]).toEqual([500, 500])
  expect((await push(device, {})).status).toBe(201)
})

test('a reset takes nothing; a reset after the acceptance does', async () => {
  const device = await service.subscribe()
  service.script({ answer: 'reset' })
  await expect(push(device, { offer: 'a' })).rejects.toThrow()
  expect(service.accepted.length).toBe(0)
  service.script({ answer: 'reset-after-accept' })
  await expect(push(device, { offer: 'b' })).rejects.toThrow()
  expect(service.received.map(each => each.offer)).toEqual(['b'])
})

test('a client that gives up on a stalled service is not delivered to; on a slow one it is', async () => {
  const device = await service.subscribe()
  service.script({ answer: 'stall', ms: 1000 })
  await expect(push(device, { offer: 'a' }, { timeoutMs: 50 })).rejects.toThrow()
  await new Promise(resolve => setTimeout(resolve, 1500))
  expect(service.received).toEqual([])
  // Time enough for the request to arrive on a busy machine, and not for its answer.
  service.script({ answer: 'slow', ms: 2000 })
  await expect(push(device, { offer: 'b' }, { timeoutMs: 500 })).rejects.toThrow()
  await until(() => service.received.length > 0, 5000)
  expect(service.received.map(each => each.offer)).toEqual(['b'])
})

test('another process may judge by the log, and a service goes on with the devices in it', async () => {
  const device = await service.subscribe('device-a')
  await push(device, { offer: 'o-1' }, { headers: { topic: 'a' } })
  const log = join(folder, 'push.jsonl')
  expect(readPushLog(log)).toEqual(service.events)
  const port = Number(new URL(service.url).port)
  await service.stop()
  writeFileSync(log, '{"event":"acce', { flag: 'a' })
  service = await startPushService({ log, port })
  await push(device, { offer: 'o-1' }, { headers: { topic: 'a' } })
  expect(service.received.map(each => [each.message, each.replaced])).toEqual([
    [1, false],
    [2, true],
  ])
  expect(readPushLog(log)).toEqual(service.events)
})

test('its devices are governed from another process', async () => {
  const client = pushServiceClient(service.url)
  const device = await client.subscribe('device-b')
  await client.script({ answer: 503 })
  expect((await push(device, {})).status).toBe(503)
  await client.unsubscribe('device-b')
  expect((await push(device, {})).status).toBe(410)
  expect((await client.events(1)).map(each => each.event)).toEqual(['refused', 'unsubscribed', 'refused'])
  await expect(client.unsubscribe('nobody')).rejects.toThrow('no device nobody')
})

// A sender of its own, so that service and dispatcher are not right or wrong together.

type PushChange = Claims & {
  readonly authorization?: null
  readonly headers?: Record<string, string | undefined>
  readonly payloadBytes?: number
  readonly timeoutMs?: number
}

const sender = createECDH('prime256v1')
sender.generateKeys()

function push(device: PushSubscriptionInfo, payload: object, change: PushChange = {}): Promise<Response> {
  const local = createECDH('prime256v1')
  local.generateKeys()
  const text = Buffer.from(JSON.stringify(payload).padEnd(change.payloadBytes ?? 0))
  const body = ece.encrypt(text, {
    version: 'aes128gcm',
    privateKey: local,
    dh: device.keys.p256dh,
    authSecret: device.keys.auth,
    rs: 8192,
  })
  const headers: Record<string, string> = {}
  const wanted = {
    ttl: '60',
    'content-encoding': 'aes128gcm',
    ...(change.authorization === null ? {} : { authorization: authorize(sender, device.endpoint, change) }),
    ...change.headers,
  }
  for (const [name, value] of Object.entries(wanted)) if (value !== undefined) headers[name] = value
  return fetch(device.endpoint, {
    method: 'POST',
    headers,
    body: new Uint8Array(body),
    ...(change.timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(change.timeoutMs) }),
  })
}
