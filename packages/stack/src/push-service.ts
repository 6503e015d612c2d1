// A Web Push service (RFC 8030, 8291, 8292) with virtual devices, on loopback. It is the judge in tests: whatever it
// accepted and whatever a device showed is kept as it happened, twice where it happened twice. A real browser may take it
// for its push service, too (autopush.ts); what that shows, only the browser knows.
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createBrowsers } from './autopush.ts'
import { openPushLog, type PushEvent, readPushLog } from './push-log.ts'
import { createVapidCheck } from './vapid.ts'
import { createDevice, type DeviceKeys, restoreDevice, type VirtualDevice } from './virtual-devices.ts'

/** How the next pushes are answered instead of by the rules. */
export type PushBehaviour = {
  readonly answer:
    | number
    /** Nothing is taken until `ms` have passed, and not at all from a client that has gone by then. */
    | 'stall'
    /** Taken and shown at once, answered after `ms`. */
    | 'slow'
    /** The connection breaks before anything is taken. */
    | 'reset'
    /** Taken and shown, then the connection breaks without an answer. */
    | 'reset-after-accept'
  /** Pushes it holds for; 1 by default. */
  readonly times?: number
  readonly ms?: number
  /** Value of Retry-After on an answer by number. */
  readonly retryAfter?: string
  /** Only pushes to this device. */
  readonly device?: string
}

export type PushSubscriptionInfo = { readonly handle: string; readonly endpoint: string; readonly keys: DeviceKeys }

export type PushServiceOptions = {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** JSON lines of every event; a service that finds one goes on with the devices in it. */
  readonly log?: string
  /** PEM of a key and the certificate for 127.0.0.1; plain HTTP without. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Time stamps of events; the wall clock by default. */
  readonly now?: () => number
}

export type Shown = PushEvent & { readonly event: 'shown' }
export type Accepted = PushEvent & { readonly event: 'accepted' }

export type PushService = {
  readonly url: string
  subscribe(handle?: string): Promise<PushSubscriptionInfo>
  /** The user takes the permission back: pushes are answered 410 from now on. */
  unsubscribe(handle: string): void
  /** Messages to a device that is away wait, by topic the newest only, for as long as they may live. */
  setOnline(handle: string, online: boolean): void
  /** Everything that happened, oldest first. */
  readonly events: readonly PushEvent[]
  readonly accepted: readonly Accepted[]
  /** What devices decrypted and showed. */
  readonly received: readonly Shown[]
  /** Answers how to stop listening. */
  onShown(listener: (shown: Shown) => void): () => void
  /** Behaviours are used up one after the other; null forgets those that are left. */
  script(behaviour: PushBehaviour | null): void
  stop(): Promise<void>
}

type Device = {
  readonly handle: string
  readonly token: string
  /** The only key that may push, base64url (RFC 8292 §4); null where any may. */
  readonly key: string | null
  gone: boolean
  online: boolean
  waiting: Waiting[]
  deliver(message: Waiting): void
}
type Waiting = {
  readonly message: number
  readonly topic: string | null
  readonly until: number
  readonly body: Buffer
}

const largestBody = 4096
const topicShape = /^[\w-]{1,32}$/
const urgencies = new Set(['very-low', 'low', 'normal', 'high'])

