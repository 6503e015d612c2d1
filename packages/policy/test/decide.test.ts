import { type ArmPolicy, avroCodec, type CatalogueItem, type PlaybookRecord } from '@offerstream/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contactPolicy, noon } from '../src/examples.ts'
import {
  candidateLimit,
  candidatesFor,
  decide,
  emptyHistory,
  offerOf,
  remember,
  rememberedOffers,
} from '../src/index.ts'
import { everybodyIn, packS, plan, planL, planM, playbookFor, playbookOf, requestOf, updateOf } from './sample.ts'

const day = 24 * 60 * 60 * 1000
const never = contactPolicy({ explorationShare: 0 })
const planXl = plan('plan-xl', 3900, 60)
const scores: Record<string, number> = { 'plan-l': 0.2, 'plan-xl': 0.1, 'pack-s': 0.5 }
const scoreOf = (item: CatalogueItem) => scores[item.name] ?? null

/** One decision over four items, by a playbook that also has the given records. */
const decided = (records: readonly PlaybookRecord['body'][], history = emptyHistory, update = updateOf()) => {
  const playbook = playbookOf(planM, planL, planXl, packS, ...records)
  return decide(requestOf(update, playbook, scoreOf), history, playbook)
}

describe('given several eligible items, when a trigger fires, then the decision', () => {
  it('is for the greatest expected value', () => {
    const decision = decided([never])
    // 0.2 × 1500 beats 0.1 × 1950 and 0.5 × 250.
    expect(decision).toMatchObject({
      chosen: 'plan-l',
      reason: 'best-value',
      explored: false,
      propensity: 1,
      sequence: 1,
    })
    expect(decision.candidates.map(each => [each.item, each.refused, each.rank, each.valueMinor])).toEqual([
      ['plan-m', 'has-it', null, null],
      ['plan-l', null, 1, 300],
      ['plan-xl', null, 2, 195],
      ['pack-s', null, 3, 125],
    ])
  })
  it('goes by levers', () => {
    const lever = {
      type: 'lever' as const,
      name: 'more-packs',
      item: null,
      category: 'top-up',
      factor: 3,
      active: true,
      score: null,
    }
    expect(decided([never, lever]).chosen).toBe('pack-s')
    expect(decided([never, { ...lever, active: false }]).chosen).toBe('plan-l')
    expect(decided([never, { ...lever, category: null, item: 'plan-xl' }]).chosen).toBe('plan-xl')
  })
  it('is for nothing below the least value marketing wants', () => {
    const records = [contactPolicy({ explorationShare: 0, minimumValueMinor: 301 })] as const
    expect(decided([...records])).toMatchObject({
      chosen: null,
      reason: 'below-minimum-value',
      sequence: null,
      propensity: 1,
    })
  })
  it('is for nothing when nothing is eligible', () =>
    expect(decided([never], emptyHistory, updateOf({ facts: { consent: {} } }))).toMatchObject({
      chosen: null,
      reason: 'nothing-eligible',
      propensity: 1,
    }))
  it('is for nothing when no model looked', () => {
    const playbook = playbookOf(planM, planL, never)
    expect(
      decide(
        requestOf(updateOf(), playbook, () => null),
        emptyHistory,
        playbook,
      ),
    ).toMatchObject({
      chosen: null,
      reason: 'nothing-scored',
    })
  })
  it('expires with the item when that comes first', () => {
    const ending = playbookFor({ item: { availableTo: noon + 1000 }, playbook: [never] })
    expect(decide(requestOf(updateOf(), ending), emptyHistory, ending).expiresAt).toBe(noon + 1000)
    expect(decided([never]).expiresAt).toBe(noon + day)
  })
  it('is the same each time, and survives the log', () => {
    const codec = avroCodec('decision')
    const bytes = codec.encode(decided([never]))
    expect(codec.encode(decided([never]))).toEqual(bytes)
    expect(codec.encode(codec.decode(bytes))).toEqual(bytes)
  })
})

describe('an arm', () => {
  it.each<[ArmPolicy, string | null, string]>([
    ['champion', 'plan-xl', 'best-value'],
    ['no_levers', 'plan-l', 'best-value-without-levers'],
    ['propensity_only', 'pack-s', 'likeliest'],
    ['rules_only', 'plan-l', 'next-step'],
    ['no_offer', null, 'no-offer-arm'],
  ])('%s chooses %s', (policy, chosen, reason) => {
    const lever = {
      type: 'lever' as const,
      name: 'xl',
      item: 'plan-xl',
      category: null,
      factor: 2,
      active: true,
      score: null,
    }
    expect(decided([never, lever, everybodyIn(policy)])).toMatchObject({
      chosen,
      reason,
      propensity: 1,
      arms: [{ experiment: `all-${policy}`, arm: policy }],
    })
  })
  it('random_eligible gives every eligible action the same propensity', () => {
    const decision = decided([never, everybodyIn('random_eligible')])
    expect(decision.propensity).toBe(0.25)
    expect(decision.candidates.map(each => each.propensity)).toEqual([0, 0.25, 0.25, 0.25])
  })
  it('no_offer stays silent also while others explore', () =>
    expect(decided([contactPolicy({ explorationShare: 1 }), everybodyIn('no_offer')])).toMatchObject({
      chosen: null,
      explored: false,
      propensity: 1,
    }))
  it('of the first experiment that is no champion’s decides, every arm is on the record', () => {
    const decision = decided([never, everybodyIn('champion'), everybodyIn('no_offer'), everybodyIn('random_eligible')])
    expect(decision.reason).toBe('no-offer-arm')
    expect(decision.arms.map(each => each.arm)).toEqual(['champion', 'no_offer', 'random_eligible'])
  })
})

