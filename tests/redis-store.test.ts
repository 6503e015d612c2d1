import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ExtraRedis, freePorts, startFaultProxy, startRedis, startRedisCluster } from '@offerstream/stack'
import { type Change, Refused, redisStore, type Store, type StoreGuards, Transient } from '@offerstream/streaming'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { storeConformance } from '../packages/streaming/test/store-conformance.ts'

const cleanups: (() => Promise<unknown>)[] = []
const stopAll = async (): Promise<void> => {
  while (cleanups.length > 0) await cleanups.pop()!()
}

const servers: { stop(): Promise<void> }[] = []
afterAll(async () => {
  for (const server of servers) await server.stop()
})

storeConformance('a store in one Redis', async () => {
  const redis = await startRedis()
  servers.push(redis)
  return guards => redisStore({ url: redis.url, ...(guards && { guards }) })
})

storeConformance('a store in a Redis Cluster of three nodes', async () => {
  const cluster = await startRedisCluster(3)
  servers.push(cluster)
  const url = cluster.nodes.map(node => `redis://${node.host}:${node.port}`)
  return guards => redisStore({ url, ...(guards && { guards }) })
})

describe('a store in Redis', () => {
  afterEach(stopAll, 60_000)

  test('keeps a partition on one node of a cluster, and spreads the partitions', async () => {
    const cluster = await startRedisCluster(3)
    cleanups.push(() => cluster.stop())
    const store = opened({ url: cluster.nodes.map(node => `redis://${node.host}:${node.port}`), replicas: 0 })
    for (let partition = 0; partition < 12; partition++) {
      const lane = await store.open('spread', partition)
      await lane.save(change(null, 1, { states: [['a', bytes('a')]], due: [['a', 1]], outbox: bytes('o') }))
    }
    const homes = new Map<string, Set<number>>()
    for (const { port } of cluster.nodes)
      for (const [, tag] of (await command(port, 'KEYS *')).matchAll(/os:(\{spread:\d+\})/g))
        homes.set(tag!, (homes.get(tag!) ?? new Set()).add(port))
    expect(homes.size).toBe(12)
    expect([...homes.values()].every(ports => ports.size === 1)).toBe(true)
    expect(new Set([...homes.values()].flatMap(ports => [...ports])).size).toBe(3)
  })

  test('follows its partition to another node of the cluster, and never splits it on the way', async () => {
    const cluster = await startRedisCluster(2)
    cleanups.push(() => cluster.stop())
    const store = opened({ url: cluster.nodes.map(node => `redis://${node.host}:${node.port}`) })
    const lane = await store.open('moved', 0)
    await lane.save(change(null, 1, { states: [['a', bytes('1')]], counts: new Map([['applied', 1]]) }))

    const ports = cluster.nodes.map(node => node.port)
    const keysAt = async (port: number) => (await command(port, 'KEYS *')).match(/os:\{\S+/g) ?? []
    const [from, to] = (await keysAt(ports[0]!)).length > 0 ? [ports[0]!, ports[1]!] : [ports[1]!, ports[0]!]
    const slot = /:(\d+)/.exec(await command(from, 'CLUSTER KEYSLOT {moved:0}'))![1]
    const [fromId, toId] = await Promise.all(
      [from, to].map(async port => /[0-9a-f]{40}/.exec(await command(port, 'CLUSTER MYID'))![0]),
    )
    await command(to, `CLUSTER SETSLOT ${slot} IMPORTING ${fromId}`)
    await command(from, `CLUSTER SETSLOT ${slot} MIGRATING ${toId}`)
    const next = change(1, 2, { states: [['b', bytes('2')]], outbox: bytes('o') })
    const [, ...rest] = await keysAt(from)
    await command(from, `MIGRATE 127.0.0.1 ${to} "" 0 1000 KEYS ${rest.join(' ')}`)
    await expect(lane.save(next)).rejects.toBeInstanceOf(Transient)
    expect((await keysAt(from)).length + (await keysAt(to)).length).toBe(rest.length + 1)

    await command(from, `MIGRATE 127.0.0.1 ${to} "" 0 1000 KEYS ${(await keysAt(from)).join(' ')}`)
    for (const port of [to, from]) await command(port, `CLUSTER SETSLOT ${slot} NODE ${toId}`)
    expect(await patiently(() => lane.save(next))).toBe('saved')
    expect(await keysAt(from)).toEqual([])
    expect((await lane.load(['a', 'b'])).map(String)).toEqual(['1', '2'])
    expect((await store.open('moved', 0)).outbox).toEqual(bytes('o'))
  })

  test('says that it cannot reach Redis, where, and at once', async () => {
    const [port] = await freePorts(1)
    const began = performance.now()
    await expect(opened({ url: `redis://127.0.0.1:${port}` }).open('f', 0)).rejects.toThrow(
      new RegExp(`redis 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED`),
    )
    await expect(
      opened({ url: [`redis://127.0.0.1:${port}`, `redis://localhost:${port}`] }).open('f', 0),
    ).rejects.toBeInstanceOf(Transient)
    expect(performance.now() - began).toBeLessThan(2_000)
  })

  test('calls the death of a node of the cluster a passing trouble', async () => {
    const cluster = await startRedisCluster(3)
    cleanups.push(() => cluster.stop())
    const store = opened({ url: cluster.nodes.map(node => `redis://${node.host}:${node.port}`), timeoutMs: 2_000 })
    const lanes = await Promise.all(Array.from({ length: 9 }, (_, partition) => store.open('dying', partition)))
    await cluster.kill(0, 'SIGKILL')
    const answers = await Promise.allSettled(lanes.map(lane => lane.save(change(null, 1))))
    const failures = answers.filter(answer => answer.status === 'rejected').map(answer => answer.reason)
    expect(failures.length).toBeGreaterThan(0)
    for (const failure of failures) expect(failure).toBeInstanceOf(Transient)
  })

  test('goes on with the same lane when Redis comes back', async () => {
    const redis = await start({ persist: true, settings: { appendfsync: 'always' } })
    const lane = await opened({ url: redis.url }).open('f', 0)
    await lane.save(change(null, 1, { states: [['a', bytes('1')]] }))
    await redis.kill('SIGKILL')
    await expect(lane.save(change(1, 2))).rejects.toBeInstanceOf(Transient)
    await expect(lane.load(['a'])).rejects.toBeInstanceOf(Transient)
    await redis.restart()
    expect(await patiently(() => lane.save(change(1, 2, { states: [['a', bytes('2')]] })))).toBe('saved')
    expect(await lane.load(['a'])).toEqual([bytes('2')])
  })

  test('tells an owner that its data is gone', async () => {
    const redis = await start()
    const lane = await opened({ url: redis.url }).open('f', 0)
    await lane.save(change(null, null, { states: [['a', bytes('1')]] }))
    await command(redis.port, 'FLUSHALL')
    expect(await lane.save(change(null, 1))).toBe('rewound')
  })

  test('does not wait for ever for a server that hangs', async () => {
    const redis = await start()
    const lane = await opened({ url: redis.url, timeoutMs: 300 }).open('f', 0)
    await lane.save(change(null, 1))
    await redis.kill('SIGSTOP')
    const began = performance.now()
    await expect(lane.save(change(1, 2, { counts: new Map([['applied', 1]]) }))).rejects.toBeInstanceOf(Transient)
    expect(performance.now() - began).toBeLessThan(2_000)
    await redis.kill('SIGCONT')
    // The frozen server may have run the first try by now; the second is the same save.
    expect(await patiently(() => lane.save(change(1, 2, { counts: new Map([['applied', 1]]) })))).toBe('saved')
  })

  test('loads its scripts again where Redis forgot them', async () => {
    const redis = await start()
    const lane = await opened({ url: redis.url }).open('f', 0)
    await lane.save(change(null, 1))
    await command(redis.port, 'SCRIPT FLUSH')
    expect(await lane.save(change(1, 2))).toBe('saved')
  })

  describe('a save whose answer was lost', () => {
    const lost = change(1, 2, { states: [['a', bytes('2')]], counts: new Map([['applied', 2]]), outbox: bytes('o') })

    /** A lane whose save was done in Redis and cut off on its way back. */
    const cutOff = async () => {
      const redis = await start()
      const proxy = await startFaultProxy(redis.port)
      cleanups.push(() => proxy.close())
      const lane = await opened({ url: `redis://127.0.0.1:${proxy.port}` }).open('f', 0)
      const direct = opened({ url: redis.url })
      await lane.save(change(null, 1))
      proxy.delay(150)
      const failure = expect(lane.save(lost)).rejects.toBeInstanceOf(Transient)
      while ((await direct.peekProgress('f', 0))?.watermark !== 2) await sleep(5)
      proxy.reset()
      await failure
      proxy.delay(0)
      return { lane, direct }
    }

    test('counts as done when it is given again', async () => {
      const { lane, direct } = await cutOff()
      expect(await patiently(() => lane.save({ ...lost }))).toBe('saved')
      expect(await lane.save(change(2, 3))).toBe('saved')
      expect(await direct.peek('f', 0, ['a'])).toEqual([bytes('2')])
    })

    test('does not pass for another one', async () => {
      const { lane } = await cutOff()
      const other = { ...lost, states: [['a', bytes('other')]] as const }
      expect(await patiently(() => lane.save(other))).toBe('rewound')
    })

    test('is fenced when another owner came in between', async () => {
      const { lane, direct } = await cutOff()
      expect((await direct.open('f', 0)).outbox).toEqual(bytes('o'))
      expect(await patiently(() => lane.save(lost))).toBe('fenced')
    })
  })

  describe('with replicas', () => {
    test('a save waits for them, and is given again until they have it', async () => {
      const { master, replica } = await pair()
      const proxy = await startFaultProxy(master.port)
      cleanups.push(() => proxy.close())
      const store = opened({ url: `redis://127.0.0.1:${proxy.port}`, replicas: 1, replicaTimeoutMs: 200 })
      const lane = await patiently(() => store.open('f', 0))
      const first = change(null, 1, { states: [['a', bytes('1')]] })
      expect(await patiently(() => lane.save(first))).toBe('saved')
      expect(await opened({ url: replica.url }).peek('f', 0, ['a'])).toEqual([bytes('1')])

      await replica.kill('SIGSTOP')
      const next = change(1, 2, { states: [['a', bytes('2')]] })
      const unconfirmed = '0 of 1 replicas confirmed a write within 200 ms'
      await expect(lane.save(next)).rejects.toThrow(unconfirmed)
      await expect(lane.save(next)).rejects.toThrow(unconfirmed)
      proxy.reset() // a new connection has written nothing yet, so nothing to wait for, unless the repetition writes
      while ((await failureOf(lane.load(['a']))) !== null) await sleep(20)
      await expect(lane.save(next)).rejects.toThrow(unconfirmed)
      await expect(store.open('f', 1)).rejects.toBeInstanceOf(Transient)
      await replica.kill('SIGCONT')
      expect(await patiently(() => lane.save(next))).toBe('saved')
      expect(await patiently(() => lane.save(change(2, 3)))).toBe('saved')
      expect((await opened({ url: replica.url }).peekProgress('f', 0))?.watermark).toBe(3)
    })

    test('a master without any refuses to call a save done', async () => {
      const redis = await start()
      await expect(opened({ url: redis.url, replicas: 1, replicaTimeoutMs: 50 }).open('f', 0)).rejects.toBeInstanceOf(
        Transient,
      )
    })

    /** A lane that saved twice; the second save never left the master, and the replica has taken over. */
    const failedOver = async (second: Change, guards?: StoreGuards) => {
      const { master, replica } = await pair()
      const address = await switchboard(master.port)
      const store = opened({ url: `redis://127.0.0.1:${address.port}`, ...(guards && { guards }) })
      const lane = await store.open('f', 0)
      await lane.save(change(null, 1, { states: [['a', bytes('1')]], counts: new Map([['applied', 1]]) }))
      await synced(master.port, replica.port)
      await command(replica.port, 'REPLICAOF NO ONE')
      expect(await lane.save(second)).toBe('saved')
      await master.kill('SIGKILL')
      address.to(replica.port)
      return { store, lane }
    }
    const second = change(1, 2, { states: [['a', bytes('2')]], counts: new Map([['applied', 2]]), outbox: bytes('o') })

    test('after a failover that lost a save, the watermark is as old as the states', async () => {
      const { store, lane } = await failedOver(second)
      expect(await patiently(() => lane.save(change(2, 3, { states: [['a', bytes('3')]] })))).toBe('rewound')
      const next = await store.open('f', 0)
      expect(next).toMatchObject({ watermark: 1, outbox: null })
      expect(next.counts).toEqual(new Map([['applied', 1]]))
      expect(await next.load(['a'])).toEqual([bytes('1')])
      expect(await next.save(second)).toBe('saved')
    })

    test('a lost save that left the watermark in place is noticed too', async () => {
      const still = change(1, 1, { states: [['a', bytes('2')]] })
      const { lane } = await failedOver(still)
      expect(await patiently(() => lane.save(change(1, 2)))).toBe('rewound')

      const control = await failedOver(still, { compare: true, epoch: false })
      expect(await patiently(() => control.lane.save(change(1, 2)))).toBe('saved')
    })

    test('an owner whose epoch a failover lost is shut out', async () => {
      const { master, replica } = await pair()
      const address = await switchboard(master.port)
      const store = opened({ url: `redis://127.0.0.1:${address.port}` })
      await (await store.open('f', 0)).save(change(null, 1))
      await synced(master.port, replica.port)
      await command(replica.port, 'REPLICAOF NO ONE')
      const lostOwner = await store.open('f', 0)
      await master.kill('SIGKILL')
      address.to(replica.port)
      expect(await patiently(() => lostOwner.save(change(1, 2)))).toBe('rewound')
      const owner = await store.open('f', 0)
      expect(owner.epoch).not.toBe(lostOwner.epoch)
      expect(await lostOwner.save(change(1, 2))).not.toBe('saved')
      expect(await owner.save(change(1, 2))).toBe('saved')
    })

    test('a server that became a replica is a passing trouble', async () => {
      const { replica } = await pair()
      await expect(opened({ url: replica.url }).open('f', 0)).rejects.toThrow(/READONLY/)
      await expect(opened({ url: replica.url }).open('f', 0)).rejects.toBeInstanceOf(Transient)
    })
  })

  describe('that is short of memory', () => {
    test('saves nothing at all, and says why', async () => {
      const redis = await start()
      const lane = await opened({ url: redis.url }).open('f', 0)
      await lane.save(change(null, 1, { states: [['a', bytes('1')]], due: [['a', 5]] }))
      await command(redis.port, 'CONFIG SET maxmemory 1')
      const next = change(1, 2, { states: [['b', Buffer.alloc(1_000)]], due: [['a', null]], outbox: bytes('o') })
      await expect(lane.save(next)).rejects.toThrow(/OOM/)
      await expect(lane.save(next)).rejects.toBeInstanceOf(Transient)
      await command(redis.port, 'CONFIG SET maxmemory 0')
      expect((await lane.load(['a', 'b'])).map(String)).toEqual(['1', 'null'])
      expect(await lane.due(9, 9)).toEqual([{ key: 'a', at: 5 }])
      expect(await lane.save(next)).toBe('saved')
    })

    test('and would evict states is refused, with the setting and the fix named', async () => {
      const redis = await start({ settings: { 'maxmemory-policy': 'allkeys-lru' } })
      const opening = opened({ url: redis.url }).open('f', 0)
      await expect(opening).rejects.toBeInstanceOf(Refused)
      await expect(opening).rejects.toThrow(/maxmemory-policy allkeys-lru.*CONFIG SET maxmemory-policy noeviction/)
    })

    test('is asked by CONFIG where INFO is forbidden, and the other way round', async () => {
      const redis = await start()
      const url = `redis://plain:secret@127.0.0.1:${redis.port}`
      await command(redis.port, 'ACL SETUSER plain on >secret ~os:* +@all -info')
      expect((await opened({ url }).open('f', 0)).watermark).toBeNull()
      await command(redis.port, 'ACL SETUSER plain +info -config')
      expect((await opened({ url }).open('f', 0)).watermark).toBeNull()
      await command(redis.port, 'CONFIG SET maxmemory-policy volatile-ttl')
      await expect(opened({ url }).open('f', 0)).rejects.toThrow(/volatile-ttl/)
      await command(redis.port, 'ACL SETUSER plain -info')
      await expect(opened({ url }).open('f', 0)).rejects.toThrow(/Allow the user \+info/)
    })
  })

  test('that does not know the user is refused, and the password is not told', async () => {
    const redis = await start()
    await command(redis.port, 'CONFIG SET requirepass right')
    expect((await opened({ url: redis.url, password: 'right' }).open('f', 0)).watermark).toBeNull()
    for (const options of [{ password: 'wrong-word' }, {}]) {
      const opening = opened({ url: redis.url, ...options }).open('f', 0)
      await expect(opening).rejects.toBeInstanceOf(Refused)
      await expect(opening).rejects.not.toThrow(/wrong-word/)
    }
  })

  test('refuses a due moment that is no number before anything is written', async () => {
    const redis = await start()
    const lane = await opened({ url: redis.url }).open('f', 0)
    await expect(lane.save(change(null, 1, { states: [['a', bytes('1')]], due: [['a', Number.NaN]] }))).rejects.toThrow(
      TypeError,
    )
    expect(await lane.load(['a'])).toEqual([null])
    expect(await lane.save(change(null, 1))).toBe('saved')
  })
})

const bytes = (text: string): Buffer => Buffer.from(text)

const change = (from: number | null, to: number | null, more: Partial<Change> = {}): Change => ({
  from,
  to,
  states: [],
  causes: new Map(),
  counts: new Map(),
  due: [],
  outbox: null,
  ...more,
})

function opened(options: Parameters<typeof redisStore>[0]): Store {
  const store = redisStore(options)
  cleanups.push(() => store.close())
  return store
}

async function start(options: Parameters<typeof startRedis>[0] = {}): Promise<ExtraRedis> {
  const redis = await startRedis(options)
  cleanups.push(() => redis.stop())
  return redis
}

async function pair(): Promise<{ master: ExtraRedis; replica: ExtraRedis }> {
  const master = await start({ settings: { 'repl-diskless-sync-delay': '0' } })
  return { master, replica: await start({ replicaOf: master }) }
}

/** Sends one command as a line and answers what came back, raw. */
function command(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let reply = ''
    socket.on('error', reject)
    socket.on('data', data => {
      reply += data
    })
    socket.on('close', () => resolve(reply))
    socket.write(`${line}\r\nQUIT\r\n`)
  })
}

async function synced(master: number, replica: number): Promise<void> {
  const offset = async (port: number) => /master_repl_offset:(\d+)/.exec(await command(port, 'INFO replication'))?.[1]
  while ((await offset(master)) !== (await offset(replica))) await sleep(10)
}

/** An address that leads to another server from one moment on, as a failover's does. */
async function switchboard(first: number): Promise<{ port: number; to(port: number): void }> {
  let target = first
  const lines = new Set<Socket>()
  const server = createServer(near => {
    const far = connect(target, '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      lines.add(socket)
      socket.pipe(other)
      socket.on('error', () => other.destroy())
      socket.on('close', () => other.destroy())
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const line of lines) line.destroy()
    lines.clear()
  }
  cleanups.push(async () => {
    cut()
    server.close()
  })
  return {
    port: (server.address() as { port: number }).port,
    to(port) {
      target = port
      cut()
    },
  }
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    error => error,
  )

/** Tries again while the world is unwell, as a runner does. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 10_000
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Transient) || performance.now() > deadline) throw error
      await sleep(20)
    }
  }
}
