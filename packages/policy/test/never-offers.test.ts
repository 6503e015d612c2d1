import {
  type ArmPolicy,
  defaults,
  type ModelPromotion,
  type PlaybookRecord,
  type Predicate,
  type Rule,
} from '@offerstream/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contactPolicy, noon, stop } from '../src/examples.ts'
import { decide, emptyHistory, neverOffers } from '../src/index.ts'
import { comparing, everybodyIn, packS, planL, planM, playbookOf, refusing, requestOf, updateOf } from './sample.ts'

const model: ModelPromotion = {
  ...defaults.ModelPromotion,
  name: 'ranker',
  version: '1',
  stage: 'champion',
  sha256: 'a'.repeat(64),
}
const silent = contactPolicy({ explorationShare: 0 })
const why = (...records: readonly PlaybookRecord['body'][]) =>
  neverOffers(playbookOf(planM, planL, packS, ...records), noon)
const anyPrice = comparing('item', 'priceMinor', 'gt', 0)

describe('a playbook that can offer nothing is told by', () => {
  it.each<[string, readonly PlaybookRecord['body'][], string, string | null]>([
    ['a rule', [refusing('too-dear', anyPrice)], 'too-dear', 'rule too-dear'],
    [
      'rules that share the day between them',
      [
        refusing('mornings', comparing('time', 'hour', 'lt', 12)),
        refusing('evenings', comparing('time', 'hour', 'ge', 12)),
      ],
      'mornings',
      'rule mornings',
    ],
    ['the kill switch', [stop('global', null)], 'stopped', 'kill_switch stop-global-null'],
    ['a cap of none', [contactPolicy({ offersPerWeek: 0 })], 'weekly-cap', 'contact_policy default'],
    [
      'a channel without room',
      [contactPolicy({ offersPerChannelPerWeek: { push: 0 } })],
      'channel-cap',
      'contact_policy default',
    ],
    ['no model and no exploration', [silent], 'nothing-scored', null],
    [
      'a least value nothing reaches',
      [model, contactPolicy({ explorationShare: 0, minimumValueMinor: 1501 })],
      'below-minimum-value',
      'contact_policy default',
    ],
  ])('%s', (_what, records, reason, record) => expect(why(...records)).toEqual([{ why: reason, record, items: 3 }]))
  it('several at once, the most effective first', () =>
    expect(why(stop('item', 'pack-s'), refusing('no-plans', comparing('item', 'kind', 'eq', 'plan')))).toEqual([
      { why: 'no-plans', record: 'rule no-plans', items: 2 },
      { why: 'stopped', record: 'kill_switch stop-item-pack-s', items: 1 },
    ]))
  it('nothing on sale', () => expect(neverOffers(playbookOf({ ...planL, withdrawn: true }), noon)).toEqual([]))
})

it.each<[string, readonly PlaybookRecord['body'][]]>([
  ['explores', []],
  ['scores', [model, silent]],
  ['has a rule that asks about customers', [refusing('few', comparing('feature', 'data_mb_30d', 'ge', 0))]],
  ['refuses all but one item', [refusing('dear', comparing('item', 'priceMinor', 'gt', 600))]],
  ['has a rule that rests', [{ ...refusing('all', anyPrice), active: false }]],
  ['has a mandatory notice', [silent, { ...packS, obligation: 'mandatory' }]],
  ['climbs the ladder', [silent, everybodyIn('rules_only')]],
])('a playbook that %s might offer something', (_what, records) => expect(why(...records)).toBeNull())

it('what is told to offer nothing offers nothing to anybody', () => {
  const predicate: fc.Arbitrary<Predicate> = fc.oneof(
    fc.integer({ min: 0, max: 3500 }).map(price => comparing('item', 'priceMinor', 'ge', price)),
    fc.nat(23).map(hour => comparing('time', 'hour', 'ge', hour)),
    fc.constant(comparing('customer', 'segment', 'eq', 'student')),
  )
  const rules: fc.Arbitrary<readonly Rule[]> = fc
    .array(fc.array(predicate, { minLength: 1, maxLength: 2 }), { maxLength: 3 })
    .map(list => list.map((when, index) => refusing(`rule-${index}`, ...when)))
  let told = 0
  fc.assert(
    fc.property(
      rules,
      fc.record({
        explorationShare: fc.constantFrom(0, 0.5),
        minimumValueMinor: fc.constantFrom(0, 800, 2000),
        offersPerWeek: fc.nat(1),
      }),
      fc.subarray<PlaybookRecord['body']>([model, { ...packS, obligation: 'mandatory' }, stop('item', 'plan-l')]),
      fc.constantFrom<ArmPolicy>('champion', 'no_levers', 'rules_only', 'no_offer'),
      fc.nat(7 * 24),
      fc.constantFrom('student', null),
      (marketing, change, extra, arm, hours, segment) => {
        const playbook = playbookOf(
          planM,
          planL,
          packS,
          ...marketing,
          contactPolicy(change),
          everybodyIn(arm),
          ...extra,
        )
        const found = neverOffers(playbook, noon)
        fc.pre(found !== null)
        told++
        const update = updateOf({
          at: noon + hours * 3_600_000,
          facts: { segment, plan: null, monthlyChargeMinor: 1000 },
        })
        const scored = playbook.promotions.size > 0
        for (let draw = 0; draw < 5; draw++) {
          const request = requestOf(update, playbook, () => (scored ? 1 : null))
          expect(decide({ ...request, id: `${draw}` }, emptyHistory, playbook).chosen).toBeNull()
        }
      },
    ),
    { numRuns: 500 },
  )
  expect(told).toBeGreaterThanOrEqual(500)
})
