// The whole base ranked, over a line in this process; what is killed runs as a user would run it.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Decision, PlaybookRecord } from '@offerstream/contracts'
import { promotionOf } from '@offerstream/ranker'
import { createWorld, customerRecords, events, playbookRecords } from '@offerstream/simulator'
import { startStack } from '@offerstream/stack'
import { ensureTopics, memoryStore, openTopic, type Surroundings } from '@offerstream/streaming'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { split, writeTreeModel } from '../../ranker/test/write-model.ts'
import { type Line, startLine } from '../src/line.ts'
import { createOutput } from '../src/output.ts'
import { type PublishedSummary, rankBase, type ScoreBaseRequest } from '../src/score-base/command.ts'
import { type RankingManifest, readRanking } from '../src/score-base/manifest.ts'
import { takeSnapshot } from '../src/snapshot.ts'
import { createSourceWriter, sourceTopicOf } from '../src/source-writer.ts'
import { surroundingsOf } from '../src/surroundings.ts'

const models = join(import.meta.dirname, '..', '..', '..', 'models')
const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const partitions = 4
const prefix = 'base.'
const start = Date.UTC(2026, 2, 2, 9)
const output = { ...createOutput(true), progress: () => {} }
const never = new AbortController().signal

let around: ReturnType<typeof surroundingsOf>
let line: Line
let folder: string
let now = start
let records: readonly PlaybookRecord[]

