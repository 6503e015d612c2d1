// The ledger of one partition in the store: ledgers, due moments, counts, watermark and the deliveries to publish change
// in one save.
import type { DeliveryState } from '@offerstream/contracts'
import {
  type Causes,
  causeText,
  createTally,
  deadLettersOf,
  type OutboxEntry,
  packOutbox,
  publish,
  Refused,
  read,
  rejectLimits,
  startOf,
  type Tally,
  unpackOutbox,
} from '@offerstream/streaming'
import { dueOf, emptyLedger, isEmpty, type Ledger, transitions } from './ledger.ts'
import { ledgerCodec } from './ledger-codec.ts'
import { type Hours, hoursOf } from './response-hours.ts'
import { type Setup, serviceName } from './setup.ts'
import { type Cohort, createWave, type Wave } from './wave.ts'

/** Another member owns the partition now (`drop`), or the store went back behind us (`reassign`). */
export class Lost extends Error {
  override name = 'Lost'
  readonly answer: 'drop' | 'reassign'
  constructor(answer: 'drop' | 'reassign') {
    super(answer)
    this.answer = answer
  }
}

/** Tries again while the world is unwell. */
export type Steady = <T>(work: () => Promise<T>) => Promise<T>

/** What `deliveries` say of an offer that was to be sent. */
export type Intent = {
  readonly customer: string
  /** How far it came; `sending` where nobody knows. */
  readonly state: DeliveryState
  /** When it came there. */
  readonly at: number
}

export type Book = {
  /** Offset to read offers from. */
  readonly start: number
  readonly tally: Tally
  readonly causes: Causes
  /** Offset of the journal up to which the ledger knows all. */
  readonly heard: number
  /** The next save remembers that the ledger knows the journal up to there. */
  heardTo(offset: number): void
  /** By offer, those with an intent in `deliveries`: after a failover the ledger may have lost it. */
  readonly intents: ReadonlyMap<string, Intent>
  /** What came of pushes to all customers of the partition. */
  readonly hours: Hours
  /** A wave up to the offset; without one, it leaves the watermark where it is. */
  wave(to?: number): Wave
  load(wave: Wave, customers: Iterable<string>): Promise<void>
  due(until: number, limit: number): Promise<readonly string[]>
  /** Throws `Lost` when the partition is no longer this owner's. */
  assertOwned(): Promise<void>
  /** Saves what changed, then publishes it; the wave can go on from there. Throws `Lost`. */
  save(wave: Wave, stage: 'intent' | 'outcome' | 'news'): Promise<void>
}

const deliveriesRereadMs = 10_000

