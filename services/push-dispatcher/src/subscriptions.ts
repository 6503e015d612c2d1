// Where customers can be reached, by customer and handle; apart from every event.
import { randomUUID } from 'node:crypto'
import { type RedisAddress, redisClient } from '@offerstream/streaming'
import type { Address } from './address.ts'
import { createKey, seal, unseal } from './seal.ts'

export type Registration = {
  readonly address: Address
  /** When the device got it, milliseconds since the epoch. */
  readonly at: number
  /** From when on it is of no use, by the device's own word; null for open end. */
  readonly expiresAt: number | null
}

export type Subscription = Registration & {
  readonly handle: string
  /** Of this very registration: a later one of the handle is another. */
  readonly id: string
  /** Not to be used before: the provider's answer left doubts about it. 0 for none. */
  readonly parkedUntil: number
}

export type Subscriptions = {
  /** A new registration of a handle replaces the old one. */
  register(customer: string, handle: string, registration: Registration): Promise<void>
  /** Of each customer, in the order asked, by handle. */
  of(customers: readonly string[]): Promise<readonly (readonly Subscription[])[]>
  /** With an id, only if that is still the handle's registration: the device may have registered anew since. */
  remove(customer: string, handle: string, id?: string): Promise<void>
  /** Leaves a registration alone until then; one of another id is not touched. */
  park(customer: string, handle: string, id: string, until: number): Promise<void>
  /** Forgets the customer, and the key to whatever copies there are. */
  erase(customer: string): Promise<void>
  close(): Promise<void>
}

type Kept = Omit<Subscription, 'handle'>

export function memorySubscriptions(): Subscriptions {
  const held = new Map<string, Map<string, Kept>>()
  const change = (customer: string, handle: string, id: string | undefined, to: (kept: Kept) => Kept | null): void => {
    const mine = held.get(customer)
    const kept = mine?.get(handle)
    if (mine === undefined || kept === undefined || (id !== undefined && kept.id !== id)) return
    const changed = to(kept)
    if (changed === null) mine.delete(handle)
    else mine.set(handle, changed)
  }
  return {
    async register(customer, handle, registration) {
      const mine = held.get(customer) ?? new Map<string, Kept>()
      held.set(customer, mine.set(handle, { ...registration, id: randomUUID(), parkedUntil: 0 }))
    },
    async of(customers) {
      return customers.map(customer => byHandle([...(held.get(customer) ?? [])]))
    },
    async remove(customer, handle, id) {
      change(customer, handle, id, () => null)
    },
    async park(customer, handle, id, until) {
      change(customer, handle, id, kept => ({ ...kept, parkedUntil: until }))
    },
    async erase(customer) {
      held.delete(customer)
    },
    async close() {},
  }
}

const byHandle = (kept: readonly (readonly [string, Kept])[]): readonly Subscription[] =>
  kept.map(([handle, each]) => ({ handle, ...each })).sort((a, b) => (a.handle < b.handle ? -1 : 1))

/** There are addresses of the customer that were sealed with another key: they are not overwritten. */
export class ForeignKey extends Error {
  override name = 'ForeignKey'
  constructor() {
    super('addresses of this customer were sealed with another OFFERSTREAM_CONTACT_KEY: give that one, or erase them')
  }
}

const textOf = (bytes: Buffer): string => bytes.toString('base64url')
const bytesOf = (text: string): Buffer => Buffer.from(text, 'base64url')

/** A field is `id:parkedUntil:sealed`; the first two are changed and compared without the key. */
const whenSame = `local kept = redis.call('HGET', KEYS[1], ARGV[1])
if not kept or string.sub(kept, 1, 36) ~= ARGV[2] then return 0 end
`
const removeIfSame = `${whenSame}return redis.call('HDEL', KEYS[1], ARGV[1])`
const parkIfSame = `${whenSame}local rest = string.find(kept, ':', 38, true)
return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. ARGV[3] .. string.sub(kept, rest))`
/** The first to come makes the customer's key; the others take it. */
const keyOnce = `redis.call('HSETNX', KEYS[1], ':key', ARGV[1]) return redis.call('HGET', KEYS[1], ':key')`

