import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import {
  type Handler,
  keptIn,
  type Log,
  memoryLog,
  memoryStore,
  Refused,
  type Running,
  run,
  type Store,
  skip,
  Transient,
} from '../src/index.ts'
import { type NumberAdded, numbers, numbersPath, updates, updatesPath } from './line.ts'

const commitEveryMs = 40
const copying: Handler<NumberAdded> = {
  name: 'copying',
  inputs: [numbers],
  outputs: [updates as never],
  handle: ({ key, value }) =>
    value.by < 0
      ? skip('negative')
      : { kind: 'done', emit: [{ topic: 'feature-updates', key: key!, value: value as never }] },
}

type World = { readonly log: Log; readonly store: Store; add(): Promise<void>; run(log?: Log): Promise<Running> }

async function world(): Promise<World> {
  const log = memoryLog()
  const store = memoryStore()
  await log.ensureTopics([numbersPath, updatesPath].map(name => ({ name, partitions: 1, kept: 'for-ever' as const })))
  return {
    log,
    store,
    add: () => log.append(numbersPath, 0, [{ key: 'a', value: Buffer.from('{"by":1}') }]),
    run: (through = log) => run(copying, { log: through, store, commitEveryMs }),
  }
}

const progress = async ({ store }: World) => {
  const saved = await store.peekProgress('copying.customer-events@1', 0)
  return { read: (saved?.watermark ?? -1) + 1, counted: saved?.counts.get('applied') ?? 0 }
}
const published = async ({ log }: World): Promise<number> => (await log.bounds(updatesPath))[0]!.next

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    if (await holds()) return
    await sleep(1)
  }
  throw new Error('it did not come to hold')
}

test('progress follows when nothing more comes, and counts what was read', async () => {
  const line = await world()
  const running = await line.run()
  for (let n = 1; n <= 3; n++) {
    await line.add()
    await until(async () => (await published(line)) === n)
  }
  await until(async () => (await progress(line)).read === 3)
  expect(await progress(line)).toEqual({ read: 3, counted: 3 })
  await running.stop()
})

test('what a batch that failed had counted is not saved by a commit that waited behind it', async () => {
  const line = await world()
  let appends = 0
  const failing: Log = {
    ...line.log,
    async append(topic, partition, records) {
      if (++appends === 3) {
        await sleep(2 * commitEveryMs)
        throw new Refused('nobody knows what was written')
      }
      return line.log.append(topic, partition, records)
    },
  }
  const running = await line.run(failing)
  for (let n = 1; n <= 2; n++) {
    await line.add()
    await until(async () => (await published(line)) === n)
  }
  await line.add()
  await expect(running.done).rejects.toThrow('nobody knows')
  await sleep(commitEveryMs)
  const { read, counted } = await progress(line)
  expect(counted).toBe(read)
  const again = await line.run()
  await until(async () => (await progress(line)).read === 3)
  expect(await progress(line)).toEqual({ read: 3, counted: 3 })
  await again.stop()
})

test('a commit that fails between two batches ends the run as one within a batch does', async () => {
  const line = await world()
  const broken: Store = {
    ...line.store,
    async open(fold, partition) {
      const lane = await line.store.open(fold, partition)
      return {
        ...lane,
        save: change => (change.to === 1 ? Promise.reject(new Error('a bug')) : lane.save(change)),
      }
    },
  }
  const running = await run(copying, { log: line.log, store: broken, commitEveryMs })
  for (let n = 1; n <= 2; n++) {
    await line.add()
    await until(async () => (await published(line)) === n)
  }
  await expect(running.done).rejects.toThrow('a bug')
  expect((await running.health()).problem).toBe('a bug')
})

test('what was handled by the time it stopped is saved, and nothing is handled after that', async () => {
  const line = await world()
  const slow: Store = {
    ...line.store,
    async open(fold, partition) {
      const lane = await line.store.open(fold, partition)
      return { ...lane, save: change => sleep(10).then(() => lane.save(change)) }
    },
  }
  const running = await run(copying, { log: line.log, store: slow, commitEveryMs })
  const adding = (async () => {
    for (let n = 0; n < 60; n++) {
      await line.add()
      await sleep(1)
    }
  })()
  await sleep(25)
  await running.stop()
  const sent = await published(line)
  expect(await progress(line)).toEqual({ read: sent, counted: sent })
  await adding
  expect(await published(line)).toBe(sent)
})

