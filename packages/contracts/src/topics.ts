import type { Records } from './generated.ts'

const day = 24 * 60 * 60 * 1000

/** Who has to do with a topic: the company's own systems, our services, or any subscriber. */
type Application = 'company' | 'intake' | 'feature-updater' | 'offer-scorer' | 'push-dispatcher' | 'subscribers'

/** A topic of the flow: what its records are, how they are keyed, how long they are kept. */
export type TopicDefinition = {
  /** What a record of it says, for the pages of topics. */
  readonly doc: string
  /** Who appends, and who reads it in the flow; `explain`, `replay` and the like may read every topic. */
  readonly writers: readonly Application[]
  readonly readers: readonly Application[]
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
    doc: 'What customers bought, and what of it was taken back.',
    writers: ['company'],
    readers: ['intake'],

    records: ['purchase', 'purchase-retracted'],
    key: 'customer',
    owner: 'upstream',
    partitions: 'shared',
    kept: 7 * day,
  },
  usage: {
    doc: 'Data, minutes and texts used.',
    writers: ['company'],
    readers: ['intake'],
    records: ['usage'],
    key: 'customer',
    owner: 'upstream',
    partitions: 'shared',
    kept: 7 * day,
  },
  engagements: {
    doc: 'What customers saw, opened, clicked and refused, and who wants no more messages; of pushes the dispatcher says it.',
    writers: ['company', 'push-dispatcher'],
    readers: ['intake'],
    records: ['engagement'],
    key: 'customer',
    owner: 'upstream',
    partitions: 'shared',
    kept: 7 * day,
  },
  customers: {
    doc: 'Profiles with consents and time zone; the newest of a customer counts.',
    writers: ['company'],
    readers: ['intake', 'push-dispatcher'],
    records: ['customer'],
    key: 'customer',
    owner: 'upstream',
    partitions: 'shared',
    kept: 'compacted',
  },
  playbook: {
    doc: 'What decisions go by: catalogue, contact policy, experiments, models, kill switches. Written by `offerstream` and, where a model on trial is retired, by the scorer; an offset is a version.',
    writers: ['company', 'offer-scorer'],
    readers: ['intake', 'offer-scorer', 'push-dispatcher'],
    records: ['playbook'],
    key: 'name',
    owner: 'offerstream',
    partitions: 'one',
    kept: 'for-ever',
  },
  'customer-events': {
    doc: 'The journal: every fact about customers, validated, in the one order that everything follows.',
    writers: ['intake'],
    readers: ['feature-updater', 'offer-scorer', 'push-dispatcher'],

    records: ['customer-event'],
    key: 'customer',
    owner: 'offerstream',
    partitions: 'shared',
    kept: 395 * day,
  },
  'feature-updates': {
    doc: 'A trigger fired for a customer: the features as they stood.',
    writers: ['feature-updater'],
    readers: ['offer-scorer'],

    records: ['feature-update'],
    key: 'customer',
    owner: 'offerstream',
    partitions: 'shared',
    kept: 7 * day,
  },
  decisions: {
    doc: 'Whole decisions with every candidate, refusals too.',
    writers: ['offer-scorer'],
    readers: ['offer-scorer'],
    records: ['decision'],
    key: 'customer',
    owner: 'offerstream',
    partitions: 'shared',
    kept: 395 * day,
  },
  'next-best-offers': {
    doc: 'The offer to make, self-contained: the topic for other subscribers.',
    writers: ['offer-scorer'],
    readers: ['offer-scorer', 'push-dispatcher', 'subscribers'],

    records: ['next-best-offer'],
    key: 'customer',
    owner: 'offerstream',
    partitions: 'shared',
    kept: 7 * day,
  },
  campaigns: {
    doc: 'A campaign reached a customer; one fan-out job writes them.',
    writers: ['feature-updater'],
    readers: ['intake'],

    records: ['campaign-due'],
    key: 'customer',
    owner: 'offerstream',
    partitions: 'shared',
    kept: 7 * day,
  },
  deliveries: {
    doc: 'What became of each offer on its way to the customer.',
    writers: ['push-dispatcher'],
    readers: ['intake', 'offer-scorer', 'push-dispatcher'],
    records: ['delivery'],
    key: 'customer',
    owner: 'offerstream',
    partitions: 'shared',
    kept: 395 * day,
  },
} as const satisfies Record<string, TopicDefinition>

export type TopicName = keyof typeof topics

/** What a record of a topic is. */
export type RecordOf<Name extends TopicName> = Records[(typeof topics)[Name]['records'][number]]

/** How long dead letters are kept, milliseconds. */
export const deadLettersKeptMs = 30 * day
