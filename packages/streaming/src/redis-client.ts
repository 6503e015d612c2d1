// One connection to a Redis or a Redis Cluster on which nothing waits for long: trouble is told at once, as `Transient`
// or `Refused`. Whatever is sent may be sent again, so ioredis may follow a moved slot.
import { type ChainableCommander, Cluster, Redis, type RedisOptions } from 'ioredis'
import { Refused, Transient } from './ports.ts'
import type { Script } from './redis-scripts.ts'

export type RedisAddress = {
  /** `redis://host:port/db`, or `rediss://` for TLS; several are nodes of one Redis Cluster. */
  readonly url: string | readonly string[]
  /** Instead of those in the URL. */
  readonly username?: string
  readonly password?: string
  readonly tls?: NonNullable<RedisOptions['tls']>
  /** How long the server may be silent, more than it may take to hear from its replicas; 5 seconds unless given. */
  readonly timeoutMs?: number
}

export type RedisClient = {
  /** What messages call it: its hosts. */
  readonly name: string
  /** The client once it is connected; its failures pass through here. */
  use<T>(work: (client: Redis | Cluster) => Promise<T>): Promise<T>
  /** Runs a script and then waits until so many replicas have what it wrote. Replies are Buffers. */
  run(script: Script, keys: readonly string[], words: readonly (string | Buffer)[], wait: ReplicaWait): Promise<unknown>
  /** Sends commands over one connection; throws where the first fails. In a cluster the first names the key. */
  pipeline(build: (pipeline: ChainableCommander) => ChainableCommander): Promise<readonly PipelineAnswer[]>
  close(): Promise<void>
}

type PipelineAnswer = readonly [error: Error | null, reply: unknown]

export type ReplicaWait = { readonly replicas: number; readonly timeoutMs: number }

export const defaultTimeoutMs = 5000

export function redisClient(address: RedisAddress): RedisClient {
  const urls = (typeof address.url === 'string' ? [address.url] : address.url).map(url => new URL(url))
  const name = `redis ${urls.map(url => url.host).join(', ')}`
  const timeoutMs = address.timeoutMs ?? defaultTimeoutMs
  const client = connection(urls, address, timeoutMs)
  client.setMaxListeners(0) // every caller that waits for the connection listens
  client.on('error', () => {}) // `ready` listens while somebody waits; a reconnect needs no listener

  let closed = false
  const use = async <T>(work: (client: Redis | Cluster) => Promise<T>): Promise<T> => {
    if (closed) throw new Error(`${name}: used after it was closed`)
    try {
      await ready(client, timeoutMs)
      return await work(client)
    } catch (error) {
      throw explained(error, name)
    }
  }
  return {
    name,
    use,
    run: (script, keys, words, wait) =>
      use(async client => {
        const rest = [`${keys.length}`, ...keys, ...words]
        try {
          return await send(client, 'evalsha', [script.sha, ...rest], wait)
        } catch (error) {
          if (!/^NOSCRIPT/.test(message(error))) throw error
          return send(client, 'eval', [script.lua, ...rest], wait)
        }
      }),
    pipeline: build => use(client => pipelined(client, build)),
    async close() {
      closed = true
      if (client.status === 'ready') await client.quit().catch(() => {})
      client.disconnect()
    },
  }
}

async function send(
  client: Redis | Cluster,
  command: 'evalsha' | 'eval',
  words: (string | Buffer)[],
  { replicas, timeoutMs }: ReplicaWait,
): Promise<unknown> {
  if (replicas === 0) return client.callBuffer(command, words)
  // Over one connection: WAIT waits for what its own connection wrote.
  const [done, waited] = await pipelined(client, each => each.callBuffer(command, words).wait(replicas, timeoutMs))
  const [failure, reached] = waited as [Error | null, number]
  if (failure !== null) throw failure
  if (reached < replicas)
    throw new Transient(`${reached} of ${replicas} replicas confirmed a write within ${timeoutMs} ms`)
  return done![1]
}