describe('for any customer, scores and shares', () => {
  const cases = fc.record({
    id: fc.string({ minLength: 1 }),
    explorationShare: fc.double({ min: 0, max: 1, noNaN: true }),
    minimumValueMinor: fc.integer({ min: 0, max: 400 }),
    scores: fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true })), { minLength: 4, maxLength: 4 }),
    policy: fc.constantFrom<ArmPolicy>(
      'champion',
      'random_eligible',
      'propensity_only',
      'no_levers',
      'rules_only',
      'no_offer',
    ),
    offered: fc.array(
      fc.record({
        at: fc.integer({ min: noon - 9 * day, max: noon }),
        item: fc.constantFrom('plan-l', 'pack-s'),
        channel: fc.constant('push'),
        capped: fc.constant(true),
      }),
      { maxLength: 3 },
    ),
  })
  it('propensities add up to one, the chosen is eligible, and what is refused is never chosen', () => {
    fc.assert(
      fc.property(cases, ({ id, explorationShare, minimumValueMinor, scores, policy, offered }) => {
        const playbook = playbookOf(
          planM,
          planL,
          planXl,
          packS,
          contactPolicy({ explorationShare, minimumValueMinor }),
          everybodyIn(policy),
        )
        const update = updateOf({}, id)
        let index = 0
        const request = requestOf(update, playbook, () => scores[index++] ?? null)
        const decision = decide(request, { sequence: 3, offered }, playbook)
        const offers = decision.candidates.reduce((sum, each) => sum + each.propensity, 0)
        expect(offers).toBeLessThanOrEqual(1 + 1e-12)
        const chosen = decision.candidates.find(each => each.item === decision.chosen)
        expect(decision.propensity).toBeGreaterThan(0)
        if (decision.chosen === null) expect(decision.propensity).toBeCloseTo(1 - offers, 12)
        else {
          expect(chosen!.refused).toBeNull()
          expect(decision.propensity).toBe(chosen!.propensity)
          expect(decision.sequence).toBe(4)
        }
        for (const each of decision.candidates) expect(each.propensity === 0 || each.refused === null).toBe(true)
        const offer = offerOf(decision, playbook)
        expect(offer?.item ?? null).toBe(decision.chosen)
        expect(remember(decision.history, decision).sequence).toBe(decision.chosen === null ? 3 : 4)
      }),
      { numRuns: 500 },
    )
  })
})

describe('what must be sent', () => {
  const notice: CatalogueItem = {
    ...packS,
    name: 'price-change',
    category: 'service',
    obligation: 'mandatory',
    channels: ['email', 'push'],
  }
  const receipt: CatalogueItem = { ...notice, name: 'receipt', obligation: 'transactional' }
  it('goes before every offer, whatever the arm, with propensity 1', () => {
    const decision = decided([contactPolicy({ explorationShare: 1 }), notice, everybodyIn('no_offer')])
    expect(decision).toMatchObject({
      chosen: 'price-change',
      reason: 'mandatory',
      propensity: 1,
      noOfferPropensity: 0,
      explored: false,
      channel: 'push',
    })
    expect(decision.candidates.map(each => each.propensity)).toEqual([0, 0, 0, 0, 1])
    expect(decided([never, notice, receipt]).chosen).toBe('receipt')
  })
  it('needs consent, unless the law does not want it', () => {
    const update = updateOf({ facts: { consent: { push: false } } })
    expect(decided([never, notice], emptyHistory, update).candidates.at(-1)!.refused).toBe('no-consent')
    expect(decided([never, { ...notice, needsConsent: false }], emptyHistory, update)).toMatchObject({
      chosen: 'price-change',
      channel: 'email',
    })
  })
  it('leaves a mark of its own', () => {
    const afterNotice = remember(emptyHistory, decided([never, notice]))
    expect(afterNotice).toEqual({
      sequence: 1,
      offered: [{ at: noon, item: 'price-change', channel: 'push', capped: false }],
    })
    // The notice is not sent twice, and does not hold back an offer.
    expect(decided([never, notice], afterNotice).chosen).toBe('plan-l')
    expect(remember(afterNotice, decided([never, receipt], afterNotice))).toEqual({ ...afterNotice, sequence: 2 })
  })
  it('tells the dispatcher what it is', () => {
    const playbook = playbookOf(planM, { ...receipt, needsConsent: false })
    const decision = decide(requestOf(updateOf(), playbook), emptyHistory, playbook)
    expect(offerOf(decision, playbook)).toMatchObject({ obligation: 'transactional', needsConsent: false })
  })
})