test('a watermark that fell behind the committed offset is saved again once it is there', async () => {
  const line = await world()
  for (let n = 0; n < 3; n++) await line.add()
  const first = await line.run()
  await until(async () => (await progress(line)).read === 3)
  await first.stop()
  await line.store.forget('copying.customer-events@1', 0)
  const lane = await line.store.open('copying.customer-events@1', 0)
  const lost = { from: null, states: [], causes: new Map(), due: [], outbox: null }
  await lane.save({ ...lost, to: 1, counts: new Map([['applied', 2]]) })
  const second = await line.run()
  await until(async () => (await published(line)) === 4)
  await until(async () => (await progress(line)).read === 3)
  expect(await progress(line)).toEqual({ read: 3, counted: 3 })
  await second.stop()
})

test('a partition that a late owner took away is nobody’s trouble until it is taken again', async () => {
  const line = await world()
  const options = { log: line.log, store: line.store, commitEveryMs: 0, sessionTimeoutMs: 100 }
  const running = await run(copying, options)
  await line.add()
  await until(async () => (await progress(line)).read === 1)
  const late = await line.store.open('copying.customer-events@1', 0)
  await line.add()
  await until(() => running.owned().length === 0)
  expect(await running.health()).toEqual({ ok: true, lanes: [], problem: null })
  await until(async () => (await progress(line)).read === 2)
  expect(await progress(line)).toEqual({ read: 2, counted: 2 })
  expect(running.owned()).toEqual([`${numbersPath}/0`])
  const lost = { from: 0, to: 1, states: [], causes: new Map(), counts: new Map(), due: [], outbox: null }
  expect(await late.save(lost)).toBe('fenced')
  await running.stop()
})

test('a partition that is revoked while the store is away does not end the run', async () => {
  const log = memoryLog()
  await log.ensureTopics([
    { name: numbersPath, partitions: 2, kept: 'for-ever' },
    { name: updatesPath, partitions: 1, kept: 'for-ever' },
  ])
  const store = memoryStore()
  let isAway = true
  const away: Store = {
    ...store,
    open: (fold, partition) =>
      isAway ? Promise.reject(new Transient('the store is away')) : store.open(fold, partition),
  }
  const first = await run(copying, { log, store: away })
  const second = await run(copying, { log, store: away })
  isAway = false
  for (const partition of [0, 1])
    await log.append(numbersPath, partition, [{ key: 'a', value: Buffer.from('{"by":1}') }])
  await until(async () => (await log.bounds(updatesPath))[0]!.next === 2)
  expect((await first.health()).problem ?? (await second.health()).problem).toBe(null)
  await Promise.all([first.stop(), second.stop()])
  await expect(first.done).resolves.toBe(undefined)
})

test('what a handler keeps counts each record once, though its process dies between publishing and saving', async () => {
  const line = await world()
  const { fold, key } = keptIn('copying', 'customer-events')
  const states = { encode: (sum: number) => Buffer.from(`${sum}`), decode: (bytes: Buffer) => Number(bytes) }
  const counting: Handler<NumberAdded, number> = {
    ...copying,
    keeps: { states, empty: 0, add: (sum, { value }) => sum + value.by },
  }
  const kept = async () => Number((await line.store.peek(fold, 0, [key]))[0])
  for (let n = 1; n <= 5; n++) await line.add()
  // Dies for good before its first save: what it counted is lost with its progress, and counted by the next.
  const reach = (point: string) => {
    if (point === 'after-publish') throw new Error('killed')
  }
  const dying = await run(counting, { log: line.log, store: line.store, commitEveryMs, reach })
  await expect(dying.done).rejects.toThrow('killed')
  await dying.stop().catch(() => {})
  expect(await published(line)).toBeGreaterThan(0)
  expect(await kept()).toBe(0)
  const running = await run(counting, { log: line.log, store: line.store, commitEveryMs })
  await until(async () => (await kept()) === 5)
  await running.stop()
  const again = await run(counting, { log: line.log, store: line.store, commitEveryMs })
  await line.add()
  await until(async () => (await kept()) === 6)
  await again.stop()
  expect((await progress(line)).counted).toBe(6)
})
