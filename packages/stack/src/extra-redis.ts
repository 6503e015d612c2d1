// Redis servers beside the stack's own, for tests: to kill, to fail over to, to form a cluster.
import { setTimeout as sleep } from 'node:timers/promises'
import { openScratch } from './instance.ts'
import { freePorts } from './ports.ts'
import { downloadsFolder } from './prerequisites.ts'
import { redisInfo, withRedis } from './probe.ts'
import type { Child, Children } from './process.ts'
import { redisProgram, redisUrl, startRedisServer } from './redis.ts'
import { type StackOptions, withDefaults } from './settings.ts'

export type RedisOptions = Omit<StackOptions, 'fresh'> & {
  readonly replicaOf?: { readonly port: number } // a server, or a fault proxy before it; ready once the first copy is complete
  readonly persist?: boolean // keep an append-only file, so that restart() finds what was written; not by default
  readonly settings?: Readonly<Record<string, string>> // by their names in redis.conf
}

export type ExtraRedis = {
  readonly url: string
  readonly port: number
  /** Resolves when it is gone, at once for SIGSTOP and SIGCONT. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Starts it again on its port after a kill; empty unless it persists. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export type RedisCluster = {
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  kill(index: number, signal: NodeJS.Signals): Promise<void>
  stop(): Promise<void>
}

let servers = 0

/** One more server, new and empty. */
export async function startRedis(options: RedisOptions = {}): Promise<ExtraRedis> {
  const instance = options.instance ?? `redis-${process.pid}-${++servers}`
  const group = await openGroup({ ...options, instance })
  try {
    const [port] = await freePorts(1)
    const settings = {
      ...(options.replicaOf ? { replicaof: `127.0.0.1 ${options.replicaOf.port}` } : {}),
      ...options.settings,
    }
    const server = { name: 'redis', port: port!, persist: options.persist ?? false, settings }
    const start = () => startRedisServer(group.program, server, group.children)
    let child: Child = await start()
    if (options.replicaOf) await untilInSync(redisUrl(port!))
    return {
      url: redisUrl(port!),
      port: port!,
      kill: signal => kill(child, signal),
      async restart() {
        if (child.alive()) throw new Error(`the Redis on port ${port} still runs: kill it before it is restarted`)
        child = await start()
      },
      stop: group.close,
    }
  } catch (error) {
    await group.close()
    throw error
  }
}

/** A Redis Cluster of masters without replicas, the slots shared out evenly. */
export async function startRedisCluster(
  count: number,
  options: Omit<StackOptions, 'fresh'> = {},
): Promise<RedisCluster> {
  const group = await openGroup({
    ...options,
    instance: options.instance ?? `redis-cluster-${process.pid}-${++servers}`,
  })
  try {
    const ports = await freePorts(2 * count)
    const nodes = ports.slice(0, count).map((port, index) => ({ port, busPort: ports[count + index]! }))
    const started = await Promise.all(
      nodes.map(({ port, busPort }, index) => {
        const settings = { 'cluster-enabled': 'yes', 'cluster-port': `${busPort}`, 'cluster-node-timeout': '2000' }
        return startRedisServer(
          group.program,
          { name: `node-${index + 1}`, port, persist: false, settings },
          group.children,
        )
      }),
    )
    await Promise.all(nodes.map(({ port }, index) => giveSlots(port, index, count)))
    const [first, ...others] = nodes
    await withRedis(redisUrl(first!.port), 3_000, async client => {
      for (const { port, busPort } of others) await client.call('CLUSTER', 'MEET', '127.0.0.1', `${port}`, `${busPort}`)
    })
    await Promise.all(nodes.map(({ port }) => untilWhole(port, count)))
    return {
      nodes: nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
      async kill(index, signal) {
        const child = started[index]
        if (child === undefined) throw new Error(`there is no node ${index}: they are counted from 0 to ${count - 1}`)
        await kill(child, signal)
      },
      stop: group.close,
    }
  } catch (error) {
    await group.close()
    throw error
  }
}

type Group = { readonly program: string; readonly children: Children; close(): Promise<void> }

async function openGroup(options: StackOptions): Promise<Group> {
  const settings = withDefaults(options)
  const { children, close } = await openScratch(settings)
  try {
    const downloads = { folder: downloadsFolder(settings.directory), ...settings }
    return { program: await redisProgram(children, downloads), children, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function kill(child: Child, signal: NodeJS.Signals): Promise<void> {
  child.signal(signal)
  if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await child.ended
}

async function giveSlots(port: number, index: number, count: number): Promise<void> {
  const slots = 16_384
  const from = Math.floor((index * slots) / count)
  const to = Math.floor(((index + 1) * slots) / count) - 1
  await withRedis(redisUrl(port), 3_000, client => client.call('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`))
}

function untilWhole(port: number, count: number): Promise<void> {
  return until(`the Redis Cluster node on port ${port} to see all ${count} nodes and slots`, () =>
    withRedis(redisUrl(port), 3_000, async client => {
      const info = String(await client.call('CLUSTER', 'INFO'))
      return (
        info.includes('cluster_state:ok') &&
        info.includes(`cluster_known_nodes:${count}\r`) &&
        info.includes(`cluster_size:${count}\r`)
      )
    }),
  )
}

function untilInSync(url: string): Promise<void> {
  return until(
    `the replica at ${url} to be in sync`,
    async () => (await redisInfo(url, 'replication')).get('master_link_status') === 'up',
  )
}

async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`)
    await sleep(50)
  }
}
