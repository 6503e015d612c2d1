import { describe, expect, test } from 'vitest'
import {
  type FoldGuards,
  type MemoryLog,
  memoryLog,
  memoryStore,
  type Reach,
  type Running,
  runFold,
  type Store,
  type StoreGuards,
} from '../src/index.ts'
import { type StoreMemory, storeMemory } from '../src/memory-store.ts'
import {
  type Accepted,
  accepting,
  appendNumbers,
  keys,
  naiveSums,
  numbersPath,
  type Sum,
  summing,
  updatesPath,
} from './line.ts'

const records = 40
const batchRecords = 6
const points = ['before-save', 'after-save', 'after-publish', 'before-commit', 'after-commit'] as const
type Guards = { readonly store?: StoreGuards; readonly fold?: FoldGuards }
type World = { readonly log: MemoryLog; readonly memory: StoreMemory; readonly guards: Guards }

const allOn: FoldGuards = { causes: true, saveFirst: true }

async function createWorld(guards: Guards = {}): Promise<World> {
  const log = memoryLog()
  await log.ensureTopics([numbersPath, updatesPath].map(name => ({ name, partitions: 1, kept: 'for-ever' as const })))
  await appendNumbers(log, records)
  return { log, memory: storeMemory(), guards }
}

const storeOf = (world: World): Store =>
  memoryStore({ memory: world.memory, ...(world.guards.store ? { guards: world.guards.store } : {}) })

/** `group` sets the consumer group apart: two owners that do not know of each other, as a zombie and its successor. */
const startSumming = (world: World, model: string, group: string, reach: Reach = () => {}): Promise<Running> =>
  runFold(summing(model), {
    log: world.log,
    store: storeOf(world),
    prefix: group,
    batchRecords,
    commitEveryMs: 0,
    reach,
    guards: world.guards.fold ?? allOn,
  })

const pause = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 1))

/** Waits until the fold has applied the whole of its input. */
async function caughtUp(world: World, fold: string, path: string): Promise<void> {
  const store = storeOf(world)
  for (let tries = 0; tries < 500; tries++) {
    const [bounds] = await world.log.bounds(path)
    const watermark = (await store.peekProgress(fold, 0))?.watermark ?? -1
    if (watermark + 1 === bounds!.next) return
    await pause()
  }
  throw new Error(`${fold} did not catch up`)
}

/** Everything wrong with what the line left behind, nothing when the guarantee held. */
async function violations(world: World): Promise<readonly string[]> {
  const found: string[] = []
  const stuck = await caughtUp(world, 'summing', numbersPath).then(
    () => null,
    (error: Error) => error.message,
  )
  if (stuck !== null) return [stuck]
  const reader = await runFold(accepting, { log: world.log, store: storeOf(world), guards: world.guards.fold ?? allOn })
  await caughtUp(world, 'accepting', updatesPath)
  await reader.stop()
  const naive = await naiveSums(world.log)
  const sums = (await storeOf(world).peek('summing', 0, keys)).map(
    bytes => JSON.parse(bytes?.toString() ?? '{}') as Partial<Sum>,
  )
  const accepted = (await storeOf(world).peek('accepting', 0, keys)).map(bytes =>
    bytes === null ? { ids: [], updates: [] } : (JSON.parse(bytes.toString()) as Accepted),
  )
  for (const [at, key] of keys.entries()) {
    const want = naive.get(key)!
    const sum = sums[at]!
    if (sum.sum !== want.sum || sum.count !== want.count)
      found.push(`state of ${key} is ${sum.sum}/${sum.count}, the naive fold says ${want.sum}/${want.count}`)
    const ids = accepted[at]!.ids
    if (new Set(ids).size !== ids.length) found.push(`${key} accepted an update twice`)
    if (ids.length !== want.count) found.push(`${key} accepted ${ids.length} updates, wanted ${want.count}`)
    for (const update of accepted[at]!.updates)
      if (sum.chain?.[update.count - 1] !== update.model)
        found.push(`${key} accepted model ${update.model}, its state was made by ${sum.chain?.[update.count - 1]}`)
  }
  const bytesOf = new Map<string, string>()
  for await (const batch of world.log.read(updatesPath, 0, 0))
    for (const message of batch) {
      const before = bytesOf.get(message.cause!)
      if (before !== undefined && before !== message.value!.toString())
        found.push(`two records under ${message.cause} differ`)
      bytesOf.set(message.cause!, message.value!.toString())
    }
  const progress = (await storeOf(world).peekProgress('summing', 0))!
  const consumed = [...progress.counts]
    .filter(([name]) => name === 'applied' || name.includes('/'))
    .reduce((sum, [, count]) => sum + count, 0)
  if (consumed !== records) found.push(`counts add up to ${consumed}, ${records} were read`)
  return found
}

