// A base of customers as large as wanted: the states of some thousand simulated ones, repeated under other names.
import { applyRecord, emptyPlaybook, type Playbook, stampOf } from '@offerstream/catalogue'
import { avroCodec, type ContactHistory, type FeatureUpdate, type PlaybookRecord } from '@offerstream/contracts'
import { createUpdater, knownAt, updaterName } from '@offerstream/feature-updater'
import { featureTable, states } from '@offerstream/features'
import { scorerName } from '@offerstream/offer-scorer'
import { inputsOf, type PairName, pairNames } from '@offerstream/ranker'
import { createWorld, customerRecords, events, type OperatorEvent, playbookRecords } from '@offerstream/simulator'
import {
  ensureTopics,
  memoryLog,
  memoryRegistry,
  memoryStore,
  type Outgoing,
  openTopic,
  partitionOf,
  redisStore,
  runFold,
  type StoreLane,
} from '@offerstream/streaming'
import type { Progress } from './bench.ts'

const day = 24 * 3_600_000
const days = 30
const inputs = 40

export type Base = {
  readonly start: number
  /** Moment of the ranking, just after the last event. */
  readonly at: number
  /** Items, limits, rules and control arms; no model. */
  readonly records: readonly PlaybookRecord[]
  readonly states: readonly Buffer[]
  readonly features: readonly string[]
  readonly pairs: readonly PairName[]
  /** Model inputs of every state and plan, float32. */
  readonly rows: Buffer
}

export async function baseOf({
  distinct,
  plans,
  progress,
}: {
  readonly distinct: number
  readonly plans: number
  readonly progress: Progress
}): Promise<Base> {
  const start = Date.UTC(2026, 2, 2)
  const at = start + days * day
  const world = createWorld({ seed: 7, customers: distinct, start })
  const records = catalogueOf(plans, playbookRecords(world))
  const own = [...playbookRecords(world), ...records].reduce(
    (book, each, place) => applyRecord(book, each, place),
    emptyPlaybook,
  )
  const log = memoryLog()
  const store = memoryStore()
  const registry = memoryRegistry()
  await ensureTopics(log, { prefix: '', partitions: 1, sources: true })
  const topic = await openTopic(registry, 'customer-events')
  const running = await runFold(
    createUpdater({ events: topic, updates: await openTopic(registry, 'feature-updates') }),
    { log, store },
  )
  let written = 0
  const append = async (batch: readonly OperatorEvent[]): Promise<void> => {
    const outgoing = batch.map((event): Outgoing => {
      const item = event.type === 'customer' ? event.plan : event.type === 'usage' ? null : event.item
      const envelope = {
        journalledAt: event.at + 50,
        triggers: false,
        item: item === null ? null : stampOf(own, item, event.at),
        event,
      }
      return { key: event.customer, value: topic.codec.encode(envelope) }
    })
    written += batch.length
    await log.append(topic.path, 0, outgoing)
  }
  await append([...customerRecords(world)])
  for (let from = start; from < at; from += day) {
    await append([...events(world, from, from + day)])
    progress('simulating customers', (from + day - start) / (days * day))
  }
  const applied = async (): Promise<number> => ((await store.peekProgress(updaterName, 0))?.watermark ?? -1) + 1
  while ((await applied()) < written) await new Promise(resolve => setTimeout(resolve, 50))
  await running.stop()
  const found: Buffer[] = []
  for await (const page of store.each(updaterName, 0)) for (const [, state] of page) found.push(state)
  await log.close()

  const pairs = pairNames
  const features = featureTable
    .filter(({ money }) => !money)
    .map(({ name }) => name)
    .slice(0, inputs - pairs.length)
  const playbook = records.reduce((book, each, place) => applyRecord(book, each, place), emptyPlaybook)
  return { start, at, records, states: found, features, pairs, rows: rowsOf(found, at, playbook, { features, pairs }) }
}

/** The simulated operator's plans over and over under other names and prices, with its limits, rules and control arms. */
function catalogueOf(plans: number, records: readonly PlaybookRecord[]): PlaybookRecord[] {
  const own = records.filter(({ body }) => body.type === 'item' && body.kind === 'plan')
  const wide = Array.from({ length: plans }, (_, index): PlaybookRecord => {
    const { at, body } = own[index % own.length]!
    const round = Math.floor(index / own.length)
    if (body.type !== 'item' || round === 0) return { at, body }
    return { at, body: { ...body, name: `${body.name}-${round}`, priceMinor: body.priceMinor + 300 * round } }
  })
  return [...wide, ...records.filter(({ body }) => body.type !== 'item')]
}

function rowsOf(
  found: readonly Buffer[],
  at: number,
  playbook: Playbook,
  columns: { readonly features: readonly string[]; readonly pairs: readonly PairName[] },
): Buffer {
  const plans = [...playbook.items.values()]
  const parts = found.map(bytes => {
    const trigger = { kind: 'campaign-due', event: 'bench', at }
    const update: FeatureUpdate = { id: '', customer: '', trigger, ...knownAt(states.decode(bytes), at) }
    const { rows } = inputsOf(columns, update, at, plans, playbook)
    return Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength)
  })
  return Buffer.concat(parts)
}

const pageCustomers = 1000

/** Writes the states of so many customers as the updater saves them, and a history for every third as the scorer does. */
export async function fillStore(
  base: Base,
  {
    redisUrl,
    prefix,
    partitions,
    customers,
    progress,
  }: {
    readonly redisUrl: string
    readonly prefix: string
    readonly partitions: number
    readonly customers: number
    readonly progress: Progress
  },
): Promise<void> {
  const store = redisStore({ url: redisUrl, prefix: `${prefix}os` })
  const lanes = async (fold: string): Promise<StoreLane[]> =>
    Promise.all(Array.from({ length: partitions }, (_, at) => store.open(fold, at)))
  const [updaters, scorers] = [await lanes(updaterName), await lanes(scorerName)]
  const none = { from: null, to: null, causes: new Map(), counts: new Map(), due: [], outbox: null }
  const past: ContactHistory = {
    sequence: 2,
    offered: [40, 9].map(ago => ({
      at: base.at - ago * day,
      item: base.records[3]!.body.name,
      channel: 'push',
      capped: true,
    })),
  }
  const history = avroCodec('contact-history').encode(past)
  const pages = Array.from({ length: partitions }, () => [] as string[])
  const places = new Map<string, number>()
  const flush = async (partition: number): Promise<void> => {
    const page = pages[partition]!
    pages[partition] = []
    await Promise.all([
      updaters[partition]!.save({
        ...none,
        states: page.map(name => [name, base.states[places.get(name)! % base.states.length]!] as const),
      }),
      scorers[partition]!.save({
        ...none,
        states: page.filter(name => places.get(name)! % 3 === 0).map(name => [name, history] as const),
      }),
    ])
    for (const name of page) places.delete(name)
  }
  for (let index = 0; index < customers; index++) {
    const name = `customer-${String(index).padStart(8, '0')}`
    const partition = partitionOf(name, partitions)
    places.set(name, index)
    pages[partition]!.push(name)
    if (pages[partition]!.length < pageCustomers) continue
    await flush(partition)
    progress('writing states', index / customers)
  }
  for (let partition = 0; partition < partitions; partition++) if (pages[partition]!.length > 0) await flush(partition)
  progress('writing states', 1)
  await store.close()
}