/** A morning of some customers, so that many have a history, then quiet. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'score-base-'))
  const stack = await startStack('embedded')
  around = surroundingsOf(stack, { prefix, partitions, clock: { now: () => now } })
  await ensureTopics(around.log, { prefix, partitions, sources: true })
  const world = createWorld({ seed: 5, customers: 160, start, preset: 'lively', activity: 12 })
  const playbook = await openTopic(around.registry, 'playbook', prefix)
  records = [...playbookRecords(world), { at: start, body: await promotionOf(models, 'plan-ranker', '1') }]
  await around.log.append(
    playbook.path,
    0,
    records.map(record => ({ key: record.body.name, value: playbook.codec.encode(record) })),
  )
  line = await startLine(around, { models, stack, services: ['intake', 'feature-updater', 'offer-scorer'] })
  const writer = await createSourceWriter(around)
  for (const profile of customerRecords(world)) await writer.write('customers', profile, now)
  for (let hour = 0; hour < 2; hour++) {
    now += 60 * 60 * 1000
    for (const event of events(world, world.state.at, now)) await writer.write(sourceTopicOf(event), event, now)
    await writer.flush()
    expect(await line.drained(30_000)).toBe(true)
  }
  now += 2 * 60 * 60 * 1000
  for (const of of ['feature-updater', 'offer-scorer'] as const)
    await takeSnapshot(around, { of, out: join(folder, 'snapshots'), signal: never }, output)
  writeFileSync(join(folder, 'playbook.json'), JSON.stringify(records))
}, 60_000)

afterAll(async () => {
  await line.stop()
  await around.close()
  rmSync(folder, { recursive: true, force: true })
})

const request = (out: string, more: Partial<ScoreBaseRequest> = {}): ScoreBaseRequest => ({
  out: join(folder, out),
  at: null,
  kinds: ['plan'],
  top: null,
  shard: { index: 1, of: 1 },
  threads: 1,
  fileCustomers: 25,
  models,
  snapshot: null,
  playbook: null,
  publish: false,
  rate: 1_000_000,
  signal: never,
  ...more,
})
const ranked = (out: string, more: Partial<ScoreBaseRequest> = {}, surroundings: Surroundings | null = around) =>
  rankBase(surroundings, request(out, more), output)

type Row = {
  readonly customer: string
  readonly rank: number | null
  readonly item: string | null
  readonly score: number | null
  readonly value_minor: number | null
  readonly propensity: number | null
  readonly refused: string
  readonly playbook_version: bigint
  readonly model: string | null
  readonly sha256: string | null
}
async function rowsOf(out: string): Promise<readonly Row[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const { files } = (await readRanking(join(folder, out)))!
  const found = []
  for (const { path } of files)
    found.push(...(await connection.runAndReadAll(`from read_parquet('${join(folder, out, path)}')`)).getRowObjects())
  connection.closeSync()
  instance.closeSync()
  return found as unknown as Row[]
}

async function decisionsOf(kind: string): Promise<ReadonlyMap<string, Decision>> {
  const topic = await openTopic(around.registry, 'decisions', prefix)
  const found = new Map<string, Decision>()
  for (let partition = 0; partition < partitions; partition++)
    for await (const messages of around.log.read(topic.path, partition, 0))
      for (const { value } of messages) {
        const decision = topic.codec.decode(value!)
        if (decision.update.trigger.kind === kind) found.set(decision.customer, decision)
      }
  return found
}

const contents = async (out: string): Promise<Record<string, string>> =>
  Object.fromEntries((await readRanking(join(folder, out)))!.files.map(({ path, sha256 }) => [path, sha256]))

describe('a ranking that is published', () => {
  let summary: PublishedSummary
  let rows: readonly Row[]
  let decisions: ReadonlyMap<string, Decision>
  beforeAll(async () => {
    summary = await ranked('published', { publish: true })
    expect(await line.drained(30_000)).toBe(true)
    rows = await rowsOf('published')
    decisions = await decisionsOf('campaign-due')
  })

  test('has every customer once, and in the order of their names', () => {
    expect(summary).toMatchObject({ complete: true, customers: 160, undecided: {} })
    expect(new Set(rows.map(({ customer }) => customer)).size).toBe(160)
    expect(rows.filter(({ item }) => item !== null)).toHaveLength(summary.rows)
  })

  test('says of each candidate what the scorer decides of it at that moment, to the last bit', () => {
    expect(decisions.size).toBeGreaterThan(50)
    for (const [customer, decision] of decisions) {
      const own = rows.filter(row => row.customer === customer && row.item !== null)
      const plans = decision.candidates.filter(({ item }) =>
        records.some(({ body }) => body.type === 'item' && body.name === item && body.kind === 'plan'),
      )
      const byRank = plans
        .filter(({ refused }) => refused === null)
        .sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity))
      expect(
        own.map(({ item, rank, score, value_minor, propensity }) => ({ item, rank, score, value_minor, propensity })),
      ).toEqual(
        byRank.map(({ item, rank, score, valueMinor, propensity }) => ({
          item,
          rank,
          score,
          value_minor: valueMinor,
          propensity,
        })),
      )
      const why: Record<string, number> = {}
      for (const { refused } of plans) if (refused !== null) why[refused] = (why[refused] ?? 0) + 1
      expect(JSON.parse(own[0]!.refused)).toEqual(why)
      expect(own[0]).toMatchObject({
        playbook_version: BigInt(decision.playbookVersion),
        model: 'plan-ranker/1',
        sha256: decision.models[0]!.sha256,
      })
    }
    // Histories were heeded: some were contacted this morning.
    expect(Object.keys(summary.refused)).toContain('contacted-lately')
  })

  test('reaches whoever might be offered something, each once, and every offer has its decision', async () => {
    const offerable = new Set(rows.filter(({ propensity }) => (propensity ?? 0) > 0).map(({ customer }) => customer))
    expect(offerable.size).toBeLessThan(160)
    expect(new Set(decisions.keys())).toEqual(offerable)
    expect(summary.published).toEqual({
      concerned: offerable.size,
      reachedBefore: 0,
      sent: offerable.size,
      complete: true,
    })
    const again = await ranked('published', { publish: true })
    expect(again).toMatchObject({
      customers: 160,
      rankedBefore: 160,
      published: { sent: 0, reachedBefore: offerable.size },
    })
    expect(await line.drained(30_000)).toBe(true)
    expect([...(await decisionsOf('campaign-due')).values()].map(({ id }) => id)).toEqual(
      [...decisions.values()].map(({ id }) => id),
    )
    const ids = new Set([...decisions.values()].map(({ id }) => id))
    const offers = await openTopic(around.registry, 'next-best-offers', prefix)
    let made = 0
    for (let partition = 0; partition < partitions; partition++)
      for await (const messages of around.log.read(offers.path, partition, 0))
        for (const { value } of messages) {
          const { id, trigger } = offers.codec.decode(value!)
          if (trigger.kind !== 'campaign-due') continue
          made++
          expect(ids).toContain(id)
          expect(trigger.event).toBe(summary.run)
        }
    expect(made).toBeGreaterThan(0)
  })

  test('keeps to its rate', async () => {
    const { sent } = (await readRanking(join(folder, 'published')))!.files.reduce(
      (all, { offerable }) => ({ sent: all.sent + offerable }),
      { sent: 0 },
    )
    now += 24 * 60 * 60 * 1000
    const began = performance.now()
    const paced = await ranked('paced', { publish: true, rate: 60 })
    const seconds = (performance.now() - began) / 1000
    expect(paced.published!.sent).toBeGreaterThan(sent / 2)
    // What comes first is let through at once, a slice of it.
    expect(seconds).toBeGreaterThan((paced.published!.sent - 18) / 60)
    expect(seconds).toBeLessThan((3 * paced.published!.sent) / 60 + 30)
  })
})

describe('a ranking by a model of trees', () => {
  const trees = {
    name: 'trees',
    version: '1',
    kind: 'plan',
    features: [],
    pairs: ['price_percentile'],
    trees: [split(0.3, -2, -1), split(0.6, 0.25, -0.5)],
  } as const
  beforeAll(async () => {
    writeTreeModel(join(folder, 'tree-models'), trees)
    const body = await promotionOf(join(folder, 'tree-models'), trees.name, trees.version)
    const others = records.filter(record => record.body.type !== 'model')
    writeFileSync(join(folder, 'tree-playbook.json'), JSON.stringify([...others, { at: start, body }]))
  })

  test('has the scores that its trees give by hand', async () => {
    const at = start + 5 * 60 * 60 * 1000
    const source = { at, snapshot: join(folder, 'snapshots'), playbook: join(folder, 'tree-playbook.json') }
    await ranked('by-trees', { ...source, models: join(folder, 'tree-models'), threads: 2 }, null)
    const prices = new Map<string, number>()
    for (const { body } of records)
      if (body.type === 'item' && body.kind === 'plan') prices.set(body.name, body.priceMinor)
    const rows = (await rowsOf('by-trees')).filter(({ item }) => item !== null)
    const seen = new Set<number>()
    for (const { item, score, model } of rows) {
      const cheaper = [...prices.values()].filter(price => price < prices.get(item!)!).length / (prices.size - 1)
      const margin = (cheaper <= 0.3 ? -2 : -1) + (cheaper <= 0.6 ? 0.25 : -0.5)
      expect(score, item!).toBeCloseTo(1 / (1 + Math.exp(-margin)), 6)
      expect(model).toBe('trees/1')
      seen.add(margin)
    }
    expect(rows.length).toBeGreaterThan(300)
    expect(seen.size).toBe(3)
  })
})

describe('a ranking from a snapshot', () => {
  const at = start + 5 * 60 * 60 * 1000
  const offline = (more: Partial<ScoreBaseRequest> = {}): Partial<ScoreBaseRequest> => ({
    at,
    snapshot: join(folder, 'snapshots'),
    playbook: join(folder, 'playbook.json'),
    ...more,
  })
  const command = (out: string): ChildProcess =>
    spawn(
      process.execPath,
      [
        ...[main, 'score-base', '--out', join(folder, out), '--at', new Date(at).toISOString(), '--models', models],
        ...['--snapshot', join(folder, 'snapshots'), '--playbook', join(folder, 'playbook.json')],
        ...['--file-customers', '4', '--threads', '2', '--json'],
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
  const ended = (child: ChildProcess): Promise<unknown> => new Promise(resolve => child.once('exit', resolve))

  test('that was killed goes on where it stopped, to the same bytes', async () => {
    await ranked('whole', offline({ fileCustomers: 4, threads: 2 }), null)
    const child = command('killed')
    const begun = (): RankingManifest | null => {
      try {
        return JSON.parse(readFileSync(join(folder, 'killed', 'manifest.json'), 'utf8'))
      } catch {
        return null
      }
    }
    while ((begun()?.files.length ?? 0) < 3) {
      expect(child.exitCode, 'it goes on until it is killed').toBeNull()
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    child.kill('SIGKILL')
    await ended(child)
    const left = begun()!
    expect(left.done.length).toBeLessThan(partitions)
    const kept = left.files[0]!
    expect(await ended(command('killed'))).toBe(0)
    expect(await contents('killed')).toEqual(await contents('whole'))
    const files = (await readRanking(join(folder, 'killed')))!.files
    expect(files.slice(0, left.files.length)).toEqual(left.files)
    for (const { path } of [kept, ...files])
      expect(readFileSync(join(folder, 'killed', path)).equals(readFileSync(join(folder, 'whole', path)))).toBe(true)
  })

  test('in shards adds up to the whole', async () => {
    const shards = []
    for (const index of [1, 2, 3]) {
      await ranked(`shard-${index}`, offline({ fileCustomers: 4, shard: { index, of: 3 } }), null)
      shards.push(await contents(`shard-${index}`))
    }
    expect(Object.assign({}, ...shards)).toEqual(await contents('whole'))
    expect(shards.reduce((sum, each) => sum + Object.keys(each).length, 0)).toBe(
      Object.keys(await contents('whole')).length,
    )
    expect(new Set(shards.map(each => JSON.stringify(each))).size).toBe(3)
  })

  test('at another moment is another: the comparison of bytes sees it', async () => {
    await ranked('later', offline({ fileCustomers: 4, at: at + 3 * 24 * 60 * 60 * 1000 }), null)
    expect(await contents('later')).not.toEqual(await contents('whole'))
  })

  test('of the best few only', async () => {
    await ranked('whole-large', offline(), null)
    await ranked('best', offline({ top: 2 }), null)
    const best = (await rowsOf('best')).filter(({ item }) => item !== null)
    const all = await rowsOf('whole-large')
    expect(best.length).toBeGreaterThan(0)
    expect(best).toEqual(all.filter(({ rank }) => rank !== null && rank <= 2))
  })

  test.each([
    ['no-states', {}, () => ({ ...around, store: memoryStore() }), /no customer has a state in the store/],
    ['shards', { shard: { index: 1, of: 5 } }, () => around, /4 partitions cannot be split into 5 shards/],
    ['whole', { at: 1 }, () => around, /whole holds another ranking: .*at 2026-03-02.*, not 1970-01-01.*states/],
    ['snapshots', {}, () => around, /snapshots is not empty and holds no ranking/],
    ['s', { snapshot: '/nowhere' }, () => around, /\/nowhere holds no whole snapshot of updater-/],
    ['p', { playbook: '/nowhere.json' }, () => around, /\/nowhere.json cannot be read/],
  ])('%s %j is refused in one line', async (out, more, surroundings, message) => {
    const problem = await ranked(out, more, surroundings()).catch((error: Error) => error)
    expect(problem).toMatchObject({ name: 'Refused', message: expect.stringMatching(message) })
  })

  test.each([
    [
      'without plans',
      (all: readonly PlaybookRecord[]) => all.filter(({ body }) => body.type !== 'item' || body.kind !== 'plan'),
      /has no plan on sale at 2026/,
    ],
    [
      'that promotes no model',
      (all: readonly PlaybookRecord[]) => all.filter(({ body }) => body.type !== 'model'),
      /promotes no model that scores a plan/,
    ],
    [
      'whose model is not there',
      (all: readonly PlaybookRecord[]) =>
        all.map(record =>
          record.body.type === 'model' ? { ...record, body: { ...record.body, name: 'oracle' } } : record,
        ),
      /model oracle\/1 cannot be read/,
    ],
  ])('a playbook %s is refused in one line', async (_name, change, message) => {
    writeFileSync(join(folder, 'other.json'), JSON.stringify(change(records)))
    const problem = await ranked('other', offline({ playbook: join(folder, 'other.json') }), null).catch(
      (error: Error) => error,
    )
    expect(problem).toMatchObject({ name: 'Refused', message: expect.stringMatching(message) })
    expect(await readRanking(join(folder, 'other'))).toBeNull()
  })
})
