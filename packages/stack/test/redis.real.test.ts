// Real Redis servers. Without them these tests fail; they are never skipped.
import { Cluster, Redis } from 'ioredis'
import { afterEach, expect, it } from 'vitest'
import { type ExtraRedis, startFaultProxy, startRedis, startRedisCluster } from '../src/index.ts'
import { isFree } from '../src/ports.ts'

const coldMs = 120_000
const closing: (() => Promise<unknown> | unknown)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function server(
  options: Parameters<typeof startRedis>[0] = {},
): Promise<{ readonly server: ExtraRedis; readonly client: Redis }> {
  const started = await startRedis(options)
  closing.push(() => started.stop())
  return { server: started, client: clientOf(started) }
}

function clientOf({ url }: ExtraRedis): Redis {
  const client = new Redis(url, { maxRetriesPerRequest: 50 })
  client.on('error', () => {})
  closing.push(() => client.disconnect())
  return client
}

it(
  'three nodes form one cluster that serves every slot',
  async () => {
    const formed = await startRedisCluster(3)
    closing.push(() => formed.stop())
    const cluster = new Cluster([...formed.nodes])
    closing.push(() => cluster.disconnect())
    const names = Array.from({ length: 300 }, (_, i) => `os:{fold:${i}}:state`)
    await Promise.all(names.map(name => cluster.set(name, name)))
    expect(await Promise.all(names.map(name => cluster.get(name)))).toEqual(names)
    const shares = await Promise.all(cluster.nodes('master').map(node => node.dbsize()))
    expect(shares).toHaveLength(3)
    expect(Math.min(...shares)).toBeGreaterThan(0)
  },
  coldMs,
)

it(
  'nothing listens after a cluster was stopped',
  async () => {
    const formed = await startRedisCluster(3)
    await formed.stop()
    expect(await Promise.all(formed.nodes.map(({ port }) => isFree(port)))).toEqual([true, true, true])
  },
  coldMs,
)

it(
  'a killed server comes back on its port, with its data only when it persists',
  async () => {
    const [kept, lost] = await Promise.all([server({ persist: true }), server()])
    for (const { client, server } of [kept, lost]) {
      await client.set('state', 'here')
      await server.kill('SIGKILL')
      await server.restart()
    }
    expect(await kept.client.get('state')).toBe('here')
    expect(await lost.client.get('state')).toBe(null)
  },
  coldMs,
)

it(
  'a replica has what its master had, and takes over without what its cut line kept from it',
  async () => {
    const master = await server()
    await master.client.set('state', 'early')
    const line = await startFaultProxy(master.server.port)
    closing.push(() => line.close())
    const replica = await server({ replicaOf: line })
    expect(await replica.client.get('state')).toBe('early')
    await expect(replica.client.set('state', 'mine')).rejects.toThrow('READONLY')

    line.cut()
    expect(await master.client.set('state', 'late')).toBe('OK')
    await master.server.kill('SIGKILL')
    await replica.client.replicaof('NO', 'ONE')
    expect(await replica.client.get('state')).toBe('early')
    expect(await replica.client.set('state', 'mine')).toBe('OK')
  },
  coldMs,
)

it(
  'settings reach the server, and without eviction it refuses what it cannot hold',
  async () => {
    const { client } = await server({ settings: { maxmemory: '3mb' } })
    const fill = async () => {
      for (let i = 0; i < 64; i++) await client.set(`blob-${i}`, 'x'.repeat(100_000))
    }
    await expect(fill()).rejects.toThrow('OOM')
  },
  coldMs,
)
