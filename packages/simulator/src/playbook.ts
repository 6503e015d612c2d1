import {
  type ContactPolicy,
  defaults,
  type Experiment,
  type PlaybookRecord,
  type Predicate,
  type Rule,
} from '@offerstream/contracts'
import { packages, plans } from './catalogue.ts'
import type { World } from './world.ts'

/** What the simulated operator decides by: items, rules, limits and standing control arms. No model: that is promoted by whoever has one. */
export function playbookRecords(world: Pick<World, 'start'>): PlaybookRecord[] {
  return [...plans.map(plan => plan.item), ...packages, ...rules, contactPolicy, controls].map(body => ({
    at: world.start,
    body,
  }))
}

const compared = (
  subject: Predicate['subject'],
  field: string,
  operator: Predicate['operator'],
  value: number | string,
): Predicate => ({
  ...defaults.Predicate,
  subject,
  field,
  operator,
  number: typeof value === 'number' ? value : null,
  text: typeof value === 'string' ? value : null,
})

const rules: readonly Rule[] = [
  {
    type: 'rule',
    name: 'no-top-plans-for-the-youngest',
    why: 'young-and-dear',
    active: true,
    when: [
      compared('customer', 'ageBand', 'eq', '18-24'),
      compared('item', 'kind', 'eq', 'plan'),
      compared('item', 'priceMinor', 'gt', 4999),
    ],
  },
  {
    type: 'rule',
    name: 'no-minutes-on-unlimited-calls',
    why: 'calls-unlimited',
    active: true,
    // From this charge on every plan includes unlimited calls.
    when: [compared('item', 'serviceType', 'eq', 'voice'), compared('customer', 'monthlyChargeMinor', 'ge', 2799)],
  },
  {
    type: 'rule',
    name: 'no-large-packages-on-small-plans',
    why: 'dearer-than-the-plan',
    active: true,
    when: [
      compared('item', 'kind', 'eq', 'package'),
      compared('item', 'priceMinor', 'gt', 1500),
      compared('customer', 'monthlyChargeMinor', 'lt', 1000),
    ],
  },
]

const contactPolicy: ContactPolicy = {
  ...defaults.ContactPolicy,
  name: 'default',
  offersPerCategoryPerWeek: 2,
  rejectionCoolDownDays: 14,
  quietToHour: 9,
  validHours: 48,
  priceStepShare: 0.6,
  minimumValueMinor: 1,
}

const controls: Experiment = {
  ...defaults.Experiment,
  name: 'standing-controls',
  arms: [
    { name: 'champion', share: 0.9, policy: 'champion' },
    { name: 'random', share: 0.02, policy: 'random_eligible' },
    { name: 'propensity', share: 0.02, policy: 'propensity_only' },
    { name: 'no-levers', share: 0.02, policy: 'no_levers' },
    { name: 'rules', share: 0.02, policy: 'rules_only' },
    { name: 'silence', share: 0.02, policy: 'no_offer' },
  ],
}
