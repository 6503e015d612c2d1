// States kept on disk and built anew, over a whole line in this process.
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeExport } from '@offerstream/evaluation'
import { updaterName } from '@offerstream/feature-updater'
import { scorerName } from '@offerstream/offer-scorer'
import { demoPromotions } from '@offerstream/ranker'
import { createWorld, customerRecords, events, playbookRecords } from '@offerstream/simulator'
import { startStack } from '@offerstream/stack'
import { ensureTopics, type MemoryLog, openTopic, type Store, type Surroundings } from '@offerstream/streaming'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLine } from '../src/line.ts'
import { createOutput } from '../src/output.ts'
import { type RebuildOptions, rebuild } from '../src/rebuild.ts'
import { openSnapshot, takeSnapshot } from '../src/snapshot.ts'
import { createSourceWriter, sourceTopicOf } from '../src/source-writer.ts'
import { surroundingsOf } from '../src/surroundings.ts'

const models = join(import.meta.dirname, '..', '..', '..', 'models')
const partitions = 3
const prefix = 'states.'
const start = Date.UTC(2026, 2, 2, 9)
const output = createOutput(true)
const never = new AbortController().signal

let line: Surroundings
let out: string

/** A morning of two hundred customers through intake, updater and scorer; everything is read by the end. */
beforeAll(async () => {
  out = mkdtempSync(join(tmpdir(), 'snapshots-'))
  let now = start
  const stack = await startStack('embedded')
  line = surroundingsOf(stack, { prefix, partitions, clock: { now: () => now } })
  await ensureTopics(line.log, { prefix, partitions, sources: true })
  const world = createWorld({ seed: 11, customers: 200, start, preset: 'lively', activity: 12 })
  const playbook = await openTopic(line.registry, 'playbook', prefix)
  const records = [...playbookRecords(world), ...(await demoPromotions(models)).map(body => ({ at: start, body }))]
  await line.log.append(
    playbook.path,
    0,
    records.map(record => ({ key: record.body.name, value: playbook.codec.encode(record) })),
  )
  const running = await startLine(line, { models, stack, services: ['intake', 'feature-updater', 'offer-scorer'] })
  const writer = await createSourceWriter(line)
  for (const profile of customerRecords(world)) await writer.write('customers', profile, now)
  for (let hour = 0; hour < 4; hour++) {
    now += 60 * 60 * 1000
    for (const event of events(world, world.state.at, now)) await writer.write(sourceTopicOf(event), event, now)
    await writer.flush()
    expect(await running.drained(30_000)).toBe(true)
  }
  await running.stop()
}, 60_000)

afterAll(() => rmSync(out, { recursive: true, force: true }))

const all = [0, 1, 2]
/** Every state of a fold, as text by key, with its partition's watermark. */
async function statesOf(store: Store, fold: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const partition of all) {
    found.set(`watermark ${partition}`, `${(await store.peekProgress(fold, partition))!.watermark}`)
    for await (const page of store.each(fold, partition))
      for (const [key, state] of page) found.set(key, state.toString('base64'))
  }
  return new Map([...found].sort())
}

async function idsOf(topic: 'feature-updates' | 'decisions'): Promise<readonly string[]> {
  const opened = await openTopic(line.registry, topic, prefix)
  const ids: string[] = []
  for (const partition of all)
    for await (const messages of line.log.read(opened.path, partition, 0))
      for (const { value } of messages) ids.push(opened.codec.decode(value!).id)
  return ids
}

const build = (more: Partial<RebuildOptions> = {}, surroundings = line) =>
  rebuild(surroundings, { of: 'feature-updater', again: false, leave: false, signal: never, ...more }, output)

const snapshot = (of: 'feature-updater' | 'offer-scorer', dir = out) =>
  takeSnapshot(line, { of, out: dir, signal: never }, output)

