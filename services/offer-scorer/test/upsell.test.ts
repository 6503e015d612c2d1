// A model of customers: one probability each, which rules and levers may ask for.
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Playbook } from '@offerstream/catalogue'
import type { Decision, FeatureUpdate, Lever, PlaybookRecord, Rule } from '@offerstream/contracts'
import { emptyHistory } from '@offerstream/policy'
import { createModels, loadModel, type Models, modelsFolder, promotionOf } from '@offerstream/ranker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { split, writeTreeModel } from '../../../packages/ranker/test/write-model.ts'
import { createScorer, prepareAgain, replayStep } from '../src/index.ts'
import { at, foldOf, received, records, topics, updateOf, withPolicy } from './given.ts'

let folder: string
let models: Models
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'upsell-'))
  cpSync(modelsFolder, folder, { recursive: true })
  // Ready to buy from ten gigabytes on; the odds of 1 to 20 below.
  const about = { name: 'upsell', kind: 'upsell', pairs: [] } as const
  writeTreeModel(folder, {
    ...about,
    version: '1',
    features: ['data_mb_30d'],
    trees: [split(10 * 1024, -3, 1)],
  })
  writeTreeModel(folder, { ...about, version: '2', features: ['data_mb_30d'], trees: [split(1, 0, 0)] })
  models = createModels(folder)
})
afterAll(async () => {
  await models.close()
  rmSync(folder, { recursive: true })
})

const [unlikely, likely] = [1 / (1 + Math.exp(3)), 1 / (1 + Math.exp(-1))]
const few = updateOf('few')
const many = updateOf('many', {}, 8000)

const holdBack: Rule = {
  type: 'rule',
  name: 'only-the-ready',
  why: 'hardly-ready',
  active: true,
  when: [
    { subject: 'score', field: 'upsell', operator: 'lt', number: 0.5, text: null, numbers: [], texts: [], of: [] },
    { subject: 'item', field: 'kind', operator: 'eq', number: null, text: 'plan', numbers: [], texts: [], of: [] },
  ],
}
const weigh: Lever = {
  ...({ type: 'lever', name: 'by-readiness', item: null, category: null } as const),
  ...{ factor: 2, active: true, score: 'upsell' },
}

const certain = [...withPolicy({ explorationShare: 0 }).contactPolicies.values()]
const playbookWith = async (
  stage: 'champion' | 'shadow' | null,
  ...bodies: readonly PlaybookRecord['body'][]
): Promise<Playbook> => {
  const promotion = stage === null ? [] : [await promotionOf(folder, 'upsell', '1', stage)]
  return foldOf([...records, ...[...certain, ...promotion, ...bodies].map(body => ({ at: 0, body }))])
}

async function decided(update: FeatureUpdate, playbook: Playbook, by = models): Promise<Decision> {
  const scorer = createScorer({ ...topics, playbook: () => playbook, models: by })
  const record = received(update)
  const outcome = scorer.step(emptyHistory, record, (await scorer.prepare!([record]))[0]!)
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome))
  return outcome.emit[0]!.value as Decision
}
const refusedAs = (why: string, { candidates }: Decision): string[] =>
  candidates.filter(({ refused }) => refused === why).map(({ item }) => item)
const worthOf = (decision: Decision): number => decision.candidates.find(({ item }) => item === 'smart-15')!.valueMinor!

