import type { Playbook } from '@offerstream/catalogue'
import type { ModelPromotion } from '@offerstream/contracts'
import { createModels, type Model, type Models, modelsFolder } from '@offerstream/ranker'
import { afterAll, describe, expect, it } from 'vitest'
import { createScorer, prepare } from '../src/index.ts'
import { foldOf, received, records, topics, updateOf } from './given.ts'

const real = createModels(modelsFolder)
afterAll(() => real.close())
const champion = records.findLast(({ body }) => body.type === 'model')!.body as ModelPromotion
const promoting = (...more: readonly Partial<ModelPromotion>[]): Playbook =>
  foldOf([...records, ...more.map(change => ({ at: 0, body: { ...champion, ...change } }))])
const updates = Array.from({ length: 5 }, (_, index) => updateOf(`c${index}`, {}, index * 700))

/** The committed model under other versions, whose scores are its own changed by `change`. */
function versions(change: Readonly<Record<string, (score: number) => number>>, entered?: () => void): Models {
  const made = new Map<string, Model>()
  return {
    ...real,
    async load(promotion) {
      const model = await real.load(champion)
      const changed = change[promotion.version]
      if (changed === undefined) return model
      const known = made.get(promotion.version) ?? {
        ...model,
        scorer: {
          async score(rows: Float32Array, count: number) {
            entered?.()
            return (await model.scorer.score(rows, count)).map(changed)
          },
        },
      }
      made.set(promotion.version, known)
      return known
    },
  }
}
const preparedBy = async (playbook: Playbook, models: Models) => {
  const prepared = await prepare(
    updates,
    updates.map(() => playbook),
    models,
  )
  return prepared.map(each => {
    if (each.kind !== 'scored') throw new Error(each.reason)
    return each
  })
}

describe('a shadow', () => {
  const shadow = { version: '2', stage: 'shadow' } as const
  it('scores every candidate of its kind under its own name, and is used for nothing', async () => {
    const without = await preparedBy(promoting(), real)
    const beside = await preparedBy(promoting(shadow), versions({ 2: score => score / 2 }))
    for (const [index, { candidates, models }] of beside.entries()) {
      expect(candidates).toEqual(without[index]!.candidates)
      expect(models.map(({ version, stage }) => [version, stage])).toEqual([
        ['1', 'champion'],
        ['2', 'shadow'],
      ])
      expect(models[0]!.scores).toEqual([])
      expect(models[1]!.scores).toEqual(
        candidates.map(({ score }) => (score === null ? null : Math.fround(Math.fround(score) / 2))),
      )
    }
  })
  it('that gives NaN or fails refuses nothing', async () => {
    const missing = await preparedBy(promoting(shadow), versions({ 2: () => Number.NaN }))
    const failing = await preparedBy(
      promoting(shadow),
      versions({
        2: () => {
          throw new Error('no')
        },
      }),
    )
    for (const { models, candidates } of [...missing, ...failing]) {
      expect(models[1]!.scores).toEqual(candidates.map(() => null))
      expect(candidates.some(({ score }) => score !== null)).toBe(true)
    }
  })
  it('is what a record tells of after its Avro form', async () => {
    const scorer = createScorer({ ...topics, playbook: () => promoting(shadow), models: versions({ 2: x => x / 2 }) })
    const record = received(updates[0]!)
    const outcome = scorer.step(scorer.empty, record, (await scorer.prepare!([record]))[0]!)
    if (outcome.kind !== 'done') throw new Error('no decision')
    const decision = outcome.emit[0]!.value as Parameters<typeof topics.decisions.codec.encode>[0]
    expect(topics.decisions.codec.decode(topics.decisions.codec.encode(decision))).toEqual(decision)
    expect(decision.models[1]!.scores.filter(score => score !== null).length).toBeGreaterThan(3)
  })
})

it('a promotion that lands while a batch is scored waits for the next one', async () => {
  const [old, fresh] = [promoting(), promoting({ version: '2' })]
  let now = old
  // The promotion comes in while the runtime has the batch.
  const models = versions({ 1: score => score, 2: score => score / 2 }, () => {
    now = fresh
  })
  const scorer = createScorer({ ...topics, playbook: () => now, models })
  const batch = updates.map(update => received(update))
  const used = async () =>
    (await scorer.prepare!(batch)).map(each => {
      if (each.kind !== 'scored') throw new Error(each.reason)
      return `${each.playbook.version} ${each.models.map(model => model.version)}`
    })
  expect(await used()).toEqual(batch.map(() => `${old.version} 1`))
  expect(await used()).toEqual(batch.map(() => `${fresh.version} 2`))
})
