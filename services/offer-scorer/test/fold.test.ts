import type { ContactHistory, Decision, FeatureUpdate, NextBestOffer } from '@offerstream/contracts'
import { names } from '@offerstream/features'
import { emptyHistory } from '@offerstream/policy'
import { createModels, type Model, type Models, modelsFolder } from '@offerstream/ranker'
import type { Outcome } from '@offerstream/streaming'
import { afterAll, describe, expect, it } from 'vitest'
import { createScorer } from '../src/index.ts'
import { at, facts, foldOf, received, records, topics, updateOf, withPolicy } from './given.ts'

const models = createModels(modelsFolder)
afterAll(() => models.close())
const never = withPolicy({ explorationShare: 0 })

/** What the scorer makes of updates, each from the history given. */
async function outcomesOf(
  updates: readonly FeatureUpdate[],
  { playbook = never, history = emptyHistory, by = models as Models } = {},
): Promise<Outcome<ContactHistory>[]> {
  const scorer = createScorer({ ...topics, playbook: () => playbook, models: by })
  const batch = updates.map(update => received(update))
  const prepared = await scorer.prepare!(batch)
  return batch.map((record, index) => scorer.step(history, record, prepared[index]!))
}
const outcomeOf = async (update: FeatureUpdate, options = {}) => (await outcomesOf([update], options))[0]!
const emitted = (outcome: Outcome<ContactHistory>) => {
  if (outcome.kind !== 'done') throw new Error(`the outcome is ${JSON.stringify(outcome)}`)
  const [decision, offer] = outcome.emit.map(each => each.value)
  return { decision: decision as Decision, offer: offer as NextBestOffer | undefined, state: outcome.state }
}

describe('given a playbook with a promoted model, when a trigger fires', () => {
  it('a decision is logged before its offer is made, and the history remembers it', async () => {
    const outcome = await outcomeOf(updateOf('c1'))
    expect(outcome.kind === 'done' && outcome.emit.map(each => each.topic)).toEqual(['decisions', 'next-best-offers'])
    const { decision, offer, state } = emitted(outcome)
    expect(decision).toMatchObject({ id: updateOf('c1').id, customer: 'c1', at, reason: 'best-value', sequence: 1 })
    expect(offer).toMatchObject({
      id: decision.id,
      item: decision.chosen,
      sequence: 1,
      trigger: decision.update.trigger,
    })
    expect(state).toEqual({ sequence: 1, offered: [{ at, item: decision.chosen, channel: 'push', capped: true }] })
  })
  it('every plan is scored by the champion, packages by nobody yet, and the record says with what', async () => {
    const { decision } = emitted(await outcomeOf(updateOf('c1')))
    expect(decision.models).toMatchObject([{ name: 'plan-ranker', version: '1', stage: 'champion' }])
    for (const candidate of decision.candidates) {
      const isPlan = never.items.get(candidate.item)!.kind === 'plan'
      expect(candidate.pairs).toHaveLength(isPlan ? 16 : 0)
      expect(candidate.score === null).toBe(!isPlan)
    }
    expect(decision.candidates).toHaveLength(never.items.size)
  })
  it('no offer leads to a decision alone and the same history', async () => {
    const playbook = withPolicy({ explorationShare: 0, minimumValueMinor: 1e9 })
    const { decision, offer, state } = emitted(await outcomeOf(updateOf('c1'), { playbook }))
    expect([decision.reason, offer]).toEqual(['below-minimum-value', undefined])
    expect(state).toBe(emptyHistory)
  })
  it('the second offer of a day is held back', async () => {
    const history = { sequence: 4, offered: [{ at: at - 1000, item: 'data-1', channel: 'push', capped: true }] }
    const { decision, state } = emitted(await outcomeOf(updateOf('c1'), { history }))
    expect(decision.reason).toBe('nothing-eligible')
    expect(new Set(decision.candidates.map(each => each.refused))).toContain('contacted-lately')
    expect(state).toBe(history)
  })
  it('records survive their Avro form', async () => {
    const { decision, offer } = emitted(await outcomeOf(updateOf('c1')))
    expect(topics.decisions.codec.decode(topics.decisions.codec.encode(decision))).toEqual(decision)
    expect(topics.offers.codec.decode(topics.offers.codec.encode(offer!))).toEqual(offer)
  })
  it('without any playbook there is a decision for nothing', async () => {
    const { decision } = emitted(await outcomeOf(updateOf('c1'), { playbook: foldOf([]) }))
    expect(decision).toMatchObject({ playbookVersion: -1, chosen: null, reason: 'nothing-eligible' })
  })
})

