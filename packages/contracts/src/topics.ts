import type { Records } from './generated.ts'

const day = 24 * 60 * 60 * 1000

/** A topic of the flow: what its records are, how they are keyed, how long they are kept. */
export type TopicDefinition = {
  readonly records: readonly (keyof Records)[]
  readonly key: 'customer' | 'name'
  /** `upstream`: the company's own topic, made by us only for demos and tests. */
  readonly owner: 'upstream' | 'offerstream'
  /** `one` keeps a single order; `shared` is the count all customer-keyed topics of ours share. */
  readonly partitions: 'one' | 'shared'
  /** Milliseconds, or `for-ever`; `compacted` keeps the newest of each key. */
  readonly kept: number | 'for-ever' | 'compacted'
}

/** Every topic by name, without the configurable prefix. The dead letters of each are kept for 30 days. */
export const topics = {
  purchases: {
    records: ['purchase', 'purchase-retracted'],
    key: 'customer',
    owner: 'upstream',
    partitions: 'shared',
    kept: 7 * day,
  },
  usage: { records: ['usage'], key: 'customer', owner: 'upstream', partitions: 'shared', kept: 7 * day },
  engagements: { records: ['engagement'], key: 'customer', owner: 'upstream', partitions: 'shared', kept: 7 * day },
  customers: { records: ['customer'], key: 'customer', owner: 'upstream', partitions: 'shared', kept: 'compacted' },
  playbook: { records: ['playbook'], key: 'name', owner: 'offerstream', partitions: 'one', kept: 'for-ever' },
  'customer-events': {
    records: ['customer-event'],
    key: 'customer',
    owner: 'offerstream',
    partitions: 'shared',
    kept: 395 * day,
  },
  'feature-updates': {
    records: ['feature-update'],
    key: 'customer',
    owner: 'offerstream',
    partitions: 'shared',
    kept: 7 * day,
  },
  decisions: { records: ['decision'], key: 'customer', owner: 'offerstream', partitions: 'shared', kept: 395 * day },
  'next-best-offers': {
    records: ['next-best-offer'],
    key: 'customer',
    owner: 'offerstream',
    partitions: 'shared',
    kept: 7 * day,
  },
  campaigns: {
    records: ['campaign-due'],
    key: 'customer',
    owner: 'offerstream',
    partitions: 'shared',
    kept: 7 * day,
  },
  deliveries: { records: ['delivery'], key: 'customer', owner: 'offerstream', partitions: 'shared', kept: 395 * day },
} as const satisfies Record<string, TopicDefinition>

export type TopicName = keyof typeof topics

/** What a record of a topic is. */
export type RecordOf<Name extends TopicName> = Records[(typeof topics)[Name]['records'][number]]

/** How long dead letters are kept, milliseconds. */
export const deadLettersKeptMs = 30 * day