describe('a snapshot', () => {
  test('holds every state, and a fold begins from it', async () => {
    for (const [of, fold] of [
      ['feature-updater', updaterName],
      ['offer-scorer', scorerName],
    ] as const) {
      const taken = await snapshot(of)
      expect(taken).toMatchObject({ fold, complete: true })
      const manifest = JSON.parse(readFileSync(join(taken.dir, 'manifest.json'), 'utf8'))
      expect(manifest).toMatchObject({ fold, partitions, complete: true })
      for (const [partition, { watermark }] of manifest.taken.entries())
        expect(watermark).toBe((await line.store.peekProgress(fold, partition))!.watermark)
      const before = await statesOf(line.store, fold)
      expect(taken.customers).toBe(before.size - partitions)
      expect(taken.customers).toBeGreaterThan(25)

      const published = (await idsOf('feature-updates')).length
      const rebuilt = await build({ of, again: true, fromSnapshot: out })
      expect(rebuilt).toMatchObject({ fold, customers: taken.customers, events: 0, complete: true, tookOverFrom: null })
      expect(await statesOf(line.store, fold)).toEqual(before)
      expect((await idsOf('feature-updates')).length).toBe(published)
    }
  })

  test('that was interrupted goes on with what is missing', async () => {
    const dir = mkdtempSync(join(out, 'interrupted-'))
    const stopping = new AbortController()
    let captures = 0
    const store: Store = {
      ...line.store,
      capture: (...given) => {
        captures++
        stopping.abort()
        return line.store.capture(...given)
      },
    }
    const first = await takeSnapshot(
      { store, partitions },
      { of: 'feature-updater', out: dir, signal: stopping.signal },
      output,
    )
    expect(first.complete).toBe(false)
    const bounds = await line.log.bounds(`${prefix}customer-events`)
    await expect(openSnapshot(dir, 'feature-updater', bounds)).rejects.toThrow(/it was interrupted/)
    const second = await snapshot('feature-updater', dir)
    expect(second).toMatchObject({ complete: true, dir: first.dir })
    expect(captures).toBe(1)
    expect((await openSnapshot(dir, 'feature-updater', bounds)).dir).toBe(first.dir)
  })

  test('that was cut, changed or is of something else is refused by name', async () => {
    const dir = mkdtempSync(join(out, 'damaged-'))
    const bounds = await line.log.bounds(`${prefix}customer-events`)
    await expect(openSnapshot(dir, 'feature-updater', bounds)).rejects.toThrow(
      /holds no snapshot: `offerstream snapshot/,
    )
    const taken = await snapshot('feature-updater', dir)
    const file = join(taken.dir, readdirSync(taken.dir).find(name => name === '1.states')!)
    const bytes = readFileSync(file)
    truncateSync(file, bytes.length - 100)
    await expect(build({ fromSnapshot: dir })).rejects.toThrow(
      new RegExp(`1\\.states is cut: it has ${bytes.length - 100} of ${bytes.length} bytes`),
    )
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(file, bytes)
    await expect(build({ fromSnapshot: dir })).rejects.toThrow(/1\.states is not the file that was written/)
    await expect(openSnapshot(dir, 'offer-scorer', bounds)).rejects.toThrow(`it is of ${updaterName}`)
    const short = bounds.map(({ first }) => ({ first, next: 1 }))
    await expect(openSnapshot(dir, 'feature-updater', short)).rejects.toThrow(/ends at 1, before its watermark/)
  })
})

describe('a rebuild', () => {
  test('of the scorer folds its decisions into the histories it had', async () => {
    const before = await statesOf(line.store, scorerName)
    const decisions = await idsOf('decisions')
    expect(decisions.length).toBeGreaterThan(50)
    const rebuilt = await build({ of: 'offer-scorer', again: true })
    expect(rebuilt).toMatchObject({ fold: scorerName, events: new Set(decisions).size, complete: true })
    expect(await statesOf(line.store, scorerName)).toEqual(before)
    // Once more there is nothing to do.
    expect((await build({ of: 'offer-scorer' })).events).toBe(0)
    expect(await statesOf(line.store, scorerName)).toEqual(before)
  })

  test('of the scorer takes the place of a version with states of another shape, which is refused until then', async () => {
    const before = await statesOf(line.store, scorerName)
    const stack = await startStack('embedded')
    // The same log in a line whose scorer was of another version.
    const around = { ...surroundingsOf(stack, { prefix, partitions }), log: line.log, registry: line.registry }
    for (const partition of all) {
      await around.store.appoint('offer-scorer', partition, null, { fold: 'scorer-old', publishesAfter: -1, term: 3 })
      const old = await around.store.open('scorer-old', partition)
      const to = (await line.store.peekProgress(scorerName, partition))!.watermark
      const states = [['c', Buffer.from('of another shape')]] as const
      await old.save({ from: null, to, states, causes: new Map(), counts: new Map(), due: [], outbox: null })
    }
    const refused = await startLine(around, { models, stack, services: ['offer-scorer'] })
    await expect(refused.done).rejects.toThrow(/served by scorer-old.*`offerstream rebuild --fold offer-scorer`/)
    await refused.stop()

    const rebuilt = await build({ of: 'offer-scorer' }, around)
    expect(rebuilt).toMatchObject({ fold: scorerName, complete: true, tookOverFrom: 'scorer-old' })
    const keep = (states: ReadonlyMap<string, string>) => [...states]
    expect(keep(await statesOf(around.store, scorerName))).toEqual(keep(before))
    for (const partition of all) {
      expect((await around.store.incumbent('offer-scorer', partition))!.fold).toBe(scorerName)
      const late = await around.store.open('scorer-old', partition)
      const change = { from: late.watermark, to: 10 ** 6, states: [], causes: new Map(), counts: new Map(), due: [] }
      expect(await late.save({ ...change, outbox: null })).toBe('fenced')
    }
    const running = await startLine(around, { models, stack, services: ['offer-scorer'] })
    expect(await running.drained(10_000)).toBe(true)
    await running.stop()
    expect(keep(await statesOf(around.store, scorerName))).toEqual(keep(before))
  })

  test('of lost states folds the journal again and publishes nothing of it', async () => {
    const before = await statesOf(line.store, updaterName)
    const published = await idsOf('feature-updates')
    const rebuilt = await build({ again: true })
    const events = (await line.log.bounds(`${prefix}customer-events`)).reduce((sum, { next }) => sum + next, 0)
    expect(rebuilt).toMatchObject({ fold: updaterName, events, complete: true })
    expect(rebuilt.customers).toBe(before.size - partitions)
    expect(await statesOf(line.store, updaterName)).toEqual(before)
    expect(await idsOf('feature-updates')).toEqual(published)
  })

  test('beside another version takes over, and publishes nothing twice', async () => {
    const updates = await idsOf('feature-updates')
    const stack = await startStack('embedded')
    // The same journal in a line whose updater is of another version.
    const around = { ...surroundingsOf(stack, { prefix, partitions }), log: line.log, registry: line.registry }
    for (const partition of all) {
      const old = { fold: 'updater-old', publishesAfter: -1, term: 9 }
      await around.store.appoint('feature-updater', partition, null, old)
      const lane = await around.store.open('updater-old', partition)
      const to = (await line.log.bounds(`${prefix}customer-events`))[partition]!.next - 1
      await lane.save({ from: null, to, states: [], causes: new Map(), counts: new Map(), due: [], outbox: null })
    }
    const before = await statesOf(line.store, updaterName)
    const rebuilt = await build({ leave: true }, { ...around, prefix })
    expect(rebuilt).toMatchObject({ tookOverFrom: 'updater-old', complete: true, customers: before.size - partitions })
    expect(await statesOf(around.store, updaterName)).toEqual(before)
    expect(await idsOf('feature-updates')).toEqual(updates)
    for (const partition of all)
      expect(await around.store.incumbent('feature-updater', partition)).toMatchObject({ fold: updaterName, term: 10 })
  })

  // The last: it cuts the journal.
  test('takes from an export what the journal does not hold any more', async () => {
    const before = await statesOf(line.store, updaterName)
    const dir = join(out, 'export')
    await writeExport(line, { dir, from: null, to: null })
    const journal = `${prefix}customer-events`
    for (const [partition, { next }] of (await line.log.bounds(journal)).entries())
      (line.log as MemoryLog).deleteBefore(journal, partition, Math.floor(next / 2))
    const rebuilt = await build({ again: true, fromExport: dir })
    expect(rebuilt.complete).toBe(true)
    expect(await statesOf(line.store, updaterName)).toEqual(before)
    // Without it the states hold only what the journal still has.
    await build({ again: true })
    expect(await statesOf(line.store, updaterName)).not.toEqual(before)
  })
})