class Crash extends Error {}

/** Throws, or waits for the gate, at the n-th time the point is reached. */
function at(point: string, nth: number, happen: () => void | Promise<void>): Reach {
  let left = nth
  return name => (name === point && --left === 0 ? happen() : undefined)
}

/** A place to freeze at. */
function createGate(): { wait(): Promise<void>; open(): void; readonly reached: Promise<void>; isReached(): boolean } {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  let isReached = false
  return {
    wait() {
      isReached = true
      reach()
      return opened
    },
    open,
    reached,
    isReached: () => isReached,
  }
}

/** Crashes the first owner at the point, then another model takes over. Null when the point was never reached. */
async function crashAt(point: string, nth: number, guards: Guards = {}): Promise<readonly string[] | null> {
  const world = await createWorld(guards)
  let crashed = false
  const first = await startSumming(
    world,
    'x',
    '',
    at(point, nth, () => {
      crashed = true
      throw new Crash()
    }),
  )
  await Promise.race([
    first.done.catch(() => {}),
    caughtUp(world, 'summing', numbersPath).then(() => first.stop().catch(() => {})),
  ])
  if (!crashed) return null
  const second = await startSumming(world, 'y', '')
  await caughtUp(world, 'summing', numbersPath).catch(() => {})
  await second.stop()
  return violations(world)
}

/** Freezes the first owner at the point while a second one finishes the work, then lets it go on. */
async function secondOwnerAt(point: string, nth: number, guards: Guards = {}): Promise<readonly string[] | null> {
  const world = await createWorld(guards)
  const gate = createGate()
  const first = await startSumming(world, 'x', '', at(point, nth, gate.wait))
  await Promise.race([caughtUp(world, 'summing', numbersPath).catch(() => {}), gate.reached])
  if (!gate.isReached()) {
    await first.stop()
    return null
  }
  const second = await startSumming(world, 'y', 'second-')
  await caughtUp(world, 'summing', numbersPath).catch(() => {})
  gate.open()
  await first.stop()
  await second.stop()
  return violations(world)
}

/** A copy of what the store holds, to fall back to as when a replica that lacks the tail is promoted. */
function photograph(memory: StoreMemory): () => void {
  const copy = [...memory].map(
    ([name, held]) =>
      [
        name,
        { ...held, states: new Map(held.states), causes: new Map(held.causes), counts: new Map(held.counts) },
      ] as const,
  )
  return () => {
    for (const [name, was] of copy) Object.assign(memory.get(name)!, was)
  }
}

/** The store loses the `lost` saves after the n-th one, under a running owner. */
async function failoverAfter(nth: number, lost: number, guards: Guards = {}): Promise<readonly string[]> {
  const world = await createWorld(guards)
  let saves = 0
  let fallBack = (): void => {}
  const owner = await startSumming(world, 'x', '', point => {
    if (point !== 'after-save') return
    saves++
    if (saves === nth) fallBack = photograph(world.memory)
    if (saves === nth + lost) fallBack()
  })
  await Promise.race([owner.done.catch(() => {}), caughtUp(world, 'summing', numbersPath).catch(() => {})])
  await owner.stop()
  return violations(world)
}

/**
 * A failover, then a second owner who reaches the watermark of the first with other states; the first goes on. Answers
 * the models under which the records between the two watermarks stand in the states: one, when one owner won them.
 */