describe('a batch', () => {
  // Half of them on another plan.
  const updates = Array.from({ length: 40 }, (_, index) =>
    updateOf(
      `c${index}`,
      index % 2 === 0 ? {} : { facts: { ...facts, plan: 'smart-15', monthlyChargeMinor: 2199 } },
      index * 500,
    ),
  )
  it('is decided as each of its records alone', async () => {
    const alone = await Promise.all(updates.map(async update => emitted(await outcomeOf(update)).decision))
    expect((await outcomesOf(updates)).map(outcome => emitted(outcome).decision)).toEqual(alone)
    expect(new Set(alone.map(decision => decision.chosen)).size).toBeGreaterThan(1)
  })
  it('is scored in one call', async () => {
    let calls = 0
    const counting = withScorer(model => async (rows, count) => {
      calls++
      return model.scorer.score(rows, count)
    })
    await outcomesOf(updates, { by: counting })
    expect(calls).toBe(1)
  })
  it('is decided by the playbook it was prepared by, whatever came since', async () => {
    let now = never
    const scorer = createScorer({ ...topics, playbook: () => now, models })
    const record = received(updateOf('c1'))
    const [prepared] = await scorer.prepare!([record])
    now = withPolicy({ explorationShare: 0, minimumValueMinor: 1e9 })
    expect(emitted(scorer.step(emptyHistory, record, prepared!)).decision.chosen).not.toBeNull()
  })
  it('gives a canary its customers and the champion the others', async () => {
    const { body } = records.at(-1)!
    if (body.type !== 'model') throw new Error('the last record promotes the model')
    const canary = { ...body, version: '2', stage: 'canary' as const, share: 0.5 }
    const playbook = foldOf([...records, { at: 0, body: canary }])
    const both = withScorer(model => (rows, count) => model.scorer.score(rows, count))
    const stages = (await outcomesOf(updates, { playbook, by: both })).map(
      outcome => emitted(outcome).decision.models[0]!.stage,
    )
    expect(new Set(stages)).toEqual(new Set(['champion', 'canary']))
  })
})

/** The committed model behind another scorer, whatever version is asked for. */
function withScorer(scoreWith: (model: Model) => Model['scorer']['score']): Models {
  const wrapped = new Map<string, Model>()
  return {
    ...models,
    async load(promotion) {
      const model = await models.load({ ...promotion, version: '1' })
      const known = wrapped.get(promotion.version) ?? { ...model, scorer: { score: scoreWith(model) } }
      wrapped.set(promotion.version, known)
      return known
    },
  }
}

describe('an update is refused', () => {
  const withFeature = (value: number) => {
    const update = updateOf('c1')
    return {
      ...update,
      features: update.features.map((x, index) => (index === names.indexOf('overage_to_charge_30d') ? value : x)),
    }
  }
  it.each([
    ['whose features are of another list', updateOf('c1', { fingerprint: 'other' }), {}, 'other-fingerprint'],
    ['whose features are infinite', withFeature(-Infinity), {}, 'infinite-input'],
    [
      'whose score is NaN',
      updateOf('c1'),
      { by: withScorer(() => async (_rows, count) => new Float32Array(count).fill(Number.NaN)) },
      'nan-score',
    ],
  ])('%s', async (_what, update, options, reason) =>
    expect(await outcomeOf(update, options)).toMatchObject({ kind: 'reject', reason }),
  )
  it('that is not about its key', async () => {
    const scorer = createScorer({ ...topics, playbook: () => never, models })
    const record = received(updateOf('c1'), 'c2')
    const [prepared] = await scorer.prepare!([record])
    expect(scorer.step(emptyHistory, record, prepared!)).toMatchObject({ kind: 'reject', reason: 'other-customer' })
  })
  it('and leaves the rest of its batch alone', async () => {
    const outcomes = await outcomesOf([
      updateOf('c1'),
      withFeature(-Infinity),
      updateOf('c2', { fingerprint: 'x' }),
      updateOf('c3'),
    ])
    expect(outcomes.map(outcome => outcome.kind)).toEqual(['done', 'reject', 'reject', 'done'])
  })
})
