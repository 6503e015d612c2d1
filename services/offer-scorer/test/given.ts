import { applyRecord, emptyPlaybook, type Playbook } from '@offerstream/catalogue'
import {
  type ContactPolicy,
  type CustomerFacts,
  defaults,
  type FeatureUpdate,
  type PlaybookRecord,
} from '@offerstream/contracts'
import { fingerprint, names } from '@offerstream/features'
import { modelsFolder, promotionOf } from '@offerstream/ranker'
import { playbookRecords } from '@offerstream/simulator'
import { type Cause, memoryRegistry, openTopic, type Received } from '@offerstream/streaming'

export const at = Date.UTC(2025, 0, 6, 12)

/** The simulated operator's playbook with its model promoted; nobody in a control arm. */
export const records: readonly PlaybookRecord[] = [
  ...playbookRecords({ start: 0 }).filter(({ body }) => body.type !== 'experiment'),
  { at: 0, body: await promotionOf(modelsFolder, 'plan-ranker', '1') },
]

export const foldOf = (all: readonly PlaybookRecord[]): Playbook => all.reduce(applyRecord, emptyPlaybook)

/** The same with a change of the contact policy. */
export const withPolicy = (change: Partial<ContactPolicy>): Playbook => {
  const { body } = records.find(record => record.body.type === 'contact_policy')!
  return foldOf([...records, { at: 0, body: { ...(body as ContactPolicy), ...change } }])
}

export const facts: CustomerFacts = {
  ...defaults.CustomerFacts,
  plan: 'smart-6',
  monthlyChargeMinor: 1299,
  currency: 'EUR',
  ageBand: '35-44',
  consent: { push: true },
}

/** An update of a customer on six gigabytes who used eight; `moreMb` tells customers apart. */
export function updateOf(customer: string, change: Partial<FeatureUpdate> = {}, moreMb = 0): FeatureUpdate {
  const vector: Record<string, number> = {
    data_mb_7d: 2500 + moreMb / 4,
    data_mb_30d: 8192 + moreMb,
    voice_minutes_30d: 120,
    texts_30d: 4,
    overage_to_charge_30d: 0.6,
  }
  return {
    id: `feature-updates@1/0/${customer}/0`,
    customer,
    at,
    trigger: { kind: 'allowance-used', event: 'e', at },
    fingerprint,
    features: names.map(name => Math.fround(vector[name] ?? Number.NaN)),
    facts,
    ...change,
  }
}

const cause: Cause = { topic: 'feature-updates', generation: 1, partition: 0, offset: 0, index: 0 }

export const received = (value: FeatureUpdate, key = value.customer): Received<FeatureUpdate> => ({ key, value, cause })

const registry = memoryRegistry()
export const topics = {
  updates: await openTopic(registry, 'feature-updates'),
  decisions: await openTopic(registry, 'decisions'),
  offers: await openTopic(registry, 'next-best-offers'),
  playbook: await openTopic(registry, 'playbook'),
}
export { registry }
