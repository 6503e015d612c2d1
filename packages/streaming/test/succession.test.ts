import { describe, expect, test } from 'vitest'
import {
  type MemoryLog,
  memoryLog,
  memoryStore,
  type Reach,
  type Running,
  runFold,
  runSuccessor,
  type Store,
  type SuccessionOptions,
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
  type Updated,
  updatesPath,
} from './line.ts'

/** Half of the records are there when the successor begins, half come while it works. */
const records = 48
const role = 'summing'
const fold = (model: string) => ({ ...summing(model), name: `summing-${model}`, role })
const ours = ['before-save', 'after-save', 'after-publish', 'before-commit', 'after-commit']
const between = ['before-retire', 'after-retire', 'before-appoint', 'after-appoint']

type World = {
  readonly log: MemoryLog
  readonly memory: StoreMemory
  readonly store: Store
  readonly notices: string[]
  readonly running: Running[]
}

async function createWorld(): Promise<World> {
  const log = memoryLog()
  await log.ensureTopics([numbersPath, updatesPath].map(name => ({ name, partitions: 1, kept: 'for-ever' as const })))
  const memory = storeMemory()
  return { log, memory, store: memoryStore({ memory }), notices: [], running: [] }
}

const pause = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 1))
const watermark = async (world: World, name: string): Promise<number> =>
  (await world.store.peekProgress(name, 0))?.watermark ?? -1
async function reaches(world: World, name: string, offset: number): Promise<void> {
  for (let tries = 0; (await watermark(world, name)) < offset; tries++) {
    if (tries > 800) throw new Error(`${name} is at ${await watermark(world, name)}, wanted ${offset}`)
    await pause()
  }
}

/** Group and connection of its own, so that two of the same fold compete as a zombie and its successor do. */
const options = (world: World, group: string, reach: Reach = () => {}) => ({
  log: world.log,
  store: memoryStore({ memory: world.memory }),
  prefix: group,
  batchRecords: 4,
  commitEveryMs: 0,
  reach,
  notice: (line: string) => world.notices.push(line),
})
async function serve(world: World, model: string, group = '', reach?: Reach): Promise<Running> {
  const running = await runFold(fold(model), options(world, group, reach))
  running.done.catch(() => {})
  world.running.push(running)
  return running
}
async function succeed(
  world: World,
  model: string,
  more: Partial<SuccessionOptions> = {},
  group = '',
  reach?: Reach,
): Promise<Running> {
  const running = await runSuccessor(fold(model), { ...options(world, group, reach), reachRecords: 0, ...more })
  running.done.catch(() => {})
  world.running.push(running)
  return running
}

/** A line at work: the old fold has applied what there is, and more comes from now on, a few records at a time. */
async function lineAtWork(reach?: Reach): Promise<{ world: World; old: Running; comes: Promise<void> }> {
  const world = await createWorld()
  await appendNumbers(world.log, records / 2)
  const old = await serve(world, 'x', '', reach)
  await Promise.race([reaches(world, 'summing-x', records / 2 - 1), old.done.catch(() => {})])
  const comes = (async () => {
    for (let at = records / 2; at < records; at += 3) {
      await appendNumbers(world.log, 3, at)
      await pause()
    }
  })()
  return { world, old, comes }
}

async function published(world: World): Promise<readonly Updated[]> {
  const found: Updated[] = []
  for await (const batch of world.log.read(updatesPath, 0, 0))
    for (const { value } of batch) found.push(JSON.parse(value!.toString()))
  return found
}

