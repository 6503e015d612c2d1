// Where devices can be reached: contact data, kept apart from every event.
import { type RedisAddress, redisClient } from '@offerstream/streaming'

/** What a browser's PushSubscription says. */
export type DeviceSubscription = {
  readonly endpoint: string
  readonly keys: { readonly p256dh: string; readonly auth: string }
}

export type Subscriptions = {
  /** A new registration of a handle replaces the old one. */
  register(handle: string, subscription: DeviceSubscription): Promise<void>
  /** In the order asked; null where there is none. */
  get(handles: readonly string[]): Promise<readonly (DeviceSubscription | null)[]>
  /** With an endpoint, only if the handle still has it: the device may have registered anew since. */
  remove(handle: string, endpoint?: string): Promise<void>
  close(): Promise<void>
}

export function memorySubscriptions(): Subscriptions {
  const held = new Map<string, DeviceSubscription>()
  return {
    async register(handle, subscription) {
      held.set(handle, subscription)
    },
    async get(handles) {
      return handles.map(handle => held.get(handle) ?? null)
    },
    async remove(handle, endpoint) {
      if (endpoint === undefined || held.get(handle)?.endpoint === endpoint) held.delete(handle)
    },
    async close() {},
  }
}

const removeIfSame = `if redis.call('HGET', KEYS[1], 'endpoint') == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`

/** One hash per handle, under `<prefix>subscription:`. Trouble with Redis is `Transient`. */
export function redisSubscriptions(options: RedisAddress & { readonly prefix?: string }): Subscriptions {
  const redis = redisClient(options)
  const keyOf = (handle: string): string => `${options.prefix ?? ''}subscription:${handle}`
  return {
    async register(handle, { endpoint, keys }) {
      await redis.use(client => client.hset(keyOf(handle), { endpoint, p256dh: keys.p256dh, auth: keys.auth }))
    },
    get: handles =>
      redis.use(client =>
        Promise.all(
          handles.map(async handle => {
            const { endpoint, p256dh, auth } = await client.hgetall(keyOf(handle))
            if (endpoint === undefined || p256dh === undefined || auth === undefined) return null
            return { endpoint, keys: { p256dh, auth } }
          }),
        ),
      ),
    async remove(handle, endpoint) {
      const key = keyOf(handle)
      if (endpoint === undefined) await redis.use(client => client.del(key))
      else await redis.use(client => client.eval(removeIfSame, 1, key, endpoint))
    },
    close: () => redis.close(),
  }
}

/** Why it cannot be a subscription, null where it can: keys of the right length, an address that may be called. */
export function problemOf(subscription: DeviceSubscription): string | null {
  const { endpoint, keys } = subscription
  if (!URL.canParse(endpoint)) return 'the endpoint is no address'
  const { protocol, hostname } = new URL(endpoint)
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname)))
    return 'the endpoint must be https; http is for loopback only'
  if (endpoint.length > 2048) return 'the endpoint is longer than 2,048 characters'
  if (Buffer.from(keys.p256dh, 'base64url').length !== 65) return 'p256dh must be 65 bytes as base64url'
  if (Buffer.from(keys.auth, 'base64url').length !== 16) return 'auth must be 16 bytes as base64url'
  return null
}

const isLoopback = (hostname: string): boolean =>
  hostname === '127.0.0.1' || hostname === '[::1]' || hostname === 'localhost'