export async function startPushService(options: PushServiceOptions = {}): Promise<PushService> {
  const now = options.now ?? Date.now
  const events: PushEvent[] = []
  const accepted: Accepted[] = []
  const received: Shown[] = []
  const listeners = new Set<(shown: Shown) => void>()
  const byToken = new Map<string, Device>()
  const byHandle = new Map<string, Device>()
  let scripted: { behaviour: PushBehaviour; left: number }[] = []
  let messages = 0
  let url = ''
  const checkVapid = createVapidCheck(() => url)

  const remember = (event: PushEvent): void => {
    events.push(event)
    if (event.event === 'accepted') accepted.push(event)
    if (event.event === 'shown') received.push(event)
  }
  const add = (device: Pick<Device, 'handle' | 'token' | 'key' | 'deliver'>): Device => {
    if (byHandle.has(device.handle)) throw new Error(`device ${device.handle} is subscribed already`)
    const added: Device = { ...device, gone: false, online: true, waiting: [] }
    byToken.set(device.token, added)
    byHandle.set(device.handle, added)
    return added
  }
  /** By handle of a virtual device, the topics of the notifications it shows. */
  const tagsOf = new Map<string, Set<string>>()
  const addVirtual = (device: VirtualDevice, token: string): void => {
    tagsOf.set(device.handle, new Set())
    add({ handle: device.handle, token, key: null, deliver: message => show(device, message) })
  }
  for (const event of options.log === undefined ? [] : readPushLog(options.log)) {
    remember(event)
    if (event.event === 'subscribed') addVirtual(restoreDevice(event.device, event.secret, event.auth), event.token)
    // A browser of before is told that it is unknown, and subscribes anew.
    const device = byHandle.get(event.device)
    if (event.event === 'unsubscribed' && device !== undefined) device.gone = true
    if (event.event === 'accepted') messages = Math.max(messages, event.message)
    if (event.event === 'shown' && event.topic !== null) tagsOf.get(event.device)!.add(event.topic)
  }
  const log = openPushLog(options.log)
  const record = (event: PushEvent): void => {
    log.write(event)
    remember(event)
  }
  const deviceOf = (handle: string): Device => {
    const device = byHandle.get(handle)
    if (device === undefined) throw new Error(`no device ${handle} at this push service`)
    return device
  }

  const show = (device: VirtualDevice, { message, topic, body }: Waiting): void => {
    let payload: unknown
    try {
      payload = plain(device.open(body))
    } catch {
      record({ event: 'undecryptable', at: now(), device: device.handle, message })
      return
    }
    const tags = tagsOf.get(device.handle)!
    const replaced = topic !== null && tags.has(topic)
    if (topic !== null) tags.add(topic)
    const offer = (payload as { offer?: unknown } | null)?.offer
    const shown: Shown = {
      event: 'shown',
      at: now(),
      device: device.handle,
      message,
      offer: typeof offer === 'string' ? offer : null,
      topic,
      replaced,
      payload,
    }
    record(shown)
    for (const listener of listeners) listener(shown)
  }

  const wait = (device: Device, message: Waiting): void => {
    const place = device.waiting.findIndex(each => each.topic !== null && each.topic === message.topic)
    if (place >= 0) {
      record({ event: 'collapsed', at: now(), device: device.handle, message: device.waiting[place]!.message })
      device.waiting.splice(place, 1)
    }
    device.waiting.push(message)
  }

  /** Takes the message; `answer` runs before the device decrypts, as a service does not wait for its devices. */
  const accept = (device: Device, push: Push, answer: (message: number) => void): void => {
    const message = ++messages
    const at = now()
    record({ event: 'accepted', at, device: device.handle, message, topic: push.topic, ttl: push.ttl })
    answer(message)
    const waiting = { message, topic: push.topic, until: at + push.ttl * 1000, body: push.body }
    if (device.online) device.deliver(waiting)
    else if (push.ttl === 0) record({ event: 'lapsed', at, device: device.handle, message })
    else wait(device, waiting)
  }

  const nextBehaviour = (device: Device): PushBehaviour | null => {
    const entry = scripted.find(each => each.behaviour.device === undefined || each.behaviour.device === device.handle)
    if (entry === undefined) return null
    if (--entry.left <= 0) scripted = scripted.filter(each => each !== entry)
    return entry.behaviour
  }

  const handle = (
    device: Device | undefined,
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
  ): void => {
    const behaviour = device === undefined ? null : nextBehaviour(device)
    const created = (message: number): void => {
      response.writeHead(201, { location: `${url}/messages/${message}`, 'content-length': '0' }).end()
    }
    const push = judge(device, behaviour, request, body)
    if (device === undefined || 'status' in push) {
      const { status, reason } = push as Refusal
      record({ event: 'refused', at: now(), device: device?.handle ?? '', status, reason })
      const headers: Record<string, string> = { 'content-type': 'text/plain' }
      if (behaviour?.retryAfter !== undefined) headers['retry-after'] = behaviour.retryAfter
      if (status === 0) request.socket.destroy()
      else response.writeHead(status, headers).end(reason)
      return
    }
    const ms = behaviour?.ms ?? 0
    switch (behaviour?.answer) {
      case 'stall':
        setTimeout(() => {
          if (!response.destroyed) accept(device, push, created)
        }, ms).unref()
        break
      case 'slow':
        accept(device, push, message => setTimeout(() => created(message), ms).unref())
        break
      case 'reset-after-accept':
        accept(device, push, () => request.socket.destroy())
        break
      default:
        accept(device, push, created)
    }
  }

  const judge = (
    device: Device | undefined,
    behaviour: PushBehaviour | null,
    request: IncomingMessage,
    body: Buffer,
  ): Push | Refusal => {
    if (device === undefined) return { status: 404, reason: 'unknown-subscription' }
    if (behaviour?.answer === 'reset') return { status: 0, reason: 'reset' }
    if (typeof behaviour?.answer === 'number') return { status: behaviour.answer, reason: 'scripted' }
    const vapid = checkVapid(request.headers.authorization)
    if ('status' in vapid) return vapid
    if (device.key !== null && device.key !== vapid.key) return { status: 403, reason: 'another-key' }
    if (device.gone) return { status: 410, reason: 'subscription-expired' }
    return readPush(request, body)
  }

  const setOnline = (device: Device, online: boolean): void => {
    device.online = online
    if (!online) return
    const waiting = device.waiting
    device.waiting = []
    for (const message of waiting) {
      if (message.until > now()) device.deliver(message)
      else record({ event: 'lapsed', at: now(), device: device.handle, message: message.message })
    }
  }

  /** By channel of a browser, what it was sent and did not acknowledge yet. */
  const sentTo = new Map<string, Waiting[]>()
  const browsers = createBrowsers({
    register(channel, key) {
      if (byHandle.has(channel)) return null
      const sent: Waiting[] = []
      const deliver = (message: Waiting): void => {
        if (browsers.deliver(channel, message.message, message.body)) sent.push(message)
        else wait(deviceOf(channel), message)
      }
      const { token } = add({ handle: channel, token: randomBytes(24).toString('base64url'), key, deliver })
      sentTo.set(channel, sent)
      record({ event: 'registered', at: now(), device: channel })
      return `${url}/push/${token}`
    },
    unregister: channel => service.unsubscribe(channel),
    setOnline(channel, online) {
      const device = deviceOf(channel)
      // What a broken connection may have lost is sent again; the browser drops what it knows.
      if (!online) for (const message of sentTo.get(channel)!.splice(0)) wait(device, message)
      setOnline(device, online)
    },
    acknowledged(channel, message, code) {
      const sent = sentTo.get(channel)!
      const place = sent.findIndex(each => each.message === message)
      if (place < 0) return
      sent.splice(place, 1)
      record({ event: 'acknowledged', at: now(), device: channel, message, code })
    },
  })

  const service: PushService = {
    get url() {
      return url
    },
    async subscribe(handle) {
      const device = createDevice(handle)
      const token = randomBytes(24).toString('base64url')
      addVirtual(device, token)
      const { secret, keys } = device
      record({ event: 'subscribed', at: now(), device: device.handle, secret, auth: keys.auth, token })
      return { handle: device.handle, endpoint: `${url}/push/${token}`, keys }
    },
    unsubscribe(handle) {
      deviceOf(handle).gone = true
      record({ event: 'unsubscribed', at: now(), device: handle })
    },
    setOnline: (handle, online) => setOnline(deviceOf(handle), online),
    events,
    accepted,
    received,
    onShown(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    script(behaviour) {
      if (behaviour === null) scripted = []
      else scripted.push({ behaviour, left: behaviour.times ?? 1 })
    },
    async stop() {
      browsers.stop()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      log.close()
    },
  }

  const respond = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= largestRequest) chunks.push(chunk)
    })
    request.on('error', () => {})
    request.on('end', () => {
      const path = request.url ?? ''
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
      if (path.startsWith('/push/') && request.method === 'POST')
        handle(byToken.get(path.slice('/push/'.length)), request, response, body)
      else
        control(service, request, path, body).then(
          answer => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? null)),
          (error: Error) => response.writeHead(400, { 'content-type': 'text/plain' }).end(error.message),
        )
    })
  }
  const { tls } = options
  const patience = { keepAliveTimeout: 60_000 }
  const server = tls === undefined ? createServer(patience, respond) : createTlsServer({ ...patience, ...tls }, respond)
  server.on('upgrade', browsers.upgrade)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`
  return service
}

/** Behind the service's own door: what another process may ask of its devices. */
async function control(service: PushService, request: IncomingMessage, path: string, body: Buffer): Promise<unknown> {
  const target = new URL(path, service.url)
  const json = (): Record<string, unknown> => (body.length === 0 ? {} : JSON.parse(body.toString()))
  switch (`${request.method} ${target.pathname}`) {
    case 'POST /devices':
      return service.subscribe(json()['handle'] as string | undefined)
    case 'POST /devices/online': {
      const { handle, online } = json() as { handle: string; online: boolean }
      return service.setOnline(handle, online)
    }
    case 'POST /devices/unsubscribe':
      return service.unsubscribe(json()['handle'] as string)
    case 'POST /script':
      return service.script(body.length === 0 ? null : (json() as PushBehaviour))
    case 'GET /events':
      return service.events.slice(Number(target.searchParams.get('from') ?? 0))
    default:
      throw new Error(`no ${request.method} ${target.pathname} here`)
  }
}

/** The control of a service in another process. */
export type PushServiceClient = {
  readonly url: string
  subscribe(handle?: string): Promise<PushSubscriptionInfo>
  unsubscribe(handle: string): Promise<void>
  setOnline(handle: string, online: boolean): Promise<void>
  script(behaviour: PushBehaviour | null): Promise<void>
  /** What happened from the given event on. */
  events(from?: number): Promise<readonly PushEvent[]>
}

export function pushServiceClient(url: string): PushServiceClient {
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(url + path, {
      method,
      ...(body === undefined || body === null ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`push service: ${method} ${path}: ${await response.text()}`)
    return response.json()
  }
  return {
    url,
    subscribe: async handle => (await ask('POST', '/devices', { handle })) as PushSubscriptionInfo,
    unsubscribe: async handle => void (await ask('POST', '/devices/unsubscribe', { handle })),
    setOnline: async (handle, online) => void (await ask('POST', '/devices/online', { handle, online })),
    script: async behaviour => void (await ask('POST', '/script', behaviour)),
    events: async (from = 0) => (await ask('GET', `/events?from=${from}`)) as readonly PushEvent[],
  }
}

const largestRequest = 64 * 1024

type Push = { readonly ttl: number; readonly topic: string | null; readonly body: Buffer }

/** Status 0 is a connection that breaks without an answer. */
type Refusal = { readonly status: number; readonly reason: string }

function readPush(request: IncomingMessage, body: Buffer): Push | Refusal {
  const { ttl, topic, urgency } = request.headers
  if (ttl === undefined || !/^\d+$/.test(String(ttl))) return { status: 400, reason: 'no-ttl' }
  if (topic !== undefined && !topicShape.test(String(topic))) return { status: 400, reason: 'wrong-topic' }
  if (urgency !== undefined && !urgencies.has(String(urgency))) return { status: 400, reason: 'wrong-urgency' }
  if (request.headers['content-encoding'] !== 'aes128gcm') return { status: 415, reason: 'wrong-encoding' }
  const length = Number(request.headers['content-length'] ?? body.length)
  if (length > largestBody || body.length > largestBody) return { status: 413, reason: 'too-large' }
  return { ttl: Number(ttl), topic: topic === undefined ? null : String(topic), body }
}

function plain(bytes: Buffer): unknown {
  const text = bytes.toString()
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
