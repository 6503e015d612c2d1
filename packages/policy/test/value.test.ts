import type { Pace } from '@offerstream/catalogue'
import { type Budget, type CatalogueItem, defaults, type ModelPromotion } from '@offerstream/contracts'
import { describe, expect, it } from 'vitest'
import { contactPolicy, noon } from '../src/examples.ts'
import { decide, emptyHistory } from '../src/index.ts'
import { expectedValue, pressureOn } from '../src/value.ts'
import { packS, planL, planM, playbookOf, requestOf, updateOf } from './sample.ts'

const day = 24 * 60 * 60 * 1000
const never = contactPolicy({ explorationShare: 0 })
/** A fifth off something that earns 10.00. */
const fifth: CatalogueItem = { ...packS, name: 'fifth-off', kind: 'discount', marginMinor: 1000, costMinor: 200 }

describe('the expected value', () => {
  it('is propensity times margin, less the cost of what is taken', () => {
    expect(expectedValue(planL, { score: 0.2, uplift: null }, 1)).toBe(300)
    expect(expectedValue({ ...planL, costMinor: 500 }, { score: 0.2, uplift: null }, 1)).toBe(200)
  })
  it('of a discount is what it adds, less what everybody who takes it is given', () => {
    // 12 of 100 buy instead of 10: 2 × 10.00 more margin, 12 × 2.00 given away.
    expect(expectedValue(fifth, { score: 0.12, uplift: 0.02 }, 1)).toBeCloseTo(-4)
    expect(expectedValue(fifth, { score: 0.3, uplift: 0.2 }, 1)).toBeCloseTo(140)
  })
  it('of a discount is unknown where nobody measured what it adds', () =>
    expect(expectedValue(fifth, { score: 0.9, uplift: null }, 1)).toBeNull())
  it('counts the cost in full where nobody knows who would take it', () =>
    expect(expectedValue(fifth, { score: null, uplift: 0.3 }, 1)).toBe(100))
})

const budget: Budget = {
  type: 'budget',
  name: 'spring',
  item: null,
  category: 'top-up',
  amountMinor: 10_000,
  currency: 'EUR',
  from: noon - 5 * day,
  to: noon + 5 * day,
}

describe('the pace of a budget', () => {
  const pace = (spentShare: number, elapsedShare: number, change: Partial<Budget> = {}): Pace => ({
    budget: { ...budget, ...change },
    spentShare,
    elapsedShare,
  })
  it('weighs cost by how far it is ahead, and by nothing while it is not', () => {
    expect(pressureOn(fifth, [pace(0.3, 0.5)])).toBe(1)
    expect(pressureOn(fifth, [pace(0.75, 0.5)])).toBe(1.5)
    expect(pressureOn(fifth, [pace(0.75, 0.5), pace(0.9, 0.3)])).toBeCloseTo(3)
  })
  it('says nothing before a hundredth of the time is over', () => {
    expect(pressureOn(fifth, [pace(0.01, 0)])).toBe(1)
    expect(pressureOn(fifth, [pace(0.05, 0.001)])).toBeCloseTo(5)
  })
  it('is that of budgets that pay for the item, where it costs something', () => {
    expect(pressureOn(fifth, [pace(0.9, 0.1, { category: 'standard' })])).toBe(1)
    expect(pressureOn({ ...fifth, costMinor: 0 }, [pace(0.9, 0.1)])).toBe(1)
  })
  it('decides between a discount and none', () => {
    const playbook = playbookOf(planM, fifth, budget, never)
    const [, candidate] = requestOf(updateOf(), playbook, () => 0.3).candidates
    const decided = (spentMinor: number) =>
      decide(
        {
          ...requestOf(updateOf(), playbook),
          candidates: [{ ...candidate!, uplift: 0.1 }],
          budgets: [{ name: 'spring', spentMinor }],
        },
        emptyHistory,
        playbook,
      )
    // 0.1 × 10.00 against 0.3 × 2.00 × 1, then × 2.
    expect(decided(5000)).toMatchObject({ chosen: 'fifth-off', reason: 'best-value' })
    expect(decided(5000).candidates[0]!.valueMinor).toBeCloseTo(40)
    expect(decided(10_000)).toMatchObject({ chosen: null, reason: 'below-minimum-value' })
    expect(decided(10_000).candidates[0]).toMatchObject({ refused: null, uplift: 0.1, score: 0.3 })
    expect(decided(10_000).budgets).toEqual([{ name: 'spring', spentMinor: 10_000 }])
  })
})

describe('a refused reservation', () => {
  it('refuses its item before the draw, and stands on the record', () => {
    const playbook = playbookOf(planM, planL, packS, contactPolicy({ explorationShare: 1 }))
    const reservations = [{ item: 'plan-l', resource: 'stock/plan-l', granted: false }]
    const decision = decide({ ...requestOf(updateOf(), playbook), reservations }, emptyHistory, playbook)
    expect(decision.candidates.map(each => [each.refused, each.propensity])).toEqual([
      ['has-it', 0],
      ['out-of-stock', 0],
      [null, 0.5],
    ])
    expect([decision.noOfferPropensity, decision.reservations]).toEqual([0.5, reservations])
  })
})

describe('a model that is learning', () => {
  const model: ModelPromotion = {
    ...defaults.ModelPromotion,
    name: 'ranker',
    version: '1',
    stage: 'champion',
    sha256: 'a'.repeat(64),
    learning: true,
  }
  const shareOf = (share: number, change: Partial<ModelPromotion>) => {
    const playbook = playbookOf(planM, planL, packS, contactPolicy({ explorationShare: share }), {
      ...model,
      ...change,
    })
    return decide(requestOf(updateOf(), playbook), emptyHistory, playbook).noOfferPropensity * 3
  }
  it.each<[string, number, number, Partial<ModelPromotion>]>([
    ['explores at least a tenth', 0.02, 0.1, {}],
    ['as a shadow too', 0, 0.1, { stage: 'shadow' }],
    ['leaves a larger share alone', 0.3, 0.3, {}],
    ['asks for nothing once it is retired', 0.02, 0.02, { stage: 'retired' }],
    ['asks for nothing when it is done', 0.02, 0.02, { learning: false }],
  ])('%s', (_what, share, expected, change) => expect(shareOf(share, change)).toBeCloseTo(expected, 12))
})
