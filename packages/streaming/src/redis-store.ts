// A fold's partition in Redis, all under one hash tag, so in one slot, changed by one script.
//   os:{fold:partition}:<key>     a state
//   os:{fold:partition}.meta      epoch, watermark, save: which save of its owner the last one was
//   os:{fold:partition}.causes    .counts  .due  .outbox
//   os:{fold:partition}.keys      the keys that have a state, so that a walk costs what the partition holds, not the server
//   os:{fold:partition}.changed   while a capture is under way, the keys that changed since
//   os:{role:partition}.incumbent the fold that publishes
// Besides epoch and watermark the number of the last save is compared: a failover may lose a save that left the watermark
// where it was. It also tells a save whose answer was lost from one that was not done.
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  type CausePosition,
  type Change,
  type Incumbent,
  Refused,
  retiredByAnother,
  type StateRow,
  type Store,
  type StoreGuards,
  type StoreLane,
  Transient,
} from './ports.ts'
import { defaultTimeoutMs, type RedisAddress, type RedisClient, type ReplicaWait, redisClient } from './redis-client.ts'
import { redisReservations } from './redis-reservations.ts'
import {
  appointScript,
  epochWords,
  forgetScript,
  openScript,
  progressScript,
  removeScript,
  retireScript,
  rowsScript,
  saveScript,
  unwatchScript,
  watchScript,
} from './redis-scripts.ts'

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
const noWait: ReplicaWait = { replicas: 0, timeoutMs: 0 }

type Names = {
  readonly meta: string
  readonly causes: string
  readonly counts: string
  readonly due: string
  readonly outbox: string
  readonly keys: string
  readonly changed: string
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
      changed: `${tag}.changed`,
      state: `${tag}:`,
    }
  }

  const incumbentOf = (role: string, partition: number): string =>
    namesOf(role, partition).meta.replace(/\.meta$/, '.incumbent')

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
      for await (const keys of keysOf(client, names)) {
        const states = await load(client, names, keys)
        const page = keys.flatMap((key, at) => (states[at] == null ? [] : [[key, states[at]] as const]))
        if (page.length > 0) yield page
      }
    },
    keys: (fold, partition) => keysOf(client, namesOf(fold, partition)),
    async peekProgress(fold, partition) {
      const { meta, counts } = namesOf(fold, partition)
      const answer = await client.run(progressScript, [meta, counts], [], noWait)
      const [epoch, watermark, totals, retired] = answer as [Buffer | null, Buffer | null, Buffer[], Buffer | null]
      if (epoch === null) return null
      return {
        epoch: Number(epoch),
        watermark: numberOf(watermark),
        counts: mapOf(totals, Number),
        retiredBy: retired === null ? null : retired.toString(),
      }
    },
    size: (fold, partition) => client.use(each => each.scard(namesOf(fold, partition).keys)),
    capture: (fold, partition, see) => capture(client, namesOf(fold, partition), see),
    async forget(fold, partition, epoch) {
      const names = namesOf(fold, partition)
      const { meta, causes, counts, due, outbox, changed } = names
      const words = [...epochWords(), epoch === undefined ? '' : `${epoch}`]
      const own = (await client.run(
        forgetScript,
        [meta, causes, counts, due, outbox, changed],
        words,
        wait,
      )) as Buffer | null
      if (own === null) return false
      for (;;) {
        const [, found] = await client.use(each => each.sscan(names.keys, 0, 'COUNT', pageStates))
        for (let first = 0; first < found.length; first += pageStates) {
          const page = found.slice(first, first + pageStates)
          const keys = [meta, names.keys, ...page.map(key => names.state + key)]
          if ((await client.run(removeScript, keys, [own, ...page], noWait)) !== 1) return false
        }
        if (found.length === 0 && (await client.use(each => each.scard(names.keys))) === 0) return true
      }
    },
    async incumbent(role, partition) {
      const text = await client.use(each => each.get(incumbentOf(role, partition)))
      return text === null ? null : (JSON.parse(text) as Incumbent)
    },
    async appoint(role, partition, before, after) {
      const words = [before, after].map(each => (each === null ? '' : incumbentText(each)))
      return (await client.run(appointScript, [incumbentOf(role, partition)], words, wait)) === 1
    },
    async retire(fold, partition, successor) {
      const { meta, outbox } = namesOf(fold, partition)
      const answer = await client.run(retireScript, [meta, outbox], [...epochWords(), successor], wait)
      const [by, watermark, left] = answer as [Buffer, Buffer | null, Buffer | null]
      if (by.toString() !== successor) throw retiredByAnother(`${fold}:${partition}`, by.toString(), successor)
      return { watermark: numberOf(watermark), outbox: left }
    },
    async reinstate(fold, partition) {
      await client.use(each => each.hdel(namesOf(fold, partition).meta, 'retired'))
    },
    close: () => client.close(),
  }
}