async function lineagesAfterFailover(guards: Guards = {}): Promise<readonly string[]> {
  const world = await createWorld(guards)
  let fallBack = (): void => {}
  const [early, late] = [createGate(), createGate()]
  let saves = 0
  const first = await startSumming(world, 'x', '', point => {
    if (point === 'after-save' && ++saves === 2) fallBack = photograph(world.memory)
    return point === 'before-save' && saves === 3 ? early.wait() : undefined
  })
  await early.reached
  fallBack()
  const second = await startSumming(world, 'y', 'second-', at('after-save', 1, late.wait))
  await late.reached
  early.open()
  for (let turn = 0; turn < 50; turn++) await pause()
  late.open()
  await caughtUp(world, 'summing', numbersPath)
  await first.stop()
  await second.stop()
  const sums = new Map(
    (await storeOf(world).peek('summing', 0, keys)).map((bytes, index) => [
      keys[index]! as string,
      JSON.parse(bytes!.toString()) as Sum,
    ]),
  )
  const models = new Set<string>()
  const seen = new Map<string, number>()
  for await (const batch of world.log.read(numbersPath, 0, 0))
    for (const { key, offset } of batch) {
      const nth = seen.get(key!) ?? 0
      seen.set(key!, nth + 1)
      if (offset >= 2 * batchRecords && offset < 3 * batchRecords) models.add(sums.get(key!)!.chain[nth]!)
    }
  return [...models]
}

describe('in one process over memory, the same states and the same accepted records', () => {
  for (const point of points) {
    test(`after a crash at every ${point}`, async () => {
      let reached = 0
      for (let nth = 1; ; nth++) {
        const found = await crashAt(point, nth)
        if (found === null) break
        reached++
        expect(found, `${point} number ${nth}`).toEqual([])
      }
      expect(reached).toBeGreaterThanOrEqual(Math.floor(records / batchRecords))
    })

    test(`with a second owner at every ${point}`, async () => {
      for (let nth = 1; nth <= 6; nth++) expect(await secondOwnerAt(point, nth), `${point} number ${nth}`).toEqual([])
    })
  }

  test('with one lineage of states when a second owner follows a failover', async () => {
    expect(await lineagesAfterFailover()).toEqual(['y'])
  })

  test('after a failover that lost the last saves', async () => {
    for (let nth = 1; nth < 6; nth++) expect(await failoverAfter(nth, 1), `after save ${nth}`).toEqual([])
  })
})

/** The same scenarios with one guard off; each must be seen by the same checker at least once. */
describe('negative controls', () => {
  const everywhere = async (
    scenario: (point: string, nth: number, guards: Guards) => Promise<readonly string[] | null>,
    guards: Guards,
  ): Promise<readonly string[]> => {
    const found: string[] = []
    for (const point of ['before-save', 'after-save', 'after-publish'])
      for (let nth = 1; nth <= 4; nth++) found.push(...((await scenario(point, nth, guards)) ?? []))
    return found
  }

  test('without the cause check a crash makes the reader accept twice', async () => {
    expect((await everywhere(crashAt, { fold: { causes: false, saveFirst: true } })).join()).toMatch(
      /accepted an update twice/,
    )
  })

  test('without saving first a crash leaves two records that differ under one id', async () => {
    expect((await everywhere(crashAt, { fold: { causes: true, saveFirst: false } })).join()).toMatch(/differ/)
  })

  test('without compare a second owner is overwritten', async () => {
    expect((await everywhere(secondOwnerAt, { store: { compare: false, epoch: true } })).length).toBeGreaterThan(0)
  })

  test('without the epoch two owners mix their states after a failover', async () => {
    expect((await lineagesAfterFailover({ store: { compare: true, epoch: false } })).length).toBeGreaterThan(1)
  })

  test('without compare a failover loses what was applied', async () => {
    const found: string[] = []
    for (let nth = 1; nth < 6; nth++)
      found.push(...(await failoverAfter(nth, 1, { store: { compare: false, epoch: true } })))
    expect(found.join()).toMatch(/the naive fold says/)
  })
})
