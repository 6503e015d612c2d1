import type { ContactPolicy, Experiment, PlaybookRecord, Rule } from '@offerstream/contracts'
import { packages, plans } from './catalogue.ts'
import type { World } from './world.ts'

/** What the simulated operator decides by: items, rules, limits and standing control arms. No model: that is promoted by whoever has one. */
export function playbookRecords(world: Pick<World, 'start'>): PlaybookRecord[] {
  return [...plans.map(plan => plan.item), ...packages, ...rules, contactPolicy, controls].map(body => ({
    at: world.start,
    body,
  }))
}

const rules: readonly Rule[] = [
  {
    type: 'rule',
    name: 'no-top-plans-for-the-youngest',
    why: 'young-and-dear',
    active: true,
    when: [
      {
        subject: 'customer',
        field: 'ageBand',
        operator: 'eq',
        number: null,
        text: '18-24',
        numbers: [],
        texts: [],
        of: [],
      },
      { subject: 'item', field: 'kind', operator: 'eq', number: null, text: 'plan', numbers: [], texts: [], of: [] },
      {
        subject: 'item',
        field: 'priceMinor',
        operator: 'gt',
        number: 4999,
        text: null,
        numbers: [],
        texts: [],
        of: [],
      },
    ],
  },
  {
    type: 'rule',
    name: 'no-minutes-on-unlimited-calls',
    why: 'calls-unlimited',
    active: true,
    // From this charge on every plan includes unlimited calls.
    when: [
      {
        subject: 'item',
        field: 'serviceType',
        operator: 'eq',
        number: null,
        text: 'voice',
        numbers: [],
        texts: [],
        of: [],
      },
      {
        subject: 'customer',
        field: 'monthlyChargeMinor',
        operator: 'ge',
        number: 2799,
        text: null,
        numbers: [],
        texts: [],
        of: [],
      },
    ],
  },
  {
    type: 'rule',
    name: 'no-large-packages-on-small-plans',
    why: 'dearer-than-the-plan',
    active: true,
    when: [
      { subject: 'item', field: 'kind', operator: 'eq', number: null, text: 'package', numbers: [], texts: [], of: [] },
      {
        subject: 'item',
        field: 'priceMinor',
        operator: 'gt',
        number: 1500,
        text: null,
        numbers: [],
        texts: [],
        of: [],
      },
      {
        subject: 'customer',
        field: 'monthlyChargeMinor',
        operator: 'lt',
        number: 1000,
        text: null,
        numbers: [],
        texts: [],
        of: [],
      },
    ],
  },
]

const contactPolicy: ContactPolicy = {
  type: 'contact_policy',
  name: 'default',
  explorationShare: 0.1,
  minimumGapMinutes: 24 * 60,
  offersPerWeek: 3,
  offersPerCategoryPerWeek: 2,
  sameItemGapDays: 7,
  rejectionCoolDownDays: 14,
  quietFromHour: 21,
  quietToHour: 9,
  validHours: 48,
  priceStepShare: 0.6,
  minimumValueMinor: 1,
  offersPerChannelPerWeek: {},
  offersPerItemPerMonth: 5,
}

const controls: Experiment = {
  type: 'experiment',
  name: 'standing-controls',
  active: true,
  from: null,
  to: null,
  arms: [
    { name: 'champion', share: 0.9, policy: 'champion' },
    { name: 'random', share: 0.02, policy: 'random_eligible' },
    { name: 'propensity', share: 0.02, policy: 'propensity_only' },
    { name: 'no-levers', share: 0.02, policy: 'no_levers' },
    { name: 'rules', share: 0.02, policy: 'rules_only' },
    { name: 'silence', share: 0.02, policy: 'no_offer' },
  ],
}
