// A journal as intake would have left it, written straight to the log: profiles first, then an even stream.

import { setTimeout as sleep } from 'node:timers/promises'
import { applyRecord, emptyPlaybook, stampOf } from '@offerstream/catalogue'
import type { CustomerEvent, ItemStamp } from '@offerstream/contracts'
import { createUpdater } from '@offerstream/feature-updater'
import { createWorld, customerRecords, playbookRecords, steady } from '@offerstream/simulator'
import {
  causeText,
  ensureTopics,
  type Log,
  type Outgoing,
  openTopic,
  partitionOf,
  type Registry,
  retrying,
  type Topic,
} from '@offerstream/streaming'
import type { Progress } from './bench.ts'

export type JournalOptions = {
  readonly prefix: string
  readonly partitions: number
  readonly customers: number
  readonly events: number
  /** Moment of the last event. */
  readonly until: number
  /** Event time the stream spans, milliseconds. */
  readonly spanMs: number
  /** After so many records the others wait for `begin`, then come at a rate, a hundred times a second as intake appends them, until the signal. */
  readonly paced?: {
    readonly after: number
    readonly perSecond: number
    readonly begin: Promise<void>
    readonly signal: AbortSignal
  }
}

export const seed = 7

/** The envelopes in order: one profile per customer, then the events, one in ten a purchase that fires a trigger. */
function* journal({
  customers,
  events,
  until,
  spanMs,
}: JournalOptions): Generator<CustomerEvent & { event: { customer: string } }> {
  const start = until - spanMs
  const world = createWorld({ seed, customers, start })
  const playbook = playbookRecords(world).reduce((book, record, at) => applyRecord(book, record, at), emptyPlaybook)
  const stamped = (event: Exclude<CustomerEvent['event'], { type: 'tick' }>, item: string | null) => ({
    journalledAt: event.at + 50,
    triggers: true,
    item: item === null ? null : (stampOf(playbook, item, event.at) as ItemStamp),
    event,
  })
  for (const event of customerRecords(world)) yield stamped(event, event.plan)
  let left = events
  for (const event of steady({ seed, customers, start, intervalMs: spanMs / events })) {
    if (left-- === 0) return
    yield stamped(event, event.type === 'purchase' ? event.item : null)
  }
}

const sourceOf = { customer: 'customers', purchase: 'purchases', usage: 'usage' } as const

/** A new line's topics with a day's journal, and the updater's fold that is to read it. */
export async function journalFold(
  log: Log,
  registry: Registry,
  options: Omit<JournalOptions, 'until' | 'spanMs'>,
  progress: Progress,
) {
  const { prefix, partitions } = options
  await retrying(() => ensureTopics(log, { prefix, partitions, sources: true }), {
    signal: AbortSignal.timeout(60_000),
  })
  const total = await fillJournal(log, registry, { ...options, until: Date.now(), spanMs: 24 * 3_600_000 }, progress)
  const fold = createUpdater({
    events: await openTopic(registry, 'customer-events', prefix),
    updates: await openTopic(registry, 'feature-updates', prefix),
  })
  return { total, fold }
}

/** Appends the journal; answers how many records. */
export async function fillJournal(
  log: Log,
  registry: Registry,
  options: JournalOptions,
  progress: Progress,
): Promise<number> {
  const topic: Topic<CustomerEvent> = await openTopic(registry, 'customer-events', options.prefix)
  const total = options.customers + options.events
  const waiting: Outgoing[][] = Array.from({ length: options.partitions }, () => [])
  const offsets = new Map<string, number>()
  const { paced } = options
  let written = 0
  let began = 0
  const send = async (): Promise<void> => {
    await Promise.all(
      waiting.map((records, partition) =>
        records.length === 0 ? null : log.append(topic.path, partition, records.splice(0)),
      ),
    )
    if (began === 0) progress('filling the journal', written / (paced?.after ?? total))
  }
  for (const envelope of journal(options)) {
    const { event } = envelope
    const partition = partitionOf(event.customer, options.partitions)
    const source = sourceOf[event.type as keyof typeof sourceOf]
    const offset = offsets.get(`${source}/${partition}`) ?? 0
    offsets.set(`${source}/${partition}`, offset + 1)
    waiting[partition]!.push({
      key: event.customer,
      value: topic.codec.encode(envelope),
      cause: causeText({ topic: source, generation: 1, partition, offset, index: 0 }),
      timestamp: event.at,
    })
    written++
    if (paced === undefined || written < paced.after) {
      if (written % (500 * options.partitions) === 0) await send()
      continue
    }
    if (paced.signal.aborted) break
    if (written === paced.after) {
      await send()
      await paced.begin
      began = performance.now()
    } else if ((written - paced.after) % Math.ceil(paced.perSecond / 100) === 0) {
      await send()
      const intended = began + ((written - paced.after) * 1000) / paced.perSecond
      await sleep(Math.max(0, intended - performance.now()))
    }
  }
  await send()
  return written
}