describe('a promoted upsell model', () => {
  it('says one probability of each customer, which stands on the record', async () => {
    const playbook = await playbookWith('champion')
    for (const [update, value] of [
      [few, unlikely],
      [many, likely],
    ] as const) {
      const used = (await decided(update, playbook)).models.find(({ name }) => name === 'upsell')!
      expect(used).toMatchObject({ version: '1', stage: 'champion', scores: [], failed: null })
      expect(used.value).toBeCloseTo(value, 6)
    }
  })
  it('lets a rule refuse whom it finds unlikely, and nobody else', async () => {
    const playbook = await playbookWith('champion', holdBack)
    const plans = (await decided(few, playbook)).candidates.filter(({ item }) => item.startsWith('smart')).length
    expect(refusedAs('hardly-ready', await decided(few, playbook)).length).toBeGreaterThan(0)
    expect(refusedAs('hardly-ready', await decided(few, playbook)).length).toBeLessThanOrEqual(plans)
    expect(refusedAs('hardly-ready', await decided(many, playbook))).toEqual([])
  })
  it('weighs the value of an offer by a lever', async () => {
    const [plain, weighed] = [await playbookWith('champion'), await playbookWith('champion', weigh)]
    for (const [update, value] of [
      [few, unlikely],
      [many, likely],
    ] as const)
      expect(worthOf(await decided(update, weighed)) / worthOf(await decided(update, plain))).toBeCloseTo(2 * value, 5)
  })
  it('that is a shadow is on the record, and neither rule nor lever hears of it', async () => {
    const playbook = await playbookWith('shadow', holdBack, weigh)
    const [decision, without] = [await decided(few, playbook), await decided(few, await playbookWith(null))]
    expect(decision.models.find(({ name }) => name === 'upsell')!.value).toBeCloseTo(unlikely, 6)
    expect(decision.candidates).toEqual(without.candidates)
  })
  it('that gives no number leaves the decision to the rest', async () => {
    const silent: Models = {
      ...models,
      async load(promotion) {
        const model = await models.load(promotion)
        return promotion.name === 'upsell'
          ? { ...model, scorer: { score: async (_rows, count) => new Float32Array(count).fill(Number.NaN) } }
          : model
      },
    }
    const decision = await decided(few, await playbookWith('champion', holdBack), silent)
    expect(decision.models.find(({ name }) => name === 'upsell')).toMatchObject({ value: null, failed: 'nan-score' })
    expect(refusedAs('hardly-ready', decision)).toEqual([])
    expect(decision.chosen).not.toBeNull()
  })
  it('decides the same in a replay, which takes a score that is a hair off from the record and counts one that is not', async () => {
    const playbook = await playbookWith('champion', holdBack, weigh)
    const recorded = await decided(many, playbook)
    const again = async (by: number) => {
      const models_ = recorded.models.map(used => ({ ...used, value: used.value === null ? null : used.value + by }))
      const shifted = { ...recorded, models: models_ }
      const [prepared] = await prepareAgain([shifted], () => playbook, models)
      return { ...replayStep(emptyHistory, shifted, prepared!), apart: prepared!.scoresApart }
    }
    expect(await again(0)).toMatchObject({ same: true, apart: 0 })
    expect((await again(5e-7)).apart).toBe(0)
    expect(await again(1e-3)).toMatchObject({ same: false, apart: 1 })
  })
  it('is refused where it takes features of a pair', async () => {
    writeTreeModel(folder, {
      ...{ name: 'upsell', version: '9', kind: 'upsell', features: [], pairs: ['price_to_charge'] },
      trees: [split(1, 0, 1)],
    })
    await expect(loadModel(folder, 'upsell', '9')).rejects.toThrow('a model of customers has none')
  })
})

it('a canary that gives no score leaves the decision to the champion, and the record says so', async () => {
  const champion = await promotionOf(folder, 'plan-ranker', '1')
  const canary = { ...champion, version: '2', stage: 'canary', share: 1 } as const
  const [alone, trying] = [foldOf(records), foldOf([...records, { at, body: canary }])]
  const failing: Models = {
    ...models,
    async load(promotion) {
      const model = await models.load(champion)
      return promotion.version === '1'
        ? model
        : { ...model, scorer: { score: async (_rows, count) => new Float32Array(count).fill(Number.NaN) } }
    },
  }
  const [decision, without] = [await decided(few, trying, failing), await decided(few, alone)]
  expect(decision.candidates).toEqual(without.candidates)
  expect(decision.models).toMatchObject([
    { version: '2', stage: 'canary', failed: 'nan-score' },
    { version: '1', stage: 'shadow', failed: null },
  ])
  const unguarded = { ...canary, guardrails: { ...canary.guardrails, active: false } }
  await expect(decided(few, foldOf([...records, { at, body: unguarded }]), failing)).rejects.toThrow('nan-score')
})
