// One connection to a Redis or a Redis Cluster on which nothing waits for long: trouble is told at once, as `Transient`
// or `Refused`. Whatever is sent may be sent again, so ioredis may follow a moved slot.
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { Refused, Transient } from './ports.ts'
import type { Script } from './redis-scripts.ts'

export type RedisAddress = {
  /** `redis://host:port/db`, or `rediss://` for TLS; several are nodes of one Redis Cluster. */
  readonly url: string | readonly string[]
  /** Instead of those in the URL. */
  readonly username?: string
  readonly password?: string
  readonly tls?: NonNullable<RedisOptions['tls']>
  /** How long the server may be silent. */
  readonly timeoutMs?: number
}

export type RedisClient = {
  /** The client once it is connected; its failures pass through here. */
  use<T>(work: (client: Redis | Cluster) => Promise<T>): Promise<T>
  /** Runs a script and then waits until so many replicas have what it wrote. Replies are Buffers. */
  run(script: Script, keys: readonly string[], words: readonly (string | Buffer)[], wait: ReplicaWait): Promise<unknown>
  /** `use` on every server that holds data. */
  useEach(work: (server: Redis) => Promise<void>): Promise<void>
  close(): Promise<void>
}

export type ReplicaWait = { readonly replicas: number; readonly timeoutMs: number }

const defaultTimeoutMs = 5000

export function redisClient(address: RedisAddress): RedisClient {
  const urls = (typeof address.url === 'string' ? [address.url] : address.url).map(url => new URL(url))
  const name = `redis ${urls.map(url => url.host).join(', ')}`
  const timeoutMs = address.timeoutMs ?? defaultTimeoutMs
  const client = connection(urls, address, timeoutMs)
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
    useEach: work =>
      use(async () => {
        for (const server of client instanceof Cluster ? client.nodes('master') : [client]) await work(server)
      }),
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
  // In a pipeline both go over one connection: WAIT waits for what its own connection wrote.
  const answers = await client.pipeline().callBuffer(command, words).wait(replicas, timeoutMs).exec()
  const [[failure, reply], [waitFailure, reached]] = answers as [[Error | null, unknown], [Error | null, number]]
  if (failure !== null) {
    // ioredis does not follow a moved slot where WAIT itself succeeded.
    if (client instanceof Cluster && /^(MOVED|ASK) /.test(failure.message))
      await new Promise<void>(resolve => client.refreshSlotsCache(() => resolve()))
    throw failure
  }
  if (waitFailure !== null) throw waitFailure
  if (reached < replicas)
    throw new Transient(`${reached} of ${replicas} replicas confirmed a write within ${timeoutMs} ms`)
  return reply
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
  /(?:^|[-: ])(READONLY|OOM|LOADING|CLUSTERDOWN|MASTERDOWN|NOREPLICAS|MISCONF|TRYAGAIN|BUSY|MOVED|ASK|UNBLOCKED)\b/
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