describe('history', () => {
  it('forgets the last offer of an item last', () => {
    const offers = Array.from({ length: 40 }, (_, index) => (index === 0 ? 'plan-l' : `pack-${index % 2}`))
    let history = emptyHistory
    for (const [index, chosen] of offers.entries())
      history = remember(history, { ...decided([never]), chosen, at: noon + index, sequence: index + 1 })
    expect(history.offered).toHaveLength(rememberedOffers)
    expect(history.offered[0]!.item).toBe('plan-l')
  })
  it('remembers offers and nothing else', () => {
    const offer = decided([never])
    expect(remember(emptyHistory, offer)).toEqual({
      sequence: 1,
      offered: [{ at: noon, item: 'plan-l', channel: 'push', capped: true }],
    })
    const silence = decided([never, everybodyIn('no_offer')])
    expect(remember(emptyHistory, silence)).toBe(emptyHistory)
  })
  it('keeps the newest few', () => {
    const playbook = playbookOf(
      planM,
      planL,
      contactPolicy({
        explorationShare: 0,
        offersPerWeek: 99,
        offersPerCategoryPerWeek: 99,
        minimumGapMinutes: 0,
        sameItemGapDays: 0,
        offersPerItemPerMonth: 99,
      }),
    )
    let history = emptyHistory
    for (let index = 0; index < 40; index++) {
      const update = updateOf({ at: noon + index }, `u${index}`)
      history = remember(history, decide(requestOf(update, playbook), history, playbook))
    }
    expect(history.sequence).toBe(40)
    expect(history.offered).toHaveLength(rememberedOffers)
    expect(history.offered.at(-1)!.at).toBe(noon + 39)
  })
  it('holds back a second offer on the same day', () => {
    const history = remember(emptyHistory, decided([never]))
    expect(decided([never], history, updateOf({ at: noon + 1000 })).candidates.map(each => each.refused)).toEqual([
      'has-it',
      'contacted-lately',
      'contacted-lately',
      'contacted-lately',
    ])
  })
})

describe('an offer', () => {
  it('is self-contained', () => {
    const playbook = playbookFor({ playbook: [never] })
    const decision = decide(requestOf(updateOf(), playbook), emptyHistory, playbook)
    expect(offerOf(decision, playbook)).toEqual({
      id: 'update-1',
      customer: 'customer-1',
      at: noon,
      sequence: 1,
      item: 'plan-l',
      kind: 'plan',
      category: 'standard',
      brand: 'north',
      priceMinor: 3000,
      currency: 'EUR',
      channel: 'push',
      text: '30 gigabytes',
      locale: 'en',
      zone: 'UTC',
      reasons: ['best-value', 'purchase'],
      expiresAt: noon + day,
      obligation: 'none',
      needsConsent: true,
      trigger: { kind: 'purchase', event: 'e1', at: noon },
    })
  })
  it('speaks the customer’s language where the item does', () => {
    const playbook = playbookFor({ item: { text: { en: 'more', de: 'mehr' } }, playbook: [never] })
    const textFor = (locale: string) =>
      offerOf(decide(requestOf(updateOf({ facts: { locale } }), playbook), emptyHistory, playbook), playbook)!.text
    expect([textFor('de-AT'), textFor('de'), textFor('fr')]).toEqual(['mehr', 'mehr', 'more'])
  })
})

describe('candidates', () => {
  it('are everything on sale, in the order of the catalogue', () =>
    expect(candidatesFor(updateOf(), noon, playbookFor({ item: { withdrawn: true } })).map(item => item.name)).toEqual([
      'plan-m',
      'pack-s',
    ]))
  it('past the limit come from every kind, and what must be sent stays', () => {
    const many = Array.from({ length: 70 }, (_, index) => ({ ...plan(`plan-${index}`, 2500 + index, 20) }))
    const sales = Array.from({ length: 20 }, (_, index) => ({ ...packS, name: `sale-${index}`, kind: 'sale' as const }))
    const notice = { ...packS, name: 'notice', marginMinor: 0, obligation: 'mandatory' as const }
    const kinds = candidatesFor(updateOf(), noon, playbookOf(planM, ...many, ...sales, packS, notice)).map(
      item => item.kind,
    )
    const count = (kind: string) => kinds.filter(each => each === kind).length
    expect([count('plan'), count('sale'), count('package')]).toEqual([28, 20, 2])
  })
  it('past the limit leave out what the rules refuse, then what earns least', () => {
    const many = Array.from({ length: 70 }, (_, index) => plan(`plan-${index}`, 2500 + index * 30, 20))
    const names = candidatesFor(updateOf(), noon, playbookOf(planM, ...many)).map(item => item.name)
    expect(names).toHaveLength(candidateLimit)
    expect(names).toContain('plan-50') // 40.00, as far as the price step goes
    expect(names).not.toContain('plan-51')
    expect(names).not.toContain('plan-0')
    expect(names.map(name => Number(name.slice(5)))).toEqual(
      names.map(name => Number(name.slice(5))).toSorted((a, b) => a - b),
    )
  })
})
