import type { Budget, CatalogueItem, Decision, Delivery, FeatureUpdate, PlaybookRecord } from '@offerstream/contracts'
import { emptyHistory } from '@offerstream/policy'
import { createModels, modelsFolder } from '@offerstream/ranker'
import { memoryReservations, openTopic, type Reservations } from '@offerstream/streaming'
import { afterAll, describe, expect, it } from 'vitest'
import { createKeeper, createScorer, prepareAgain, replayStep } from '../src/index.ts'
import { at, foldOf, received, records, registry, topics, updateOf, withPolicy } from './given.ts'

const models = createModels(modelsFolder)
afterAll(() => models.close())

const policy = withPolicy({ explorationShare: 0 }).contactPolicies.get('default')!
const best = 'smart-10'
const itemNamed = (name: string): CatalogueItem => {
  const { body } = records.find(each => each.body.type === 'item' && each.body.name === name)!
  return body as CatalogueItem
}
/** The playbook with changes of one item, and more records. */
const playbookWith = (change: Partial<CatalogueItem>, ...more: readonly PlaybookRecord['body'][]) =>
  foldOf([
    ...records,
    ...[policy, { ...itemNamed(best), marginMinor: 1_000_000, ...change }, ...more].map(body => ({ at: 0, body })),
  ])
const budget = (change: Partial<Budget> = {}): Budget => ({
  type: 'budget',
  name: 'november',
  item: best,
  category: null,
  amountMinor: 1000,
  currency: 'EUR',
  from: null,
  to: null,
  ...change,
})
const updates = (count: number, from = 0): FeatureUpdate[] =>
  Array.from({ length: count }, (_, index) => updateOf(`c${from + index}`, {}, (from + index) * 3))

async function decideAll(
  batch: readonly FeatureUpdate[],
  playbook: ReturnType<typeof playbookWith>,
  reservations: Reservations,
): Promise<Decision[]> {
  const scorer = createScorer({ ...topics, playbook: () => playbook, models, reservations })
  const all = batch.map(update => received(update))
  const prepared = await scorer.prepare!(all)
  return all.map((record, index) => {
    const outcome = scorer.step(emptyHistory, record, prepared[index]!)
    if (outcome.kind !== 'done') throw new Error(outcome.reason)
    return outcome.emit[0]!.value as Decision
  })
}
const deliveries = await openTopic(registry, 'deliveries')
const keeperOf = (playbook: ReturnType<typeof playbookWith>, reservations: Reservations, notices: string[] = []) => {
  const keeper = createKeeper({
    decisions: topics.decisions,
    deliveries,
    playbook: { current: () => playbook, at: () => playbook, catchUp: async () => {} },
    reservations,
    notice: line => notices.push(line),
  })
  return (...values: readonly (Decision | Delivery)[]) =>
    keeper.effect!(values.map(value => ({ key: value.customer, value, timestamp: 0 })))
}
const ended = (decision: Decision, state: Delivery['state']): Delivery => ({
  type: 'delivery',
  id: `${decision.id}/${state}`,
  customer: decision.customer,
  at,
  offer: decision.id,
  item: decision.chosen!,
  channel: 'push',
  provider: null,
  state,
  reason: null,
  device: null,
  trigger: '',
})

describe('an item with a stock', () => {
  const stocked = playbookWith({ stock: 5 })
  it('is wanted by all of them, were there enough', async () => {
    const chosen = (await decideAll(updates(20), playbookWith({}), memoryReservations())).map(each => each.chosen)
    expect(chosen.filter(each => each === best).length).toBeGreaterThan(10)
  })
  it('is offered no more often than there are units, the others get their next best', async () => {
    const reservations = memoryReservations()
    const decisions = await decideAll(updates(20), stocked, reservations)
    expect(decisions.filter(each => each.chosen === best)).toHaveLength(5)
    expect(decisions.filter(each => each.chosen === null)).toHaveLength(0)
    const refused = decisions.filter(each => !each.reservations[0]!.granted)
    expect(refused).toHaveLength(15)
    for (const { candidates } of refused)
      expect(candidates.find(({ item }) => item === best)).toMatchObject({ propensity: 0, rank: null })
    await keeperOf(stocked, reservations)(...decisions)
    expect(await reservations.totals(`stock/${best}`)).toEqual({ held: 0, kept: 5 })
  })
  it('has propensities that add up to 1 with and without a unit', async () => {
    for (const { candidates, noOfferPropensity, propensity } of await decideAll(
      updates(8),
      stocked,
      memoryReservations(),
    )) {
      const sum = candidates.reduce((total, each) => total + each.propensity, noOfferPropensity)
      expect(sum).toBeCloseTo(1, 12)
      expect(propensity).toBeGreaterThan(0)
    }
  })
  it('is asked for once more after a crash and answers the same', async () => {
    const reservations = memoryReservations()
    const first = await decideAll(updates(20), stocked, reservations)
    await decideAll(updates(20, 20), stocked, reservations)
    expect(await decideAll(updates(20), stocked, reservations)).toEqual(first)
    expect((await reservations.totals(`stock/${best}`)).held).toBe(5)
  })
  it('that was reserved for a decision never published is free again', async () => {
    let now = 0
    const reservations = memoryReservations(() => now)
    await decideAll(updates(5), stocked, reservations)
    expect((await decideAll(updates(1, 30), stocked, reservations))[0]!.chosen).not.toBe(best)
    now += 11 * 60_000
    expect((await decideAll(updates(1, 31), stocked, reservations))[0]!.chosen).toBe(best)
  })
  it('is not asked for where the customer cannot have it anyway', async () => {
    const reservations = memoryReservations()
    const without = { facts: { ...updateOf('c').facts, consent: {} } }
    const [decision] = await decideAll([updateOf('c', without)], stocked, reservations)
    expect(decision!.reservations).toEqual([])
  })
  it('that a decision did not choose after all is free once the decision is published', async () => {
    const reservations = memoryReservations()
    const never = playbookWith(
      { stock: 5 },
      { type: 'lever', name: 'hide', item: best, category: null, factor: 0, active: true, score: null },
    )
    const decisions = await decideAll(updates(5), never, reservations)
    expect(await reservations.totals(`stock/${best}`)).toEqual({ held: 5, kept: 0 })
    await keeperOf(never, reservations)(...decisions)
    expect(await reservations.totals(`stock/${best}`)).toEqual({ held: 0, kept: 0 })
  })
  it.each(['expired', 'suppressed', 'superseded', 'rejected'] as const)(
    'whose offer ended %s is free again, once however often it is said',
    async state => {
      const reservations = memoryReservations()
      const decisions = await decideAll(updates(7), stocked, reservations)
      const keep = keeperOf(stocked, reservations)
      await keep(...decisions)
      const offered = decisions.filter(each => each.chosen === best)
      for (let time = 0; time < 2; time++)
        await keep(...decisions, ended(offered[0]!, state), ended(offered[1]!, 'accepted'))
      expect(await reservations.totals(`stock/${best}`)).toEqual({ held: 0, kept: 4 })
      expect((await decideAll(updates(1, 40), stocked, reservations))[0]!.chosen).toBe(best)
    },
  )
  it('whose end is heard before its decision is free all the same', async () => {
    const reservations = memoryReservations()
    const decisions = await decideAll(updates(1), stocked, reservations)
    const keep = keeperOf(stocked, reservations)
    await keep(ended(decisions[0]!, 'suppressed'))
    await keep(...decisions)
    expect(await reservations.totals(`stock/${best}`)).toEqual({ held: 0, kept: 0 })
  })
  it('published after its hold lapsed is kept, and said', async () => {
    let now = 0
    const reservations = memoryReservations(() => now)
    const notices: string[] = []
    const decisions = await decideAll(updates(5), stocked, reservations)
    now += 11 * 60_000
    await keeperOf(stocked, reservations, notices)(...decisions)
    expect(await reservations.totals(`stock/${best}`)).toEqual({ held: 0, kept: 5 })
    expect(notices.join()).toContain(`stock/${best}`)
  })
})

