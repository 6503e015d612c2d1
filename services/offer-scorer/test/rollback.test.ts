// A line over memory with a version on trial: what becomes of it, on every partition, afterwards and in a replay.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ContactHistory, Decision, ModelPromotion, PlaybookRecord } from '@offerstream/contracts'
import { emptyHistory } from '@offerstream/policy'
import { createModels, modelsFolder, promotionOf } from '@offerstream/ranker'
import { expectsOffset, memoryLog, memoryStore, partitionOf, type Running } from '@offerstream/streaming'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { split, writeTreeModel } from '../../../packages/ranker/test/write-model.ts'
import { createPast, followPlaybook, prepareAgain, replayStep, startOfferScorer } from '../src/index.ts'
import { watchTrials } from '../src/trial-keeper.ts'
import { at, records, registry, topics, updateOf } from './given.ts'

const partitions = 4
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trial-models-'))
  cpSync(modelsFolder, folder, { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A plan ranker that says one of two log-odds, by how a price compares with what the customer pays. */
const drop = (version: string, below: number, above: number): void =>
  writeTreeModel(folder, {
    ...{ name: 'plan-ranker', version, kind: 'plan', features: [], pairs: ['price_to_charge'] },
    trees: [split(1.5, below, above)],
  })

/** `blind` is one whose scorer never looks at its trials. */
async function lineOf(blind = false): Promise<{
  promote(version: string, change: Partial<ModelPromotion>): Promise<number>
  decide(count: number): Promise<void>
  until(version: number): Promise<void>
  decisions(): Promise<Decision[]>
  entries(): Promise<{ offset: number; headers: Readonly<Record<string, string>>; record: PlaybookRecord }[]>
  surroundings: Parameters<typeof startOfferScorer>[0]
  stop(): Promise<void>
}> {
  const log = memoryLog()
  let fed = 0
  const surroundings = {
    log,
    store: memoryStore(),
    registry,
    clock: { now: () => at + fed * 1000 },
    prefix: '',
    partitions,
  }
  await log.ensureTopics([
    ...['purchases', 'usage', 'engagements', 'customers'].map(name => ({
      name,
      partitions,
      kept: 'compacted' as const,
    })),
    { name: 'playbook', partitions: 1, kept: 'for-ever' },
    { name: 'feature-updates', partitions, kept: 'for-ever' },
  ])
  const put = (all: readonly PlaybookRecord[]) =>
    log.append(
      'playbook',
      0,
      all.map(record => ({ key: record.body.name, value: topics.playbook.codec.encode(record) })),
    )
  await put(records)
  const nothing: typeof surroundings.store.peek = async (_fold, _partition, keys) => keys.map(() => null)
  const seen = blind ? { ...surroundings, store: { ...surroundings.store, peek: nothing } } : surroundings
  const running: Running = await startOfferScorer(seen, { models: folder })
  const total = async (topic: string) => (await log.bounds(topic)).reduce((sum, { next }) => sum + next, 0)
  async function decide(count: number): Promise<void> {
    for (let index = 0; index < count; index++, fed++) {
      const value = updateOf(`c${fed}`, { id: `u${fed}`, at: at + fed * 1000 }, (fed % 90) * 300)
      await log.append('feature-updates', partitionOf(value.customer, partitions), [
        { key: value.customer, value: topics.updates.codec.encode(value) },
      ])
    }
    await expect.poll(() => total('decisions'), { timeout: 30_000, interval: 20 }).toBe(fed)
  }
  async function decisions(): Promise<Decision[]> {
    const all: Decision[] = []
    for (let partition = 0; partition < partitions; partition++)
      for await (const messages of log.read('decisions', partition, 0))
        all.push(...messages.map(message => topics.decisions.codec.decode(message.value!)))
    return all
  }
  /** Decides until a decision goes by that version. */
  async function until(version: number): Promise<void> {
    const newest = async () => Math.max(...(await decisions()).map(({ playbookVersion }) => playbookVersion))
    do await decide(partitions)
    while ((await newest()) < version)
  }
  return {
    surroundings,
    async promote(version, change) {
      const promotion = await promotionOf(folder, 'plan-ranker', version)
      await put([{ at: at + fed * 1000, body: { ...promotion, ...change } }])
      const offset = (await total('playbook')) - 1
      await until(offset)
      return offset
    },
    until,
    decide,
    decisions,
    async entries() {
      const all = []
      for await (const messages of log.read('playbook', 0, 0))
        for (const { offset, headers, value } of messages)
          all.push({ offset, headers, record: topics.playbook.codec.decode(value!) })
      return all
    },
    stop: () => running.stop(),
  }
}
type Line = Awaited<ReturnType<typeof lineOf>>

const servedBy = ({ models }: Decision): string | undefined => models.find(({ stage }) => stage !== 'shadow')?.version
const retirements = async (line: Line) =>
  (await line.entries()).filter(({ record: { body } }) => body.type === 'model' && body.stage === 'retired')
const holding = async (line: Line) =>
  (await retirements(line)).filter(({ offset, headers }) => headers[expectsOffset] === `${offset}`)

/** Decides everything again; how many differ in a byte. */
async function differing(line: Line): Promise<number> {
  const past = createPast()
  for (const { offset, headers, record } of await line.entries()) {
    const expected = headers[expectsOffset]
    past.add(expected === undefined || expected === `${offset}` ? record : null, offset)
  }
  const models = createModels(folder)
  const all = await line.decisions()
  const prepared = await prepareAgain(all, past.at, models)
  const histories = new Map<string, ContactHistory>()
  let differing = 0
  for (const [index, recorded] of all.entries()) {
    const step = replayStep(histories.get(recorded.customer) ?? emptyHistory, recorded, prepared[index]!)
    histories.set(recorded.customer, step.history)
    if (!step.same) differing++
  }
  await models.close()
  return differing
}

describe('a canary dropped into the registry folder of a running line', () => {
  it.each([
    ['canary', '2', ['1', '2']],
    ['champion', '6', ['6']],
  ] as const)(
    'that says the same of everything, as %s, is retired for everybody, once, with a reason; a replay across it differs in no byte',
    async (stage, version, serving) => {
      drop(version, -2, -2)
      const line = await lineOf()
      await line.decide(40)
      const from = await line.promote(version, { stage, share: 0.5 })
      while ((await retirements(line)).length === 0) await line.decide(10)
      const [retired] = await holding(line)
      expect(retired!.headers['by']).toBe('offer-scorer')
      expect(retired!.record.body).toMatchObject({
        ...{ name: 'plan-ranker', version, stage: 'retired', share: 0.5 },
        reason: expect.stringMatching(/^spreadShare: scores lie 0 apart/),
      })
      await line.until(retired!.offset)
      await line.decide(60)
      await line.stop()

      const decisions = await line.decisions()
      const versions = (least: number, below: number) => {
        const some = decisions.filter(({ playbookVersion: at }) => at >= least && at < below)
        return [...new Set(some.map(servedBy))].sort()
      }
      expect(versions(0, from)).toEqual(['1'])
      expect(versions(from, retired!.offset)).toEqual(serving)
      expect(versions(retired!.offset, Number.POSITIVE_INFINITY)).toEqual(['1'])
      expect(await holding(line)).toHaveLength(1)
      expect(await differing(line)).toBe(0)
    },
  )

  it('with its guardrails off stays, and decides for its share', async () => {
    drop('3', -2, -2)
    const line = await lineOf()
    const { guardrails } = await promotionOf(folder, 'plan-ranker', '3')
    await line.promote('3', { stage: 'canary', share: 0.5, guardrails: { ...guardrails, active: false } })
    await line.decide(150)
    await new Promise(resolve => setTimeout(resolve, 2500))
    await line.stop()
    expect(await retirements(line)).toEqual([])
    expect((await line.decisions()).filter(decision => servedBy(decision) === '3').length).toBeGreaterThan(40)
  })

  it('that is as good is promoted to champion while the line runs: no partition goes back, none mixes', async () => {
    const line = await lineOf()
    await line.decide(40)
    cpSync(join(folder, 'plan-ranker', '1'), join(folder, 'plan-ranker', '4'), { recursive: true })
    const manifest = join(folder, 'plan-ranker', '4', 'manifest.json')
    writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, 'utf8')), version: '4' }))
    const canary = await line.promote('4', { stage: 'canary', share: 0.5 })
    await line.decide(100)
    const champion = await line.promote('4', { stage: 'champion' })
    await line.decide(40)
    await line.stop()
    expect(await retirements(line)).toEqual([])
    for (const decision of await line.decisions()) {
      const { playbookVersion } = decision
      if (playbookVersion < canary) expect(servedBy(decision)).toBe('1')
      if (playbookVersion >= champion) expect(servedBy(decision)).toBe('4')
    }
    expect((await line.decisions()).filter(({ playbookVersion }) => playbookVersion >= champion)).not.toEqual([])
    expect(await differing(line)).toBe(0)
  })
})