async function pipelined(
  client: Redis | Cluster,
  build: (pipeline: ChainableCommander) => ChainableCommander,
): Promise<readonly PipelineAnswer[]> {
  const answers = (await build(client.pipeline()).exec()) ?? []
  const failure = answers[0]?.[0] ?? null
  if (failure === null) return answers
  // ioredis follows a moved slot only where all commands of a pipeline failed alike.
  if (client instanceof Cluster && /^(MOVED|ASK) /.test(failure.message))
    await new Promise<void>(resolve => client.refreshSlotsCache(() => resolve()))
  throw failure
}

function connection(urls: readonly URL[], address: RedisAddress, timeoutMs: number): Redis | Cluster {
  const [first] = urls
  if (first === undefined) throw new TypeError('redis: no URL given')
  const username = address.username ?? decodeURIComponent(first.username)
  const password = address.password ?? decodeURIComponent(first.password)
  const tls = address.tls ?? (first.protocol === 'rediss:' ? {} : undefined)
  const retryStrategy = (times: number): number => Math.min(10 * 2 ** Math.min(times, 10), 1000)
  const shared: RedisOptions = {
    ...(username !== '' && { username }),
    ...(password !== '' && { password }),
    ...(tls !== undefined && { tls }),
    connectTimeout: timeoutMs,
    socketTimeout: timeoutMs, // a silent server is given up, connection and all, else TCP would wait for a quarter of an hour
    enableReadyCheck: false, // a server that loads says so when it is asked
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  }
  const hostOf = (url: URL) => ({ host: url.hostname, port: Number(url.port || 6379) })
  if (urls.length > 1)
    return new Cluster(urls.map(hostOf), {
      lazyConnect: true,
      redisOptions: shared,
      enableReadyCheck: false,
      maxRedirections: 4,
      slotsRefreshTimeout: timeoutMs,
      clusterRetryStrategy: retryStrategy,
    })
  return new Redis({
    ...shared,
    ...hostOf(first),
    db: Number(first.pathname.slice(1) || 0),
    lazyConnect: true,
    retryStrategy,
    reconnectOnError: error => /^READONLY/.test(error.message), // the name may lead to the promoted server by now
  })
}

/** Resolves once the client is connected, rejects with the first thing that goes wrong on the way. */
async function ready(client: Redis | Cluster, timeoutMs: number): Promise<void> {
  if (client.status === 'ready') return
  await new Promise<void>((resolve, reject) => {
    const settle = (settled: () => void): void => {
      clearTimeout(timer)
      client.off('ready', onReady).off('error', onError)
      settled()
    }
    const onReady = (): void => settle(resolve)
    const onError = (error: Error): void => settle(() => reject(error))
    const timer = setTimeout(onError, timeoutMs, new Error(`no connection within ${timeoutMs} ms`))
    client.on('ready', onReady).on('error', onError)
    if (client.status === 'wait') client.connect().catch(onError)
  })
}

/** Words Redis begins a refusal with that another try, or another server, may not. */
const passing =
  /(?:^|[-: ])(READONLY|OOM|LOADING|CLUSTERDOWN|MASTERDOWN|NOREPLICAS|MISCONF|TRYAGAIN|BUSY|MOVED|ASK|max number of clients)\b/
const refusing = /^(NOAUTH|WRONGPASS|NOPERM)\b/

function explained(error: unknown, name: string): unknown {
  const text = message(error)
  if (error instanceof Refused) return error
  if (error instanceof TypeError || error instanceof RangeError) return error
  if (refusing.test(text))
    return new Refused(`${name} refuses this user: ${text}. Give it a user that may read and write the prefix`, {
      cause: error,
    })
  if (error instanceof Error && error.name === 'ReplyError' && !passing.test(text)) return error
  return new Transient(`${name}: ${text}`, { cause: error })
}

function message(error: unknown): string {
  const { message, lastNodeError } = error as Error & { lastNodeError?: Error }
  return lastNodeError === undefined ? message : `${message} ${lastNodeError.message}`
}