describe('an item that a budget pays for', () => {
  const paid = playbookWith({ costMinor: 300 }, budget({ from: at - 1000, to: at + 1000 }))
  const name = `budget/november/${at - 1000}`
  it('is offered while the budget lasts', async () => {
    const reservations = memoryReservations()
    const decisions = await decideAll(updates(12), paid, reservations)
    expect(decisions.flatMap(each => each.reservations).filter(each => each.granted)).toHaveLength(3)
    await keeperOf(paid, reservations)(...decisions)
    const offered = decisions.filter(each => each.chosen === best).length
    expect(offered).toBeGreaterThan(0)
    expect(await reservations.totals(name)).toEqual({ held: 0, kept: 300 * offered })
  })
  it('has what was spent on its record, and only what was kept counts', async () => {
    const reservations = memoryReservations()
    const first = await decideAll(updates(1), paid, reservations)
    expect(first[0]!.budgets).toEqual([{ name: 'november', spentMinor: 0 }])
    await keeperOf(paid, reservations)(...first)
    expect((await decideAll(updates(1, 1), paid, reservations))[0]!.budgets).toEqual([
      { name: 'november', spentMinor: 300 },
    ])
  })
  it('needs the budget only within its dates', async () => {
    const over = playbookWith({ costMinor: 300 }, budget({ from: 0, to: at, amountMinor: 0 }))
    const [decision] = await decideAll(updates(1), over, memoryReservations())
    expect([decision!.chosen, decision!.reservations]).toEqual([best, []])
  })
  it('needs its stock too, and gives the budget back where there is none', async () => {
    const both = playbookWith({ costMinor: 300, stock: 1 }, budget())
    const reservations = memoryReservations()
    const decisions = await decideAll(updates(3), both, reservations)
    expect(decisions.filter(each => each.chosen === best)).toHaveLength(1)
    await keeperOf(both, reservations)(...decisions)
    expect(await reservations.totals('budget/november/')).toEqual({ held: 0, kept: 300 })
  })
})

it.each([1, 7, 150])(
  'deciding again in batches of %i takes the answers from the record and finds no differing byte',
  async size => {
    const scarce = playbookWith({ stock: 9, costMinor: 10 }, budget({ amountMinor: 70 }))
    const reservations = memoryReservations()
    const keep = keeperOf(scarce, reservations)
    const decisions: Decision[] = []
    for (let from = 0; from < 60; from += 10) {
      const batch = await decideAll(updates(10, from), scarce, reservations)
      await keep(...batch)
      decisions.push(...batch)
    }
    expect(new Set(decisions.flatMap(each => each.reservations).map(each => each.granted)).size).toBe(2)
    let differing = 0
    for (let from = 0; from < decisions.length; from += size) {
      const batch = decisions.slice(from, from + size)
      const prepared = await prepareAgain(batch, () => scarce, models)
      for (const [index, decision] of batch.entries())
        if (!replayStep(emptyHistory, decision, prepared[index]!).same) differing++
      // Negative control: with other answers it would find some.
      const other = {
        ...batch[0]!,
        reservations: batch[0]!.reservations.map(each => ({ ...each, granted: !each.granted })),
      }
      const again = replayStep(emptyHistory, other, prepared[0]!)
      expect(again.decision!.candidates).not.toEqual(batch[0]!.candidates)
    }
    expect(differing).toBe(0)
  },
)
