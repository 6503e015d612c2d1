// What holds for every customer, playbook and order of things.
import type {
  ArmPolicy,
  CatalogueItem,
  ContactPolicy,
  Decision,
  PastOffer,
  PlaybookRecord,
} from '@offerstream/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contactPolicy, type Example, noon, offered, stop } from '../src/examples.ts'
import { guideOf } from '../src/guide.ts'
import { decide, emptyHistory, offerOf, remember } from '../src/index.ts'
import { refusalOf } from '../src/rules.ts'
import { situationOf } from '../src/situation.ts'
import { comparing, everybodyIn, plan, playbookOf, refusing, requestOf, updateOf } from './sample.ts'

const hour = 60 * 60 * 1000
const day = 24 * hour

const policies = fc.constantFrom<ArmPolicy>(
  'champion',
  'random_eligible',
  'propensity_only',
  'no_levers',
  'rules_only',
  'no_offer',
)

/** A dozen items of every kind and obligation. */
const catalogue: fc.Arbitrary<readonly CatalogueItem[]> = fc
  .array(
    fc.record({
      kind: fc.constantFrom('plan', 'plan', 'package', 'sale', 'discount'),
      obligation: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'none', 'mandatory', 'transactional'),
      needsConsent: fc.boolean(),
      priceMinor: fc.integer({ min: 300, max: 5000 }),
      marginMinor: fc.integer({ min: 0, max: 2000 }),
      costMinor: fc.constantFrom(0, 0, 100),
      quotaGb: fc.nat(40),
      category: fc.constantFrom('', 'standard', 'top-up'),
      channels: fc.constantFrom(['push'], ['email'], ['push', 'email']),
      stock: fc.constantFrom(null, null, 0, 5),
      withdrawn: fc.constantFrom(false, false, false, true),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map(list =>
    list.map(
      ({ quotaGb, needsConsent, ...item }, index): CatalogueItem => ({
        ...plan(`item-${String.fromCharCode(97 + index)}`, 1, quotaGb),
        ...item,
        needsConsent: item.obligation === 'none' || needsConsent,
      }),
    ),
  )

const pastOffers: fc.Arbitrary<readonly PastOffer[]> = fc
  .array(fc.record({ daysAgo: fc.nat(40), letter: fc.nat(11), channel: fc.constantFrom('push', 'email') }), {
    maxLength: 5,
  })
  .map(list =>
    list
      .map(({ daysAgo, letter, channel }) =>
        offered(`item-${String.fromCharCode(97 + letter)}`, noon - daysAgo * day - 1, channel),
      )
      .sort((a, b) => a.at - b.at),
  )

const worlds = fc.record({
  items: catalogue,
  id: fc.string({ minLength: 1, maxLength: 8 }),
  arm: policies,
  change: fc.record({
    explorationShare: fc.constantFrom(0, 0.1, 1),
    minimumValueMinor: fc.constantFrom(0, 50),
    offersPerWeek: fc.nat(4),
    offersPerCategoryPerWeek: fc.nat(2),
    offersPerItemPerMonth: fc.integer({ min: 1, max: 3 }),
    validHours: fc.constantFrom(2, 24),
    offersPerChannelPerWeek: fc.constantFrom<Record<string, number>>({}, { push: 1 }),
  }),
  scores: fc.array(fc.option(fc.integer({ min: 0, max: 1000 }).map(x => x / 1000)), { minLength: 12, maxLength: 12 }),
  plan: fc.constantFrom('item-a', 'item-b', null),
  charge: fc.constantFrom(0, 900, 2500),
  usedMb: fc.constantFrom(Number.NaN, 0, 30 * 1024),
  hours: fc.nat(48),
  consent: fc.constantFrom<Record<string, boolean>>(
    { push: true },
    { push: true, email: true },
    {},
    { 'email/top-up': true },
  ),
  rejected: fc.subarray(['item-a', 'item-c']),
  past: pastOffers,
  refused: fc.subarray(['item-b', 'item-d']),
})
type World = typeof worlds extends fc.Arbitrary<infer Each> ? Each : never

/** The world's prices, bills, margins, costs and thresholds in another unit of money. */
function decideIn(world: World, arrange: (items: readonly CatalogueItem[]) => readonly CatalogueItem[], unit = 1) {
  const money = (item: CatalogueItem): CatalogueItem => ({
    ...item,
    priceMinor: item.priceMinor * unit,
    marginMinor: item.marginMinor * unit,
    costMinor: item.costMinor * unit,
    overageMinorPerGb: item.overageMinorPerGb * unit,
  })
  const playbook = playbookOf(
    ...arrange(world.items).map(money),
    contactPolicy({ ...world.change, minimumValueMinor: world.change.minimumValueMinor * unit }),
    everybodyIn(world.arm),
    { type: 'lever', name: 'packs', item: null, category: 'top-up', factor: 1.5, active: true, score: null },
    {
      type: 'budget',
      name: 'spring',
      item: null,
      category: null,
      amountMinor: 1000 * unit,
      currency: 'EUR',
      from: noon - day,
      to: noon + 3 * day,
    },
    refusing('busy', comparing('item', 'category', 'eq', 'top-up'), comparing('time', 'hour', 'lt', 4)),
  )
  const example: Example = {
    at: noon + world.hours * hour,
    features: { data_mb_30d: world.usedMb },
    facts: {
      plan: world.plan,
      monthlyChargeMinor: world.charge * unit,
      consent: world.consent,
      rejections: world.rejected.map(item => ({ item, at: noon - day })),
    },
  }
  const scoreOf = ({ name }: CatalogueItem) => world.scores[name.charCodeAt(5) - 97]!
  const request = {
    ...requestOf(updateOf(example, world.id), playbook, scoreOf),
    reservations: world.refused.map(item => ({ item, resource: `stock/${item}`, granted: false })),
    budgets: [{ name: 'spring', spentMinor: 700 * unit }],
  }
  const withUplift = request.candidates.map(each => ({
    ...each,
    uplift: each.score === null ? null : each.score - 0.3,
  }))
  const history = { sequence: world.past.length, offered: world.past }
  return {
    decision: decide({ ...request, candidates: withUplift }, history, playbook),
    playbook,
    request,
    history,
  }
}
const asTheyAre = (items: readonly CatalogueItem[]) => items

describe('for any world', () => {
  it('what is not eligible is never chosen, and has no propensity', () =>
    fc.assert(
      fc.property(worlds, world => {
        const { decision, playbook, request, history } = decideIn(world, asTheyAre)
        const { update, at, reservations } = request
        const situation = situationOf(update, at, history, guideOf(playbook), null, reservations)
        for (const { item, refused, propensity } of decision.candidates) {
          const refusal = refusalOf(playbook.items.get(item)!, situation)
          expect(refused).toBe(refusal)
          if (refusal === null) continue
          expect(propensity).toBe(0)
          expect(decision.chosen).not.toBe(item)
        }
        const sum = decision.candidates.reduce((total, each) => total + each.propensity, decision.noOfferPropensity)
        expect(sum).toBeCloseTo(1, 12)
        expect(decision.propensity).toBeGreaterThan(0)
        expect(offerOf(decision, playbook)?.item ?? null).toBe(decision.chosen)
      }),
      { numRuns: 1000 },
    ))
  it('the order of the catalogue changes no choice, score, verdict or propensity', () =>
    fc.assert(
      fc.property(worlds, fc.infiniteStream(fc.nat()), (world, keys) => {
        const sorted = (decision: Decision) => ({
          ...decision,
          candidates: decision.candidates.toSorted((a, b) => (a.item < b.item ? -1 : 1)),
        })
        const shuffled = (items: readonly CatalogueItem[]) =>
          items
            .map(item => [keys.next().value, item] as const)
            .sort((a, b) => a[0] - b[0])
            .map(([, item]) => item)
        expect(sorted(decideIn(world, shuffled).decision)).toEqual(sorted(decideIn(world, asTheyAre).decision))
      }),
      { numRuns: 500 },
    ))
  it('another unit of money changes nothing but the values', () =>
    fc.assert(
      fc.property(worlds, fc.constantFrom(2, 8, 1024), (world, unit) => {
        const plain = decideIn(world, asTheyAre).decision
        const { decision } = decideIn(world, asTheyAre, unit)
        const relative = ({ update: _, budgets: __, ...rest }: Decision, by: number) => ({
          ...rest,
          candidates: rest.candidates.map(each => ({
            ...each,
            valueMinor: each.valueMinor === null ? null : each.valueMinor / by,
          })),
        })
        expect(relative(decision, unit)).toEqual(relative(plain, 1))
      }),
      { numRuns: 500 },
    ))
  it('what must be sent goes before every offer, in every arm, with certainty', () =>
    fc.assert(
      fc.property(worlds, world => {
        const { decision, playbook } = decideIn(world, asTheyAre)
        const due = decision.candidates.filter(
          ({ item, refused }) => refused === null && playbook.items.get(item)!.obligation !== 'none',
        )
        const chosen = decision.chosen === null ? null : playbook.items.get(decision.chosen)!
        if (due.length > 0) {
          expect(chosen?.obligation).not.toBe('none')
          expect(decision).toMatchObject({ reason: chosen!.obligation, propensity: 1, explored: false })
        } else expect(chosen?.obligation ?? 'none').toBe('none')
      }),
      { numRuns: 500 },
    ))
})

describe('over any sequence of decisions', () => {
  const items: readonly CatalogueItem[] = [
    plan('plan-m', 2000, 10),
    plan('plan-l', 2100, 30),
    ...['a', 'b', 'c'].map(letter => ({
      ...plan(`pack-${letter}`, 500, 2),
      kind: 'package' as const,
      category: 'top-up',
      channels: ['email', 'push'],
    })),
    { ...plan('notice', 500, 2), kind: 'sale', obligation: 'mandatory' },
    { ...plan('receipt', 500, 2), kind: 'sale', obligation: 'transactional' },
  ]
  const limits = fc.record({
    minimumGapMinutes: fc.constantFrom(0, 600, 1440),
    offersPerWeek: fc.integer({ min: 1, max: 5 }),
    offersPerCategoryPerWeek: fc.integer({ min: 1, max: 3 }),
    offersPerItemPerMonth: fc.integer({ min: 1, max: 4 }),
    sameItemGapDays: fc.constantFrom(0, 1, 7),
    offersPerChannelPerWeek: fc.constantFrom<Record<string, number>>({}, { push: 1 }, { push: 2, email: 1 }),
  })
  const gaps = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 40, maxLength: 120 })
  const must = [
    refusing('no-news', comparing('item', 'obligation', 'eq', 'mandatory'), comparing('trigger', 'kind', 'ne', 'news')),
    refusing(
      'no-sale',
      comparing('item', 'obligation', 'eq', 'transactional'),
      comparing('trigger', 'kind', 'ne', 'sold'),
    ),
  ]

  /** Offers of a customer who is decided about again and again, so many hours apart. */
  function offersOf(
    policy: Partial<ContactPolicy>,
    hoursApart: readonly number[],
    decideBy: ContactPolicy | null = null,
  ) {
    const playbook = playbookOf(...items, ...must, decideBy ?? contactPolicy({ explorationShare: 0.5, ...policy }))
    let history = emptyHistory
    let at = noon
    const made: (PastOffer & { readonly item: string })[] = []
    for (const [index, hours] of hoursApart.entries()) {
      at += hours * hour
      const update = updateOf({ at, facts: { consent: { push: true, email: true } } }, `update-${index}`)
      const kind = ['purchase', 'news', 'sold', 'purchase', 'purchase'][index % 5]!
      const request = requestOf({ ...update, trigger: { ...update.trigger, kind } }, playbook, () => 0.2)
      const decision = decide(request, history, playbook)
      history = remember(history, decision)
      if (decision.chosen !== null)
        made.push({
          at,
          item: decision.chosen,
          channel: decision.channel!,
          capped: decision.reason !== 'mandatory' && decision.reason !== 'transactional',
        })
    }
    return made
  }
  const full = (policy: Partial<ContactPolicy>) => contactPolicy(policy)
  /** Every cap that a list of offers breaks. */
  function broken(made: readonly PastOffer[], policy: ContactPolicy): string[] {
    const capped = made.filter(each => each.capped)
    const within = (last: PastOffer, days: number, same: (past: PastOffer) => boolean) =>
      capped.filter(past => past.at <= last.at && past.at > last.at - days * day && same(past)).length
    const category = (item: string) => items.find(each => each.name === item)!.category
    return capped.flatMap((last, index) => [
      ...(within(last, 7, () => true) > policy.offersPerWeek ? ['week'] : []),
      ...(within(last, 7, past => category(past.item) === category(last.item)) > policy.offersPerCategoryPerWeek
        ? ['category']
        : []),
      ...(within(last, 7, past => past.channel === last.channel) >
      (policy.offersPerChannelPerWeek[last.channel] ?? Infinity)
        ? ['channel']
        : []),
      ...(within(last, 30, past => past.item === last.item) > policy.offersPerItemPerMonth ? ['item'] : []),
      ...(capped.slice(0, index).some(past => last.at - past.at < policy.minimumGapMinutes * 60_000) ? ['gap'] : []),
      ...(capped
        .slice(0, index)
        .some(past => past.item === last.item && last.at - past.at < policy.sameItemGapDays * day)
        ? ['again']
        : []),
    ])
  }

  it('no cap is ever exceeded', () =>
    fc.assert(
      fc.property(limits, gaps, (policy, hoursApart) => {
        expect(broken(offersOf(policy, hoursApart), full(policy))).toEqual([])
      }),
      { numRuns: 200 },
    ))
  it('every cap would be, without it', () => {
    const lax = contactPolicy({
      explorationShare: 0.5,
      minimumGapMinutes: 0,
      offersPerWeek: 99,
      offersPerCategoryPerWeek: 99,
      offersPerItemPerMonth: 99,
      sameItemGapDays: 0,
    })
    const strict = contactPolicy({
      offersPerWeek: 3,
      offersPerCategoryPerWeek: 2,
      offersPerChannelPerWeek: { push: 1 },
    })
    const found = broken(
      offersOf(
        {},
        Array.from({ length: 100 }, () => 6),
        lax,
      ),
      strict,
    )
    expect(new Set(found)).toEqual(new Set(['week', 'category', 'channel', 'item', 'gap', 'again']))
  })
  it('what must be sent goes through full caps, and fills none', () => {
    const made = offersOf(
      { offersPerWeek: 1, sameItemGapDays: 7 },
      Array.from({ length: 50 }, () => 12),
    )
    const times = (item: string) => made.filter(each => each.item === item).length
    // 25 days: a receipt for every sale, a notice a week, an offer a week.
    expect(times('receipt')).toBe(10)
    expect(times('notice')).toBe(4)
    expect(made.filter(each => each.capped).length).toBe(4)
  })
  it('a stop leaves nothing, must it be sent or not', () => {
    const records: PlaybookRecord['body'][] = [...items, stop('global', null)]
    const playbook = playbookOf(...records)
    expect(decide(requestOf(updateOf(), playbook), emptyHistory, playbook).chosen).toBeNull()
  })
})
