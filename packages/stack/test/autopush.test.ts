// A browser's side of the protocol, as Firefox speaks it; tests/browser.real.test.ts has Firefox itself.
import { createECDH, type ECDH } from 'node:crypto'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type PushService, startPushService } from '../src/index.ts'
import { authorize } from './sender.ts'

const ours = createECDH('prime256v1')
ours.generateKeys()

let service: PushService
let now: number
beforeEach(async () => {
  now = 1_000_000
  service = await startPushService({ now: () => now })
})
afterEach(() => service.stop())

test('a push reaches the browser as it was sealed, and its acknowledgement stands in the log', async () => {
  const browser = await connect()
  const endpoint = await browser.register('channel-a')
  expect(await push(endpoint, 'sealed')).toBe(201)
  expect(await browser.next()).toEqual({
    messageType: 'notification',
    channelID: 'channel-a',
    version: '1',
    data: Buffer.from('sealed').toString('base64url'),
    headers: { encoding: 'aes128gcm' },
  })
  browser.say({ messageType: 'ack', updates: [{ channelID: 'channel-a', version: '1', code: 100 }] })
  await browser.pong()
  expect(service.events.map(({ event }) => event)).toEqual(['registered', 'accepted', 'acknowledged'])
})

test('only the key of the subscription may push; without one any may', async () => {
  const browser = await connect()
  const other = createECDH('prime256v1')
  other.generateKeys()
  const endpoint = await browser.register('channel-a')
  expect(await push(endpoint, 'sealed', other)).toBe(403)
  expect(await push(await browser.register('channel-b', null), 'sealed', other)).toBe(201)
  expect(service.accepted.map(({ device }) => device)).toEqual(['channel-b'])
})

test('what came while the browser was away waits for it; what it did not acknowledge comes again, and the rest does not', async () => {
  const before = await connect()
  const endpoint = await before.register('channel-a')
  await push(endpoint, 'acknowledged')
  await push(endpoint, 'lost')
  expect([await before.next(), await before.next()].map(({ version }) => version)).toEqual(['1', '2'])
  before.say({ messageType: 'ack', updates: [{ channelID: 'channel-a', version: '1' }] })
  await before.pong()
  await before.close()
  expect(await push(endpoint, 'away')).toBe(201)
  expect(await push(endpoint, 'short', ours, '1')).toBe(201)
  now += 2000
  const after = await connect(before.name)
  expect(after.name).toBe(before.name)
  expect([await after.next(), await after.next()].map(({ version }) => version)).toEqual(['2', '3'])
  expect(service.events.at(-1)).toMatchObject({ event: 'lapsed', message: 4 })
})

test('a subscription taken back is answered 410, and a browser nobody knows gets a name of its own', async () => {
  const browser = await connect('somebody-else')
  expect(browser.name).not.toBe('somebody-else')
  const endpoint = await browser.register('channel-a')
  browser.say({ messageType: 'unregister', channelID: 'channel-a', code: 200 })
  expect(await browser.next()).toEqual({ messageType: 'unregister', channelID: 'channel-a', status: 200 })
  expect(await push(endpoint, 'sealed')).toBe(410)
})

test('a channel of another browser is neither registered nor taken back nor acknowledged', async () => {
  const [one, other] = [await connect(), await connect()]
  const endpoint = await one.register('channel-a')
  await expect(other.register('channel-a')).rejects.toThrow('409')
  other.say({ messageType: 'unregister', channelID: 'channel-a', code: 200 })
  await other.next()
  expect(await push(endpoint, 'sealed')).toBe(201)
  other.say({ messageType: 'ack', updates: [{ channelID: 'channel-a', version: '1', code: 100 }] })
  await other.pong()
  expect(service.events.map(({ event }) => event)).toEqual(['registered', 'accepted'])
})

test.each(['no JSON', 'null', '{"messageType":"ack","updates":3}'])(
  '%s ends the connection, and the service goes on',
  async text => {
    const browser = await connect()
    browser.socket.send(text)
    await once(browser.socket, 'close')
    expect((await connect()).name).toBeTruthy()
  },
)

type Heard = Readonly<Record<string, unknown>>

async function connect(uaid?: string) {
  const socket = new WebSocket(service.url.replace('http', 'ws'), 'push-notification')
  const heard: Heard[] = []
  let wake: () => void = () => {}
  socket.addEventListener('message', ({ data }) => {
    heard.push(JSON.parse(String(data)) as Heard)
    wake()
  })
  await once(socket, 'open')
  const say = (message: object): void => socket.send(JSON.stringify(message))
  const next = async (): Promise<Heard> => {
    while (heard.length === 0) await new Promise<void>(resolve => (wake = resolve))
    return heard.shift()!
  }
  say({ messageType: 'hello', broadcasts: {}, use_webpush: true, ...(uaid === undefined ? {} : { uaid }) })
  const hello = await next()
  expect(hello).toMatchObject({ messageType: 'hello', status: 200, use_webpush: true })
  return {
    name: hello['uaid'] as string,
    socket,
    say,
    next,
    /** Everything said before it was heard. */
    async pong() {
      say({})
      expect(await next()).toEqual({})
    },
    async register(channelID: string, key: string | null = padded(ours)) {
      say({ messageType: 'register', channelID, ...(key === null ? {} : { key }) })
      const { status, pushEndpoint } = await next()
      if (status !== 200) throw new Error(`register answered ${status}`)
      return pushEndpoint as string
    },
    async close() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

const padded = (key: ECDH): string => `${key.getPublicKey('base64url')}=`

async function push(endpoint: string, body: string, key = ours, ttl = '60'): Promise<number> {
  const headers = { ttl, 'content-encoding': 'aes128gcm', authorization: authorize(key, endpoint) }
  const { status } = await fetch(endpoint, { method: 'POST', headers, body })
  return status
}