/** Everything wrong with what a line whose fold `model` has the role at last left behind. */
async function violations(world: World, model: string): Promise<readonly string[]> {
  await reaches(world, `summing-${model}`, records - 1)
  await pause()
  for (const each of world.running) await each.stop().catch(() => {})
  const found: string[] = []
  const reader = await runFold(accepting, { log: world.log, store: world.store })
  const [bounds] = await world.log.bounds(updatesPath)
  await reaches(world, 'accepting', bounds!.next - 1)
  await reader.stop()
  const naive = await naiveSums(world.log)
  const sums = await world.store.peek(`summing-${model}`, 0, keys)
  const accepted = await world.store.peek('accepting', 0, keys)
  for (const [at, key] of keys.entries()) {
    const want = naive.get(key) ?? { sum: 0, count: 0 }
    const sum = JSON.parse(sums[at]?.toString() ?? '{"sum":0,"count":0}') as Sum
    if (sum.sum !== want.sum || sum.count !== want.count) found.push(`the state of ${key} is not the naive fold's`)
    const updates = (JSON.parse(accepted[at]?.toString() ?? '{"updates":[]}') as Accepted).updates
    if (updates.some((update, nth) => update.count !== nth + 1)) found.push(`${key} accepted out of order or twice`)
    if (updates.length !== want.count) found.push(`${key} accepted ${updates.length} updates, wanted ${want.count}`)
  }
  const models = new Map<string, string>()
  for (const { id, model } of await published(world)) {
    if ((models.get(id) ?? model) !== model) found.push(`${id} was published by both`)
    models.set(id, model)
  }
  if (models.size !== records) found.push(`${models.size} updates were published, wanted ${records}`)
  return found
}

class Crash extends Error {}
/** Does something at the n-th time a point is reached; `was` tells whether it came to that. */
function at(point: string, nth: number, happen: () => void | Promise<void>): { reach: Reach; was(): boolean } {
  let left = nth
  let was = false
  return {
    reach(name) {
      if (name !== point || --left !== 0) return undefined
      was = true
      return happen()
    },
    was: () => was,
  }
}
const crash = (): never => {
  throw new Crash()
}
function createGate() {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  return {
    reached,
    open,
    wait: () => {
      reach()
      return opened
    },
  }
}

for (const reachRecords of [0, 2000])
  describe(`a fold that succeeds another while the line goes on, ${reachRecords} records behind it at most`, () => {
    test('builds its states in silence, takes over, and each update is published once', async () => {
      const { world, comes } = await lineAtWork()
      await succeed(world, 'y', { reachRecords })
      await comes
      expect(await violations(world, 'y')).toEqual([])
      // What the old fold left may come twice, under the same id.
      const byId = new Map((await published(world)).map(({ id, model }) => [id, model]))
      const models = [...byId.values()].join('')
      expect(models).toMatch(/^x{24,}y*$/)
      const incumbent = (await world.store.incumbent(role, 0))!
      expect(incumbent).toMatchObject({ fold: 'summing-y', publishesAfter: models.lastIndexOf('x'), term: 2 })
      expect(world.notices.join()).toMatch(/summing-y took over from summing-x/)
    })

    for (const point of [...ours, ...between])
      test(`crashed at every ${point} and begun again`, async () => {
        let reached = 0
        for (let nth = 1; ; nth++) {
          const { world, comes } = await lineAtWork()
          const crashing = at(point, nth, crash)
          const first = await succeed(world, 'y', { reachRecords }, '', crashing.reach)
          await Promise.race([first.done.catch(() => {}), comes.then(() => reaches(world, 'summing-y', records - 1))])
          if (!crashing.was()) {
            expect(await violations(world, 'y')).toEqual([])
            break
          }
          reached++
          await succeed(world, 'y', { reachRecords })
          await comes
          expect(await violations(world, 'y'), `${point} number ${nth}`).toEqual([])
        }
        expect(reached).toBeGreaterThan(0)
      })

    for (const point of [...ours, ...between])
      test(`frozen at ${point} while a second successor does the work, then thawed`, async () => {
        for (const nth of between.includes(point) ? [1] : [1, 3, 6]) {
          const { world, comes } = await lineAtWork()
          const gate = createGate()
          await succeed(world, 'y', { reachRecords }, '', at(point, nth, gate.wait).reach)
          await Promise.race([gate.reached, comes.then(() => reaches(world, 'summing-y', records - 1))])
          await succeed(world, 'y', { reachRecords }, 'second-')
          await comes
          await reaches(world, 'summing-y', records - 1)
          gate.open()
          expect(await violations(world, 'y'), `${point} number ${nth}`).toEqual([])
        }
      })

    for (const point of ours)
      test(`where the old fold crashed at ${point}, leaving what it had to publish`, async () => {
        for (let nth = 1; nth <= 9; nth++) {
          const { world, comes } = await lineAtWork(at(point, nth, crash).reach)
          await succeed(world, 'y', { reachRecords })
          await comes
          expect(await violations(world, 'y'), `${point} number ${nth}`).toEqual([])
        }
      })

    for (const point of ours)
      test(`where the old fold froze at ${point} and thaws after it was succeeded`, async () => {
        for (let nth = 7; nth <= 9; nth++) {
          const gate = createGate()
          const { world, comes } = await lineAtWork(at(point, nth, gate.wait).reach)
          await succeed(world, 'y', { reachRecords })
          await comes
          await reaches(world, 'summing-y', records - 1)
          gate.open()
          expect(await violations(world, 'y'), `${point} number ${nth}`).toEqual([])
        }
      })
  })