/** Takes the partition: from here on every earlier owner is shut out, and what it left to publish is published. */
export async function openBook(
  setup: Setup,
  partition: number,
  committed: number | null,
  steady: Steady,
): Promise<Book> {
  const { log, store, offers, deliveries, metrics } = setup
  const where = `${serviceName} ${offers.path}/${partition}`
  const lane = await steady(() => store.open(serviceName, partition))
  const bounds = (await steady(() => log.bounds(offers.path)))[partition]
  if (bounds === undefined) throw new Refused(`${offers.path} has no partition ${partition} any more`)
  const start = startOf(serviceName, offers.path, partition, lane, committed, bounds, setup.notice)
  const tally = createTally(lane.counts, rejectLimits, setup.continueAfterRejects)
  if (tally.stopReason() !== null) throw new Refused(`${where}: ${tally.stopReason()}`)
  if (lane.outbox !== null) await publish(log, unpackOutbox(lane.outbox))

  const causes: Causes = { highest: new Map(lane.causes), changed: new Map() }
  let { watermark } = lane
  // Deliveries end in another order than their offers began, so they are a source of their own: this numbers its changes.
  let change = lane.counts.get('changes') ?? 0
  let deliveriesRead = lane.counts.get('deliveries-read') ?? 0
  let heard = lane.counts.get('journal-read') ?? 0
  let deliveriesReadAt = Number.NEGATIVE_INFINITY
  const cohort: Cohort = { hours: hoursOf(lane.counts) }

  const intents = new Map<string, Intent>()
  for await (const messages of log.read(deliveries.path, partition, deliveriesRead)) {
    await steady(() => deliveries.codec.learn(messages.map(message => message.value)))
    for (const message of messages) {
      const reading = read(deliveries.codec, message)
      if (!('value' in reading) || !setup.guards.intentsKnown) continue
      const { offer, customer, state, at } = reading.value
      // The first end counts: an outbox published again repeats intents behind it.
      const before = intents.get(offer)
      const isNext = before === undefined ? state === 'sending' : transitions[before.state].includes(state)
      if (isNext) intents.set(offer, { customer, state, at })
    }
  }

  /** Every so often a save remembers how far `deliveries` need not be read again. */
  const rememberDeliveries = async (): Promise<void> => {
    if (performance.now() - deliveriesReadAt < deliveriesRereadMs) return
    deliveriesReadAt = performance.now()
    const { next } = (await steady(() => log.bounds(deliveries.path)))[partition]!
    tally.add('deliveries-read', next - deliveriesRead)
    deliveriesRead = next
  }

  const outboxOf = (wave: Wave): readonly OutboxEntry[] => {
    const entries: OutboxEntry[] = []
    if (wave.deadLetters.length > 0)
      entries.push({ path: deadLettersOf(offers.path), partition, records: [...wave.deadLetters] })
    if (wave.deliveries.length > 0) {
      change++
      tally.add('changes')
      const cause = { topic: serviceName, generation: setup.generation, partition, offset: change }
      const records = wave.deliveries.map((value, index) => ({
        key: value.customer,
        value: deliveries.codec.encode(value),
        cause: causeText({ ...cause, index }),
      }))
      entries.push({ path: deliveries.path, partition, records })
    }
    return entries
  }

  return {
    start,
    tally,
    causes,
    intents,
    get heard() {
      return heard
    },
    heardTo(offset) {
      if (offset !== heard) tally.add('journal-read', offset - heard)
      heard = offset
    },
    get hours() {
      return cohort.hours
    },
    wave: (to?: number) => createWave(to ?? watermark, tally, cohort),
    async load(wave, customers) {
      const keys = [...new Set(customers)].filter(key => !wave.ledgers.has(key))
      if (keys.length === 0) return
      const found = await steady(() => lane.load(keys))
      for (const [index, key] of keys.entries()) {
        const bytes = found[index]
        wave.ledgers.set(key, bytes == null ? emptyLedger : ledgerCodec.decode(bytes))
      }
    },
    due: async (until, limit) => (await steady(() => lane.due(until, limit))).map(each => each.key),
    async assertOwned() {
      const progress = await steady(() => store.peekProgress(serviceName, partition))
      if (progress?.epoch !== lane.epoch) throw new Lost('drop')
    },
    async save(wave, stage) {
      await rememberDeliveries()
      const entries = outboxOf(wave)
      const touched = [...wave.touched]
      await setup.reach(`before-${stage}`)
      const began = performance.now()
      const saved = await steady(() =>
        lane.save({
          from: watermark,
          to: wave.to,
          states: touched.map(key => [key, bytesOf(wave.ledgers.get(key)!)]),
          causes: causes.changed,
          counts: tally.changed,
          due: touched.map(key => [key, dueOf(wave.ledgers.get(key)!)]),
          outbox: entries.length === 0 ? null : packOutbox(entries),
        }),
      )
      metrics?.record('offerstream_save_seconds', (performance.now() - began) / 1000)
      if (saved !== 'saved') {
        metrics?.record('offerstream_fenced_total', 1)
        throw new Lost(saved === 'fenced' ? 'drop' : 'reassign')
      }
      watermark = wave.to
      causes.changed.clear()
      for (const [name, count] of tally.settle())
        if (/^(applied|skipped|rejected)/.test(name)) metrics?.record('offerstream_records_total', count, name)
      wave.touched.clear()
      wave.deliveries.length = 0
      wave.deadLetters.length = 0
      await setup.reach(`after-${stage}`)
      await publish(log, entries)
      for (const { path, records } of entries) metrics?.record('offerstream_published_total', records.length, path)
      await setup.reach(`${stage}-published`)
    },
  }
}

const bytesOf = (ledger: Ledger): Buffer | null => (isEmpty(ledger) ? null : ledgerCodec.encode(ledger))