async function openLane(client: RedisClient, names: Names, guards: StoreGuards, wait: ReplicaWait): Promise<StoreLane> {
  // Waits for replicas as a save does: the outbox it answers is published at once, and must not be lost after that.
  const [epoch, watermark, causes, counts, outbox, retired] = (await client.run(
    openScript,
    [names.meta, names.causes, names.counts, names.outbox],
    epochWords(),
    wait,
  )) as [Buffer, Buffer | null, Buffer[], Buffer[], Buffer | null, Buffer | null]

  let saves = 0
  let lastSave = 0
  let unanswered: { readonly change: Change; readonly save: number } | null = null

  return {
    epoch: Number(epoch),
    watermark: numberOf(watermark),
    causes: mapOf(causes, positionOf),
    counts: mapOf(counts, Number),
    outbox,
    retiredBy: retired === null ? null : retired.toString(),
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

/** Walks the states, then reads again what was saved since, until nothing was: then all of it is of one moment. */
async function capture(
  client: RedisClient,
  names: Names,
  see: (rows: readonly StateRow[]) => void | Promise<void>,
): ReturnType<Store['capture']> {
  const watcher = randomUUID()
  const watched = (await client.run(watchScript, [names.meta, names.changed], [watcher], noWait)) as Buffer[] | null
  if (watched === null) return null
  const epoch = watched[0]!.toString()
  let newest = Number(watched[1])
  const stays = ([nowEpoch, save]: readonly Buffer[]): void => {
    // Saves are counted per owner: what lies behind what was read already is a store that fell back.
    if (String(nowEpoch) !== epoch || Number(save) < newest)
      throw new Transient(`${names.state}: the owner changed during a capture`)
    newest = Number(save)
  }
  const read = async (keys: readonly string[]): Promise<void> => {
    for (let first = 0; first < keys.length; first += pageStates) {
      const page = keys.slice(first, first + pageStates)
      const answer = await client.run(
        rowsScript,
        [names.meta, names.due, ...page.map(key => names.state + key)],
        page,
        noWait,
      )
      const [mark, states, dues] = answer as [Buffer[], (Buffer | null)[], (Buffer | null)[]]
      stays(mark)
      await see(page.map((key, at) => [key, states[at]!, numberOf(dues[at]!)]))
    }
  }
  let cursor = '0'
  do {
    const [next, keys] = await client.use(each => each.sscan(names.keys, cursor, 'COUNT', pageStates))
    cursor = next
    await read(keys)
  } while (cursor !== '0')
  for (;;) {
    const { meta, changed, causes, counts, outbox, keys } = names
    const answer = await client.run(unwatchScript, [meta, changed, causes, counts, outbox, keys], [watcher], noWait)
    if (Array.isArray(answer)) {
      const [mark, watermark, sources, totals, left, states] = answer as [
        Buffer[],
        Buffer | null,
        Buffer[],
        Buffer[],
        Buffer | null,
        number,
      ]
      stays(mark)
      return {
        watermark: numberOf(watermark),
        causes: mapOf(sources, positionOf),
        counts: mapOf(totals, Number),
        outbox: left,
        states,
      }
    }
    if (String(answer) === 'lost')
      throw new Transient(`${names.state}: another capture began, or the store fell back, during this one`)
    await read(await client.use(each => each.spop(changed, 4 * pageStates)))
  }
}

const incumbentText = ({ fold, publishesAfter, term }: Incumbent): string =>
  JSON.stringify({ fold, publishesAfter, term })

/** A change in the order of the save script. What Redis would refuse halfway is refused here. */
function parts(names: Names, change: Change): { keys: string[]; words: (string | Buffer)[] } {
  const keys = [names.meta, names.causes, names.counts, names.due, names.outbox, names.keys, names.changed]
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

async function* keysOf(client: RedisClient, names: Names): AsyncIterable<readonly string[]> {
  let cursor = '0'
  do {
    const [next, keys] = await client.use(each => each.sscan(names.keys, cursor, 'COUNT', pageStates))
    cursor = next
    yield keys
  } while (cursor !== '0')
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
