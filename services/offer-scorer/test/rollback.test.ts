// A line over memory with a version on trial: what becomes of it, on every partition, afterwards and in a replay.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ContactHistory, Decision, ModelPromotion, PlaybookRecord } from '@offerstream/contracts'
import { emptyHistory } from '@offerstream/policy'
import { createModels, modelsFolder, promotionOf } from '@offerstream/ranker'
import { createClock, expectsOffset, memoryLog, memoryStore, partitionOf, type Running } from '@offerstream/streaming'
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
  decisions(): Promise<Decision[]>
  entries(): Promise<{ offset: number; headers: Readonly<Record<string, string>>; record: PlaybookRecord }[]>
  surroundings: Parameters<typeof startOfferScorer>[0]
  stop(): Promise<void>
}> {
  const log = memoryLog()
  const surroundings = { log, store: memoryStore(), registry, clock: createClock(), prefix: '', partitions }
  await log.ensureTopics([
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
  let fed = 0
  return {
    surroundings,
    async promote(version, change) {
      const promotion = await promotionOf(folder, 'plan-ranker', version)
      await put([{ at: 0, body: { ...promotion, ...change } }])
      return (await total('playbook')) - 1
    },
    async decide(count) {
      for (let index = 0; index < count; index++, fed++) {
        const value = updateOf(`c${fed}`, { id: `u${fed}`, at: at + fed * 1000 }, (fed % 90) * 300)
        await log.append('feature-updates', partitionOf(value.customer, partitions), [
          { key: value.customer, value: topics.updates.codec.encode(value) },
        ])
      }
      await expect.poll(() => total('decisions'), { timeout: 30_000, interval: 20 }).toBe(fed)
    },
    async decisions() {
      const all: Decision[] = []
      for (let partition = 0; partition < partitions; partition++)
        for await (const messages of log.read('decisions', partition, 0))
          all.push(...messages.map(message => topics.decisions.codec.decode(message.value!)))
      return all
    },
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
  it('that says the same of everything is retired for everybody, once, with a reason; a replay across it differs in no byte', async () => {
    drop('2', -2, -2)
    const line = await lineOf()
    await line.decide(40)
    const from = await line.promote('2', { stage: 'canary', share: 0.5 })
    await expect
      .poll(
        async () => {
          await line.decide(20)
          return (await retirements(line)).length
        },
        { timeout: 30_000, interval: 200 },
      )
      .toBe(1)
    const [retired] = await holding(line)
    expect(retired!.headers['by']).toBe('offer-scorer')
    expect(retired!.record.body).toMatchObject({
      ...{ name: 'plan-ranker', version: '2', stage: 'retired', share: 0.5 },
      reason: expect.stringMatching(/^spreadShare: scores lie 0 apart/),
    })
    await new Promise(resolve => setTimeout(resolve, 300))
    await line.decide(60)
    await line.stop()

    const decisions = await line.decisions()
    const versions = (holds: (decision: Decision) => boolean) =>
      [...new Set(decisions.filter(holds).map(servedBy))].sort()
    expect(versions(({ playbookVersion }) => playbookVersion < from)).toEqual(['1'])
    expect(versions(({ playbookVersion }) => playbookVersion >= from && playbookVersion < retired!.offset)).toEqual([
      '1',
      '2',
    ])
    expect(versions(({ playbookVersion }) => playbookVersion >= retired!.offset)).toEqual(['1'])
    expect(decisions.filter(({ playbookVersion }) => playbookVersion >= retired!.offset).length).toBeGreaterThanOrEqual(
      60,
    )
    expect(await differing(line)).toBe(0)
  })

  it('with its guardrails off stays, and decides for its share', async () => {
    drop('3', -2, -2)
    const line = await lineOf()
    const { guardrails } = await promotionOf(folder, 'plan-ranker', '3')
    await line.promote('3', { stage: 'canary', share: 0.5, guardrails: { ...guardrails, active: false } })
    await new Promise(resolve => setTimeout(resolve, 300))
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
    await new Promise(resolve => setTimeout(resolve, 300))
    await line.decide(100)
    const champion = await line.promote('4', { stage: 'champion' })
    await new Promise(resolve => setTimeout(resolve, 300))
    await line.decide(40)
    await line.stop()
    expect(await retirements(line)).toEqual([])
    for (const decision of await line.decisions()) {
      const { playbookVersion } = decision
      if (playbookVersion < canary) expect(servedBy(decision)).toBe('1')
      if (playbookVersion >= champion) expect(servedBy(decision)).toBe('4')
    }
    expect((await line.decisions()).filter(({ playbookVersion }) => playbookVersion >= champion)).toHaveLength(40)
    expect(await differing(line)).toBe(0)
  })
})

it('of owners that see it at the same moment one writes the record that holds', async () => {
  drop('5', -2, -2)
  const line = await lineOf(true)
  await line.promote('5', { stage: 'canary', share: 0.5 })
  await new Promise(resolve => setTimeout(resolve, 300))
  await line.decide(150)
  const { log, store, clock } = line.surroundings
  await line.stop()
  expect(await retirements(line)).toEqual([])
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