it('of owners that see it at the same moment one writes the record that holds', async () => {
  drop('5', -2, -2)
  const line = await lineOf(true)
  await line.promote('5', { stage: 'canary', share: 0.5 })
  await line.decide(150)
  const { log, store, clock } = line.surroundings
  await line.stop()
  expect(await retirements(line)).toEqual([])
  // Somebody's put that came too late stands at the end: void, and no version of the playbook.
  const late = { key: 'x', value: topics.playbook.codec.encode(records[0]!), headers: { [expectsOffset]: '0' } }
  await log.append('playbook', 0, [late])
  const models = createModels(folder)
  const watches = await Promise.all(
    [1, 2, 3].map(async () => {
      const playbook = await followPlaybook(log, topics.playbook, models)
      const served = () => ({ rows: 0, fellBack: 0 })
      return { playbook, ...watchTrials({ log, topic: topics.playbook, playbook, store, partitions, clock, served }) }
    }),
  )
  const told = (await Promise.all(watches.map(({ look }) => look()))).flat()
  for (const { playbook } of watches) {
    await playbook.catchUp()
    expect(playbook.current().promotions.get('plan-ranker/5')!.stage).toBe('retired')
    await playbook.stop()
  }
  await models.close()
  expect(told).toHaveLength(1)
  expect(await holding(line)).toHaveLength(1)
})