/**
 * A hash per customer under `<prefix>contact:`, with the customer's sealed key and a field a handle. `key` is the one of
 * the settings, 32 bytes; without one, a key is made that lies beside what it seals. Trouble with Redis is `Transient`;
 * what cannot be read with this key is left out, and told.
 */
export function redisSubscriptions(
  options: RedisAddress & {
    readonly prefix?: string
    readonly key?: Buffer | null
    readonly notice?: (line: string) => void
  },
): Subscriptions {
  const { prefix = '', key: given = null, notice = () => {} } = options
  const redis = redisClient(options)
  let main: Promise<Buffer> | null = given === null ? null : Promise.resolve(given)
  const mainKey = (): Promise<Buffer> => {
    if (main === null) {
      main = redis.use(async client =>
        bytesOf((await client.eval(keyOnce, 1, `${prefix}contact-keys`, textOf(createKey()))) as string),
      )
      main.then(
        () => notice('addresses are sealed by a key that lies beside them: set OFFERSTREAM_CONTACT_KEY'),
        () => {
          main = null
        },
      )
    }
    return main
  }
  const hashOf = (customer: string): string => `${prefix}contact:${customer}`
  let told = false
  const unreadable = (): null => {
    if (!told) notice('addresses that were sealed with another OFFERSTREAM_CONTACT_KEY cannot be read and are left out')
    told = true
    return null
  }

  const subscriptionsFrom = (
    customer: string,
    fields: Readonly<Record<string, string>>,
    withKey: Buffer,
  ): readonly Subscription[] => {
    const sealedKey = fields[':key']
    const key = sealedKey === undefined ? null : unseal(withKey, bytesOf(sealedKey), customer)
    const handles = Object.keys(fields).filter(field => field !== ':key')
    const found = handles.map((handle): [string, Kept] | null => {
      const [id, parkedUntil, sealed] = fields[handle]!.split(':') as [string, string, string]
      const plain = key === null ? null : unseal(key, bytesOf(sealed), `${customer}/${handle}`)
      if (plain === null) return unreadable()
      return [handle, { ...(JSON.parse(plain.toString()) as Registration), id, parkedUntil: Number(parkedUntil) }]
    })
    return byHandle(found.filter(each => each !== null))
  }

  return {
    async register(customer, handle, registration) {
      const withKey = await mainKey()
      const hash = hashOf(customer)
      const made = textOf(seal(withKey, createKey(), customer))
      const sealedKey = await redis.use(client => client.eval(keyOnce, 1, hash, made))
      const key = unseal(withKey, bytesOf(sealedKey as string), customer)
      if (key === null) throw new ForeignKey()
      const sealed = seal(key, Buffer.from(JSON.stringify(registration)), `${customer}/${handle}`)
      await redis.use(client => client.hset(hash, handle, `${randomUUID()}:0:${textOf(sealed)}`))
    },
    async of(customers) {
      const withKey = await mainKey()
      return redis.use(client =>
        Promise.all(
          customers.map(async customer => subscriptionsFrom(customer, await client.hgetall(hashOf(customer)), withKey)),
        ),
      )
    },
    async remove(customer, handle, id) {
      const hash = hashOf(customer)
      if (id === undefined) await redis.use(client => client.hdel(hash, handle))
      else await redis.use(client => client.eval(removeIfSame, 1, hash, handle, id))
    },
    async park(customer, handle, id, until) {
      await redis.use(client => client.eval(parkIfSame, 1, hashOf(customer), handle, id, `${Math.ceil(until)}`))
    },
    async erase(customer) {
      await redis.use(client => client.del(hashOf(customer)))
    },
    close: () => redis.close(),
  }
}
