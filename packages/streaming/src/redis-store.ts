// A fold's partition in Redis, all under one hash tag, so in one slot, changed by one script.
//   os:{fold:partition}:<key>     a state
//   os:{fold:partition}.meta      epoch, watermark, save: which save of its owner the last one was
//   os:{fold:partition}.causes    .counts  .due  .outbox
//   os:{fold:partition}.keys      the keys that have a state, so that a walk costs what the partition holds, not the server
// Besides epoch and watermark the number of the last save is compared: a failover may lose a save that left the watermark
// where it was. It also tells a save whose answer was lost from one that was not done.
import { randomInt } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { type CausePosition, type Change, Refused, type Store, type StoreGuards, type StoreLane } from './ports.ts'
import { defaultTimeoutMs, type RedisAddress, type RedisClient, type ReplicaWait, redisClient } from './redis-client.ts'
import { redisReservations } from './redis-reservations.ts'
import { epochRange, openScript, progressScript, saveScript } from './redis-scripts.ts'

export type RedisStoreOptions = RedisAddress & {
  /** Before every key; `os` unless given. */
  readonly prefix?: string
  /** Replicas that must have a save before it counts; none unless given. */
  readonly replicas?: number
  /** How long they may take; a second unless given. */
  readonly replicaTimeoutMs?: number
  readonly guards?: StoreGuards
}

const pageStates = 1000

type Names = {
  readonly meta: string
  readonly causes: string
  readonly counts: string
  readonly due: string
  readonly outbox: string
  readonly keys: string
  readonly state: string
}

/**
 * A store in Redis or, with several URLs, a Redis Cluster. Every call throws `Transient` when Redis cannot serve it, and
 * may then be made again: a save given again after that with an equal change is recognised if it had been done.
 */
export function redisStore(options: RedisStoreOptions): Store {
  const client = redisClient(options)
  const { prefix = 'os', guards = { compare: true, epoch: true } } = options
  if (/[{}]/.test(prefix)) throw new TypeError(`redis prefix ${prefix}: braces are for the hash tag`)
  const wait: ReplicaWait = { replicas: options.replicas ?? 0, timeoutMs: options.replicaTimeoutMs ?? 1000 }

  if (wait.replicas > 0 && wait.timeoutMs >= (options.timeoutMs ?? defaultTimeoutMs))
    throw new TypeError('redis replicaTimeoutMs must be less than timeoutMs')

  const namesOf = (fold: string, partition: number): Names => {
    if (/[{}]/.test(fold)) throw new TypeError(`fold ${fold}: braces are for the hash tag`)
    const tag = `${prefix}:{${fold}:${partition}}`
    return {
      meta: `${tag}.meta`,
      causes: `${tag}.causes`,
      counts: `${tag}.counts`,
      due: `${tag}.due`,
      outbox: `${tag}.outbox`,
      keys: `${tag}.keys`,
      state: `${tag}:`,
    }
  }

  return {
    reservations: redisReservations(client, prefix, wait),
    async open(fold, partition) {
      const names = namesOf(fold, partition)
      await assertKeepsEverything(client, names.meta)
      return openLane(client, names, guards, wait)
    },
    peek: (fold, partition, keys) => load(client, namesOf(fold, partition), keys),
    async *each(fold, partition) {
      const names = namesOf(fold, partition)
      let cursor = '0'
      do {
        const [next, keys] = await client.use(each => each.sscan(names.keys, cursor, 'COUNT', pageStates))
        cursor = next
        const states = await load(client, names, keys)
        const page = keys.flatMap((key, at) => (states[at] == null ? [] : [[key, states[at]] as const]))
        if (page.length > 0) yield page
      } while (cursor !== '0')
    },
    async peekProgress(fold, partition) {
      const { meta, counts } = namesOf(fold, partition)
      const answer = await client.run(progressScript, [meta, counts], [], { replicas: 0, timeoutMs: 0 })
      const [epoch, watermark, totals] = answer as [Buffer | null, Buffer | null, Buffer[]]
      if (epoch === null) return null
      return { epoch: Number(epoch), watermark: numberOf(watermark), counts: mapOf(totals, Number) }
    },
    close: () => client.close(),
  }
}

