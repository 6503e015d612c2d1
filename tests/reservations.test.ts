import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ExtraRedis, type RedisCluster, startRedis, startRedisCluster } from '@offerstream/stack'
import { redisStore, type Store } from '@offerstream/streaming'
import { afterAll, expect, test } from 'vitest'
import { reservationsConformance } from '../packages/streaming/test/reservations-conformance.ts'

const servers: (ExtraRedis | RedisCluster)[] = []
const stores: Store[] = []
const connectTo = (url: string | readonly string[]) => () => {
  const store = redisStore({ url })
  stores.push(store)
  return store.reservations
}
afterAll(async () => {
  for (const store of stores) await store.close()
  for (const server of servers) await server.stop()
})

reservationsConformance('in one Redis', async () => {
  const redis = await startRedis()
  servers.push(redis)
  return connectTo(redis.url)
})

reservationsConformance('in a Redis Cluster of three nodes', async () => {
  const cluster = await startRedisCluster(3)
  servers.push(cluster)
  return connectTo(cluster.nodes.map(node => `redis://${node.host}:${node.port}`))
})

test('processes that compete for the last units, some of them killed while they hold some, sell each unit once', async () => {
  const redis = await startRedis()
  servers.push(redis)
  const reservations = connectTo(redis.url)()
  const limit = 200
  const lapseMs = 1500
  const sell = (name: string, diesAfter: number) =>
    new Promise<{ readonly sold: string[]; readonly killed: boolean }>(resolve => {
      const program = join(import.meta.dirname, 'reserving-process.ts')
      const words = [redis.url, 'stock/last', limit, lapseMs, name, diesAfter].map(String)
      const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
      let output = ''
      child.stdout.on('data', data => {
        output += data
      })
      child.on('close', (_code, signal) =>
        resolve({ sold: output.split('\n').filter(line => line !== ''), killed: signal === 'SIGKILL' }),
      )
    })
  // Those that are to die begin first, or the others may have sold out before they hold anything.
  const dying = [5, 20].map((dies, index) => sell(`d${index}`, dies))
  await sleep(300)
  const first = await Promise.all([...dying, sell('p0', 0), sell('p1', 0)])
  expect(first.filter(each => each.killed).length).toBeGreaterThan(0)
  const { held, kept } = await reservations.totals('stock/last')
  expect(held + kept).toBeLessThanOrEqual(limit)
  await sleep(lapseMs + 100)
  expect((await reservations.totals('stock/last')).held).toBe(0)
  const rest = await sell('rest', 0)
  const sold = [...first, rest].flatMap(each => each.sold)
  expect(new Set(sold).size).toBe(limit)
  expect(sold.length).toBe(limit)
  expect(await reservations.totals('stock/last')).toEqual({ held: 0, kept: limit })
})
