// What is logged as propensity is how often an action is chosen: 100,000 decisions with fixed ids, over customers whose
// eligibility, history, stock and arm differ.
import { type ArmPolicy, type Decision, defaults, type Experiment } from '@offerstream/contracts'
import { describe, expect, it } from 'vitest'
import { contactPolicy, noon, offered } from '../src/examples.ts'
import { decide, emptyHistory } from '../src/index.ts'
import { comparing, packS, plan, planL, planM, playbookOf, refusing, requestOf, updateOf } from './sample.ts'

const day = 24 * 60 * 60 * 1000
const decisions = 100_000
const explorationShare = 0.3

const standing: Experiment = {
  ...defaults.Experiment,
  name: 'standing-controls',
  arms: [
    { name: 'champion', share: 0.5, policy: 'champion' },
    { name: 'random', share: 0.1, policy: 'random_eligible' },
    { name: 'propensity', share: 0.1, policy: 'propensity_only' },
    { name: 'no-levers', share: 0.1, policy: 'no_levers' },
    { name: 'rules', share: 0.1, policy: 'rules_only' },
    { name: 'silence', share: 0.1, policy: 'no_offer' },
  ],
}
const playbook = playbookOf(
  planM,
  planL,
  plan('plan-xl', 3900, 60),
  packS,
  { ...packS, name: 'pack-m', marginMinor: 400 },
  { ...packS, name: 'notice', obligation: 'mandatory' },
  contactPolicy({ explorationShare, minimumGapMinutes: 0 }),
  { type: 'lever', name: 'more-packs', item: null, category: 'top-up', factor: 2, active: true, score: null },
  refusing('not-for-others', comparing('item', 'name', 'eq', 'notice'), comparing('customer', 'segment', 'ne', 'told')),
  standing,
)

/** The nth decision: plans, consents, past offers, scores and stock take turns, in steps that share no factor. */
function decided(index: number): Decision {
  const update = updateOf(
    {
      facts: {
        plan: ['plan-m', 'plan-l', null][index % 3]!,
        monthlyChargeMinor: [2000, 3000, 1000, 0][index % 4]!,
        consent: index % 5 === 0 ? { 'push/top-up': true } : { push: true },
        segment: index % 29 === 0 ? 'told' : 'other',
      },
    },
    `update-${index}`,
    `customer-${index % 7919}`,
  )
  const history =
    index % 7 === 0
      ? { sequence: 1, offered: [offered(index % 2 === 0 ? 'pack-s' : 'plan-l', noon - day)] }
      : emptyHistory
  const scoreOf = (item: { readonly name: string }) => ((index + item.name.length * 31) % 17) / 17
  const reservations = [{ item: 'pack-m', resource: 'stock/pack-m', granted: index % 11 !== 0 }]
  return decide({ ...requestOf(update, playbook, scoreOf), reservations }, history, playbook)
}

const log = Array.from({ length: decisions }, (_, index) => decided(index))

type Logged = { readonly propensities: ReadonlyMap<string | null, number>; readonly chosen: string | null }
const asLogged = (decision: Decision): Logged => ({
  propensities: new Map<string | null, number>([
    ...decision.candidates.map(each => [each.item, each.propensity] as const),
    [null, decision.noOfferPropensity],
  ]),
  chosen: decision.chosen,
})

/** Actions, and classes of equal propensity, that were not chosen as often as said, within four standard errors. */
function disagreements(logged: readonly Logged[]): string[] {
  const groups = new Map<string, { expected: number; variance: number; chosen: number }>()
  const count = (name: string, propensity: number, chosen: boolean) => {
    const group = groups.get(name) ?? { expected: 0, variance: 0, chosen: 0 }
    groups.set(name, group)
    group.expected += propensity
    group.variance += propensity * (1 - propensity)
    if (chosen) group.chosen++
  }
  for (const { propensities, chosen } of logged)
    for (const [action, propensity] of propensities) {
      count(`action ${action}`, propensity, action === chosen)
      count(`propensity ${propensity.toFixed(3)}`, propensity, action === chosen)
    }
  return [...groups].flatMap(([name, { expected, variance, chosen }]) =>
    Math.abs(chosen - expected) <= 4 * Math.sqrt(variance) + 1e-6 ? [] : [name],
  )
}

const policyOf = ({ arms }: Decision): ArmPolicy => standing.arms.find(arm => arm.name === arms[0]!.arm)!.policy
const exploring = (policy: ArmPolicy) =>
  policy === 'no_offer' ? 0 : policy === 'random_eligible' ? 1 : explorationShare

/** The same decision, its propensities as a careless policy would log them. */
function carelessly(decision: Decision, actionsOf: (decision: Decision) => readonly (string | null)[]): Logged {
  const share = decision.reason === 'mandatory' ? 0 : exploring(policyOf(decision))
  const { propensities, chosen } = asLogged(decision)
  const [wanted] = [...propensities].reduce((most, each) => (each[1] > most[1] ? each : most))
  const actions = actionsOf(decision)
  const propensityOf = (action: string | null) =>
    (actions.includes(action) ? share / actions.length : 0) + (action === wanted ? 1 - share : 0)
  return { propensities: new Map([...propensities.keys()].map(action => [action, propensityOf(action)])), chosen }
}

describe('logged propensities', () => {
  it('are the frequencies of 100,000 decisions, no offer among them', () => {
    expect(disagreements(log.map(asLogged))).toEqual([])
    // Every arm, every item and every way to end must have been seen.
    expect(new Set(log.map(policyOf)).size).toBe(6)
    expect(new Set(log.map(each => each.chosen))).toEqual(new Set([...playbook.items.keys(), null]))
    expect(new Set(log.map(each => each.reason)).size).toBeGreaterThanOrEqual(8)
  })
  it('are not, where they are worked out before eligibility', () =>
    expect(
      disagreements(
        log.map(each => carelessly(each, ({ candidates }) => [...candidates.map(({ item }) => item), null])),
      ),
    ).toContain('action plan-l'))
  it('are not, where no offer is no action', () =>
    expect(
      disagreements(
        log.map(each =>
          carelessly(each, ({ candidates }) =>
            candidates.filter(({ refused, item }) => refused === null && item !== 'notice').map(({ item }) => item),
          ),
        ),
      ),
    ).toContain('action null'))
  it('add up to one, are nothing for what is refused, and are above nothing for what is chosen', () => {
    const wrong = log.filter(({ candidates, chosen, noOfferPropensity, propensity }) => {
      const sum = candidates.reduce((total, each) => total + each.propensity, noOfferPropensity)
      const own = chosen === null ? noOfferPropensity : candidates.find(each => each.item === chosen)!.propensity
      return !(
        Math.abs(sum - 1) < 1e-12 &&
        candidates.every(each => each.refused === null || each.propensity === 0) &&
        propensity === own &&
        propensity > 0
      )
    })
    expect(wrong).toEqual([])
  })
})