async function openLane(client: RedisClient, names: Names, guards: StoreGuards, wait: ReplicaWait): Promise<StoreLane> {
  // Waits for replicas as a save does: the outbox it answers is published at once, and must not be lost after that.
  const [epoch, watermark, causes, counts, outbox] = (await client.run(
    openScript,
    [names.meta, names.causes, names.counts, names.outbox],
    [`${epochRange}`, `${randomInt(epochRange)}`],
    wait,
  )) as [Buffer, Buffer | null, Buffer[], Buffer[], Buffer | null]

  let saves = 0
  let lastSave = 0
  let unanswered: { readonly change: Change; readonly save: number } | null = null

  return {
    epoch: Number(epoch),
    watermark: numberOf(watermark),
    causes: mapOf(causes, positionOf),
    counts: mapOf(counts, Number),
    outbox,
    load: keys => load(client, names, keys),
    async due(until, limit) {
      const found = await client.use(each =>
        each.zrangebyscore(names.due, '-inf', until, 'WITHSCORES', 'LIMIT', 0, limit),
      )
      return Array.from({ length: found.length / 2 }, (_, i) => ({ key: found[2 * i]!, at: Number(found[2 * i + 1]) }))
    },
    async save(change) {
      const again = unanswered !== null && isDeepStrictEqual(unanswered.change, change)
      const save = again ? unanswered!.save : ++saves
      unanswered = { change, save }
      const { keys, words } = parts(names, change)
      const heeded = guards.compare ? (guards.epoch ? 'ew' : 'w') : ''
      const compared = [heeded, epoch.toString(), `${lastSave}`, `${save}`, `${change.from ?? ''}`]
      const answer = String(await client.run(saveScript, keys, [...compared, ...words], wait))
      unanswered = null
      if (answer === 'saved') lastSave = save
      return answer as 'saved' | 'fenced' | 'rewound'
    },
  }
}

/** A change in the order of the save script. What Redis would refuse halfway is refused here. */
function parts(names: Names, change: Change): { keys: string[]; words: (string | Buffer)[] } {
  const keys = [names.meta, names.causes, names.counts, names.due, names.outbox, names.keys]
  const removed: string[] = []
  const states: Buffer[] = []
  for (const [key, state] of new Map(change.states)) {
    if (state === null) removed.push(names.state + key)
    else {
      keys.push(names.state + key)
      states.push(state)
    }
  }
  for (const key of removed) keys.push(key)
  const due: string[] = []
  const never: string[] = []
  for (const [key, at] of new Map(change.due)) {
    if (at === null) never.push(key)
    else if (Number.isFinite(at)) due.push(`${at}`, key)
    else throw new TypeError(`the due moment of a key is ${at}, wanted milliseconds since the epoch`)
  }
  const causes: string[] = []
  for (const [source, position] of change.causes) causes.push(source, position.join('/'))
  const counts: string[] = []
  for (const [reason, count] of change.counts) counts.push(reason, `${count}`)
  const words: (string | Buffer)[] = [
    `${change.to ?? ''}`,
    `${states.length}`,
    `${causes.length}`,
    `${counts.length}`,
    `${due.length}`,
    `${never.length}`,
    change.outbox ?? '',
  ]
  for (const part of [states, causes, counts, due, never]) for (const word of part) words.push(word)
  return { keys, words }
}

async function load(client: RedisClient, names: Names, keys: readonly string[]): Promise<readonly (Buffer | null)[]> {
  if (keys.length === 0) return []
  return client.use(each => each.mgetBuffer(keys.map(key => names.state + key)))
}

function mapOf<T>(pairs: readonly Buffer[], parse: (text: string) => T): Map<string, T> {
  const map = new Map<string, T>()
  for (let i = 0; i < pairs.length; i += 2) map.set(pairs[i]!.toString(), parse(pairs[i + 1]!.toString()))
  return map
}

const numberOf = (text: Buffer | null): number | null => (text === null ? null : Number(text))

function positionOf(text: string): CausePosition {
  const [generation, offset, index] = text.split('/').map(Number)
  return [generation!, offset!, index!]
}

/** An evicted state would be a customer silently begun anew. Asks the server that holds the key. */
async function assertKeepsEverything(client: RedisClient, key: string): Promise<void> {
  // Only the first command names a key, and so leads the others to its server.
  const [, info, config] = await client.pipeline(each => each.exists(key).info().config('GET', 'maxmemory-policy'))
  const told = String(info?.[1] ?? '')
  const policy = /^maxmemory_policy:(\S+)/m.exec(told)?.[1] ?? (config?.[1] as string[] | undefined)?.[1]
  const server = `${client.name}: the server on port ${/^tcp_port:(\d+)/m.exec(told)?.[1] ?? 'unknown'}`
  if (policy === undefined)
    throw new Refused(`${server} tells its maxmemory-policy neither by INFO nor by CONFIG GET. Allow the user +info`)
  if (policy !== 'noeviction')
    throw new Refused(
      `${server} has maxmemory-policy ${policy}, under which states vanish. Run CONFIG SET maxmemory-policy noeviction there, and set it in redis.conf`,
    )
}