it('a version whose native runtime mostly fails is retired as well, by whoever sees it', async () => {
  drop('7', -2, -1)
  const log = memoryLog()
  await log.ensureTopics([{ name: 'playbook', partitions: 1, kept: 'for-ever' }])
  const canary = { ...(await promotionOf(folder, 'plan-ranker', '7', 'canary')), share: 0.5 }
  for (const record of [...records, { at, body: canary }])
    await log.append('playbook', 0, [{ key: record.body.name, value: topics.playbook.codec.encode(record) }])
  const models = createModels(folder)
  const playbook = await followPlaybook(log, topics.playbook, models)
  const clock = { now: () => at }
  const around = { log, topic: topics.playbook, playbook, store: memoryStore(), partitions, clock }
  const looking = (rows: number, fellBack: number) =>
    watchTrials({
      ...around,
      served: model => (model === 'plan-ranker/7' ? { rows, fellBack } : { rows, fellBack: 0 }),
    })
  expect(await looking(999, 999).look()).toEqual([])
  expect(await looking(2000, 900).look()).toEqual([])
  expect(await looking(2000, 1100).look()).toEqual(['plan-ranker/7'])
  expect(playbook.current().promotions.get('plan-ranker/7')!.reason).toMatch(/^fallbackShare: .* 1100 of 2000 rows/)
  await playbook.stop()
  await models.close()
})