describe('after a succession', () => {
  const succeeded = async () => {
    const { world, comes } = await lineAtWork()
    await succeed(world, 'y')
    await comes
    await reaches(world, 'summing-y', records - 1)
    for (const each of world.running.splice(0)) await each.stop().catch(() => {})
    return world
  }

  test('a service of the old version does nothing and says why', async () => {
    const world = await succeeded()
    const before = (await published(world)).length
    await serve(world, 'x')
    await appendNumbers(world.log, 3, records)
    for (let turn = 0; turn < 20; turn++) await pause()
    expect((await published(world)).length).toBe(before)
    expect(world.notices.at(-1)).toMatch(/summing-y took over for good; a service of this version has no more to do/)
  })

  test('a service of the new version goes on where the rebuild ended', async () => {
    const world = await succeeded()
    await serve(world, 'y')
    expect(await violations(world, 'y')).toEqual([])
  })

  test('the old fold can come back the same way', async () => {
    const { world, comes } = await lineAtWork()
    const second = await succeed(world, 'y')
    await reaches(world, 'summing-y', records / 2 + 3)
    await succeed(world, 'x', {}, 'back-')
    await comes
    await reaches(world, 'summing-x', records - 1)
    expect((await world.store.incumbent(role, 0))!.fold).toBe('summing-x')
    await second.stop()
    expect(await violations(world, 'x')).toEqual([])
    expect((await published(world)).map(({ model }) => model).join('')).toMatch(/^x+y+x+$/)
  })

  test('a succession that stops between retirement and appointment is taken back, and begins anew when it goes on', async () => {
    const { world, comes } = await lineAtWork()
    const gate = createGate()
    await succeed(world, 'y', {}, '', at('before-appoint', 1, gate.wait).reach)
    await gate.reached
    await succeed(world, 'x', {}, 'back-')
    await comes
    await reaches(world, 'summing-x', records - 1)
    expect((await world.store.incumbent(role, 0))!).toMatchObject({ fold: 'summing-x', publishesAfter: -1, term: 2 })
    gate.open()
    expect(await violations(world, 'y')).toEqual([])
    expect((await world.store.incumbent(role, 0))!).toMatchObject({ fold: 'summing-y', term: 3 })
  })
})

test('a successor that stood still before its first step leaves alone what another has built', async () => {
  const { world, comes } = await lineAtWork()
  const gate = createGate()
  const store: Store = {
    ...world.store,
    forget: async (...given) => {
      await gate.wait()
      return world.store.forget(...given)
    },
  }
  await succeed(world, 'y', { store })
  await gate.reached
  await succeed(world, 'y', {}, 'second-')
  await comes
  await reaches(world, 'summing-y', records - 1)
  gate.open()
  expect(await violations(world, 'y')).toEqual([])
})

describe('refused by name', () => {
  test('a service of a version whose states nobody built', async () => {
    const { world, comes } = await lineAtWork()
    const early = await serve(world, 'y')
    await expect(early.done).rejects.toThrow(
      /served by summing-x, and this version's summing-y has not taken over: run `offerstream rebuild --fold summing`/,
    )
    await comes
    expect(await violations(world, 'x')).toEqual([])
  })
})

