import { applyRecord, emptyPlaybook, type Playbook } from '@offerstream/catalogue'
import {
  type CatalogueItem,
  type CustomerFacts,
  defaults,
  type Experiment,
  type FeatureUpdate,
  type PlaybookRecord,
  type Predicate,
  type Rule,
} from '@offerstream/contracts'
import { type Example, noon } from '../src/examples.ts'
import { guideOf } from '../src/guide.ts'
import { emptyHistory, type Request } from '../src/index.ts'
import { situationOf } from '../src/situation.ts'
import { featureNames } from '../src/use.ts'

const gb = 1024 * 1024

export const plan = (name: string, priceMinor: number, quotaGb: number): CatalogueItem => ({
  ...defaults.CatalogueItem,
  name,
  kind: 'plan',
  priceMinor,
  currency: 'EUR',
  marginMinor: priceMinor / 2,
  quotaKb: quotaGb * gb,
  overageMinorPerGb: 400,
  serviceType: 'mobile-data',
  recurring: true,
  validityDays: 30,
  category: 'standard',
  brand: 'north',
  text: { en: `${quotaGb} gigabytes` },
})

export const planM = plan('plan-m', 2000, 10)
export const planL = plan('plan-l', 3000, 30)
export const packS: CatalogueItem = { ...plan('pack-s', 500, 2), kind: 'package', category: 'top-up' }

export const playbookOf = (...bodies: readonly PlaybookRecord['body'][]): Playbook =>
  bodies.reduce((playbook, body, offset) => applyRecord(playbook, { at: 0, body }, offset), emptyPlaybook)

const facts: CustomerFacts = {
  ...defaults.CustomerFacts,
  plan: 'plan-m',
  monthlyChargeMinor: 2000,
  currency: 'EUR',
  brand: 'north',
  consent: { push: true },
  devices: ['d1'],
}

/** The plain update as an example changes it. */
export const updateOf = (example: Example = {}, id = 'update-1', customer = 'customer-1'): FeatureUpdate => ({
  id,
  customer,
  at: example.at ?? noon,
  trigger: { kind: 'purchase', event: 'e1', at: example.at ?? noon },
  fingerprint: 'f',
  features: featureNames.map(name => example.features?.[name] ?? Number.NaN),
  facts: { ...facts, ...example.facts },
})

/** The plain playbook as an example changes it. */
export const playbookFor = (example: Example = {}): Playbook =>
  playbookOf(planM, { ...planL, ...example.item }, packS, ...(example.playbook ?? []))

const historyOf = (example: Example = {}) => ({ ...emptyHistory, ...example.history })

/** Every item of the playbook a candidate, with the score the function gives it. */
export const requestOf = (
  update: FeatureUpdate,
  playbook: Playbook,
  scoreOf: (item: CatalogueItem) => number | null = () => 0.1,
): Request => ({
  id: update.id,
  at: update.at,
  update,
  candidates: [...playbook.items.values()].map(item => ({ item, pairs: [], score: scoreOf(item) })),
  models: [],
})

/** Everybody in one arm. */
export const everybodyIn = (policy: Experiment['arms'][number]['policy']): Experiment => ({
  ...defaults.Experiment,
  name: `all-${policy}`,
  arms: [{ name: policy, share: 1, policy }],
})

export const comparing = (
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

/** A rule of marketing's, named by its reason. */
export const refusing = (why: string, ...when: readonly Predicate[]): Rule => ({
  type: 'rule',
  name: why,
  why,
  active: true,
  when,
})

/** An example as the rules see it: the item in question and its situation. */
export const asked = (example: Example) => {
  const playbook = playbookFor(example)
  const update = updateOf(example)
  const guide = guideOf(playbook)
  return [
    playbook.items.get('plan-l')!,
    situationOf(update, update.at, historyOf(example), guide, null, example.reservations),
  ] as const
}
