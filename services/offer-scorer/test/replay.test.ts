import type { ContactHistory, Decision, FeatureUpdate, PlaybookRecord } from '@offerstream/contracts'
import { emptyHistory, remember } from '@offerstream/policy'
import { createModels, modelsFolder } from '@offerstream/ranker'
import { createClock, memoryLog, memoryStore, partitionOf } from '@offerstream/streaming'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPast, prepareAgain, replayStep, startOfferScorer } from '../src/index.ts'
import { at, records, registry, topics, updateOf } from './given.ts'

const hour = 60 * 60 * 1000
const partitions = 4
const models = createModels(modelsFolder)
afterAll(() => models.close())

/** Forty customers, six updates each, eleven hours apart. */
const updates: FeatureUpdate[] = Array.from({ length: 240 }, (_, index) => {
  const customer = `c${index % 40}`
  const round = Math.floor(index / 40)
  return updateOf(customer, { id: `u${index}`, at: at + round * 11 * hour }, (index % 40) * 700)
})
const changed: PlaybookRecord = {
  at: 0,
  body: { type: 'lever', name: 'top-ups', item: null, category: 'top-up', factor: 2, active: true, score: null },
}

describe('given a line that ran, with the playbook changed under way', () => {
  let decisions: Decision[]
  let offers: number
  const past = createPast()

  beforeAll(async () => {
    const inner = memoryLog()
    let changeWasRead = false
    const log: typeof inner = {
      ...inner,
      read(topic, partition, from, to) {
        if (topic === 'playbook' && from >= records.length) changeWasRead = true
        return inner.read(topic, partition, from, to)
      },
    }
    const surroundings = { log, store: memoryStore(), registry, clock: createClock(), prefix: '', partitions }
    await log.ensureTopics(
      ['purchases', 'usage', 'engagements', 'customers'].map(name => ({
        name,
        partitions,
        kept: 'compacted' as const,
      })),
    )
    const publish = (all: readonly PlaybookRecord[]) =>
      log.append(
        'playbook',
        0,
        all.map(record => ({ key: record.body.name, value: topics.playbook.codec.encode(record) })),
      )
    const feed = async (some: readonly FeatureUpdate[]) => {
      for (const value of some)
        await log.append('feature-updates', partitionOf(value.customer, partitions), [
          { key: value.customer, value: topics.updates.codec.encode(value) },
        ])
    }
    await log.ensureTopics([
      { name: 'playbook', partitions: 1, kept: 'for-ever' },
      { name: 'feature-updates', partitions, kept: 'for-ever' },
    ])
    await publish(records)
    const running = await startOfferScorer(surroundings, { models: modelsFolder })
    const count = async (topic: string) => (await log.bounds(topic)).reduce((sum, { next }) => sum + next, 0)
    const until = async (holds: () => boolean | Promise<boolean>) => {
      while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 20))
    }
    const decided = (wanted: number) => until(async () => (await count('decisions')) >= wanted)
    await feed(updates.slice(0, 120))
    await decided(120)
    await publish([changed])
    await until(() => changeWasRead)
    await new Promise(resolve => setTimeout(resolve, 20))
    await feed(updates.slice(120))
    await decided(240)
    await running.stop()
    offers = await count('next-best-offers')
    decisions = []
    for (let partition = 0; partition < partitions; partition++)
      for await (const messages of log.read('decisions', partition, 0))
        decisions.push(...messages.map(message => topics.decisions.codec.decode(message.value!)))
    for (const [offset, record] of [...records, changed].entries()) past.add(record, offset)
  }, 60_000)

  /** Decides everything again in batches of a size; how many differ. */
  async function differing(size: number, playbookAt = past.at, again = decisions): Promise<number> {
    const histories = new Map<string, ContactHistory>()
    let differing = 0
    for (let from = 0; from < again.length; from += size) {
      const batch = again.slice(from, from + size)
      const prepared = await prepareAgain(batch, playbookAt, models)
      for (const [index, recorded] of batch.entries()) {
        const step = replayStep(histories.get(recorded.customer) ?? emptyHistory, recorded, prepared[index]!)
        histories.set(recorded.customer, step.history)
        if (!step.same) differing++
      }
    }
    return differing
  }

  it('there is one decision for each update, and an offer for each that makes one', () => {
    expect(decisions.map(decision => decision.id).toSorted()).toEqual(updates.map(update => update.id).toSorted())
    expect(offers).toBe(decisions.filter(decision => decision.chosen !== null).length)
    expect(offers).toBeGreaterThan(40)
    expect(new Set(decisions.map(decision => decision.playbookVersion)).size).toBe(2)
  })
  it('the sequence of a customer rises by one with each offer', () => {
    const sequences = decisions
      .filter(decision => decision.customer === 'c7')
      .flatMap(decision => decision.sequence ?? [])
    expect(sequences).toEqual(sequences.map((_, index) => index + 1))
  })
  it.each([1, 7, 150])('deciding again in batches of %i finds no differing byte', async size =>
    expect(await differing(size)).toBe(0),
  )

  const changing = (change: (body: PlaybookRecord['body']) => PlaybookRecord['body']) => {
    const other = createPast()
    for (const [offset, record] of [...records, changed].entries())
      other.add({ ...record, body: change(record.body) }, offset)
    return other.at
  }
  it.each<[string, (body: PlaybookRecord['body']) => PlaybookRecord['body']]>([
    [
      'one price',
      body => (body.type === 'item' && body.name === 'smart-10' ? { ...body, priceMinor: body.priceMinor + 1 } : body),
    ],
    ['one rule', body => (body.type === 'rule' ? { ...body, why: `${body.why}!`, when: body.when.slice(0, 1) } : body)],
    ['one threshold', body => (body.type === 'contact_policy' ? { ...body, offersPerWeek: 1 } : body)],
  ])('with %s changed it would find some', async (_what, change) =>
    expect(await differing(150, changing(change))).toBeGreaterThan(0),
  )

  it('a score recorded a hair off is taken from the record, one further off is ours and counted', async () => {
    const shift = (by: number) =>
      decisions.map(decision => ({
        ...decision,
        candidates: decision.candidates.map(each => ({ ...each, score: each.score === null ? null : each.score + by })),
      }))
    const apart = async (by: number) =>
      (await prepareAgain(shift(by), past.at, models)).reduce((sum, each) => sum + each.scoresApart, 0)
    expect(await apart(5e-7)).toBe(0)
    expect(await apart(5e-6)).toBeGreaterThan(0)
  })
  it('the history is rebuilt from the decisions alone', async () => {
    const rebuilt = decisions.filter(each => each.customer === 'c3').reduce(remember, emptyHistory)
    const last = decisions.findLast(each => each.customer === 'c3')!
    expect(rebuilt).toEqual(remember(last.history, last))
  })
})