describe('a fold that lost its states', () => {
  const lost = async (more: Partial<SuccessionOptions> = {}) => {
    const { world, old, comes } = await lineAtWork()
    await comes
    await reaches(world, 'summing-x', records - 1)
    await old.stop()
    world.memory.clear()
    const refused = await serve(world, 'x')
    await expect(refused.done).rejects.toThrow(/its states are lost. Run `offerstream rebuild`/)
    world.running.length = 0
    await succeed(world, 'x', more)
    return world
  }

  test('folds them again and publishes nothing that its group had committed', async () => {
    const world = await lost()
    expect(await violations(world, 'x')).toEqual([])
    expect((await published(world)).length).toBe(records)
  })

  test('begins anew in a topic that was recreated, and in silence what is there already', async () => {
    const { world, old, comes } = await lineAtWork()
    await comes
    await reaches(world, 'summing-x', records - 1)
    await old.stop()
    world.log.deleteTopic(numbersPath)
    await world.log.ensureTopics([{ name: numbersPath, partitions: 1, kept: 'for-ever' }])
    await appendNumbers(world.log, 6)
    const refused = await serve(world, 'x')
    await expect(refused.done).rejects.toThrow(/recreated or truncated. Run `offerstream rebuild`/)
    const before = (await published(world)).length
    await succeed(world, 'x')
    await reaches(world, 'summing-x', 5)
    expect(await published(world)).toHaveLength(before)
    await appendNumbers(world.log, 3, 6)
    await reaches(world, 'summing-x', 8)
    await pause()
    for (const each of world.running) await each.stop().catch(() => {})
    expect(await published(world)).toHaveLength(before + 3)
    const naive = await naiveSums(world.log)
    const sums = await world.store.peek('summing-x', 0, [...naive.keys()])
    expect(sums.map(bytes => JSON.parse(bytes!.toString()).sum)).toEqual([...naive.values()].map(({ sum }) => sum))
  })

  test('builds on what is left of a topic that was cut, and says so', async () => {
    const { world, old, comes } = await lineAtWork()
    await comes
    await reaches(world, 'summing-x', records - 1)
    await old.stop()
    await world.store.forget('summing-x', 0)
    world.log.deleteBefore(numbersPath, 0, 20)
    await succeed(world, 'x')
    await reaches(world, 'summing-x', records - 1)
    for (const each of world.running) await each.stop().catch(() => {})
    expect((await world.store.peekProgress('summing-x', 0))!.counts.get('applied')).toBe(records - 20)
    expect(world.notices.join()).toMatch(/begins at offset 20: what came before is not in the states/)
  })

  test('is filled from elsewhere, and reads on from there', async () => {
    const full = await lineAtWork()
    await full.comes
    await reaches(full.world, 'summing-x', records - 1)
    const world = await lost({
      async seed(lane) {
        const rows: (readonly [string, Buffer])[] = []
        const taken = await full.world.store.capture('summing-x', 0, page => {
          for (const [key, state] of page) rows.push([key, state!])
        })
        const { watermark, causes, counts } = taken!
        const saved = { from: null, to: watermark, states: rows, causes, counts, due: [], outbox: null }
        return (await lane.save(saved)) === 'saved'
      },
    })
    for (const each of full.world.running) await each.stop()
    expect(await violations(world, 'x')).toEqual([])
    // Its counts are those of the fold it was filled from: it read nothing again.
    expect((await world.store.peekProgress('summing-x', 0))!.counts.get('applied')).toBe(records)
  })
})

describe('negative controls', () => {
  test('without shutting the old fold out, updates come from both', async () => {
    const found: string[] = []
    for (let round = 0; round < 5; round++) {
      const { world, comes } = await lineAtWork()
      await succeed(world, 'y', { retires: false })
      await comes
      found.push(...(await violations(world, 'y')))
    }
    expect(found.join()).toMatch(/was published by both/)
  })

  test('without publishing what the old fold left, updates are lost', async () => {
    const { world, comes } = await lineAtWork(at('after-save', 6, crash).reach)
    await succeed(world, 'y', {
      store: {
        ...world.store,
        retire: async (...given) => ({ ...(await world.store.retire(...given)), outbox: null }),
      },
    })
    await comes
    expect((await violations(world, 'y')).join()).toMatch(/updates were published, wanted 48/)
  })
})
