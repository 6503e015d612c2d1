import { type CatalogueItem, defaults, type PlaybookRecord } from '@offerstream/contracts'
import { applyRecord, defaultContactPolicy, emptyPlaybook, type Playbook } from '../src/index.ts'

export const plan: CatalogueItem = {
  ...defaults.CatalogueItem,
  name: 'plan-m',
  kind: 'plan',
  priceMinor: 2000,
  currency: 'EUR',
  marginMinor: 800,
  quotaKb: 10 * 1024 * 1024,
  minutes: 500,
  overageMinorPerGb: 400,
  overageMinorPerMinute: 10,
  serviceType: 'mobile-data',
  recurring: true,
  validityDays: 30,
  category: 'standard',
  brand: 'north',
  text: { en: 'Ten gigabytes' },
}

export const samples: { readonly [Type in PlaybookRecord['body']['type']]: PlaybookRecord['body'] & { type: Type } } = {
  item: plan,
  rule: {
    type: 'rule',
    name: 'no-travel-for-students',
    why: 'not-for-students',
    active: true,
    when: [
      { ...defaults.Predicate, subject: 'customer', field: 'segment', operator: 'eq', text: 'student' },
      { ...defaults.Predicate, subject: 'item', field: 'category', operator: 'eq', text: 'travel' },
    ],
  },
  lever: { type: 'lever', name: 'push-plan-m', item: 'plan-m', category: null, factor: 1.5, active: true, score: null },
  budget: {
    ...defaults.Budget,
    name: 'november',
    category: 'standard',
    amountMinor: 100_000,
    currency: 'EUR',
  },
  experiment: {
    ...defaults.Experiment,
    name: 'levers',
    arms: [
      { name: 'control', share: 0.1, policy: 'no_levers' },
      { name: 'rest', share: 0.9, policy: 'champion' },
    ],
  },
  model: {
    ...defaults.ModelPromotion,
    name: 'plan-ranker',
    version: '1',
    stage: 'champion',
    sha256: 'a'.repeat(64),
  },
  kill_switch: { type: 'kill_switch', name: 'all', scope: 'global', target: null, on: true },
  contact_policy: defaultContactPolicy,
}

export const playbookOf = (...bodies: readonly PlaybookRecord['body'][]): Playbook =>
  bodies.reduce((playbook, body, offset) => applyRecord(playbook, { at: 0, body }, offset), emptyPlaybook)
