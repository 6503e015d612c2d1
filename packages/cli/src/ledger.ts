// What became of offers: of one customer, of one offer, or how many are where.
import { contactPolicyOf } from '@offerstream/catalogue'
import type { ContactPolicy, Delivery } from '@offerstream/contracts'
import { countLedger, type Ledger, type LedgerCounts, readLedger } from '@offerstream/push-dispatcher'
import { openTopic, type Surroundings } from '@offerstream/streaming'
import { table } from './output.ts'
import { playbookAt, readPlaybook } from './playbook.ts'

export type LedgerReport =
  | { readonly kind: 'counts'; readonly counts: LedgerCounts }
  | {
      readonly kind: 'customer'
      readonly customer: string
      readonly entries: readonly LedgerEntry[]
      /** Caps that count pushes, as they stand at the moment asked for. */
      readonly caps: readonly CapInUse[]
      readonly bought: Ledger['bought']
      readonly unsubscribed: Ledger['unsubscribed']
    }
  | {
      readonly kind: 'offer'
      readonly offer: string
      readonly customer: string
      /** Null where the ledger holds newer ones instead. */
      readonly entry: LedgerEntry | null
      /** Each told once, in the order they were written. */
      readonly deliveries: readonly Delivery[]
    }

type LedgerEntry = Omit<Ledger['entries'][number], 'offer'>
type CapInUse = { readonly cap: string; readonly used: number; readonly of: number }

type Around = Pick<Surroundings, 'log' | 'registry' | 'store' | 'prefix'>

/** Of the customer or the offer of that name, null where nobody has heard of either; counts per state without a name. */
export async function ledgerReport(around: Around, name: string | undefined, at: number): Promise<LedgerReport | null> {
  const { log, registry, store, prefix } = around
  const deliveries = await openTopic(registry, 'deliveries', prefix)
  const partitions = (await log.bounds(deliveries.path)).length
  if (name === undefined) return { kind: 'counts', counts: await countLedger(store, partitions) }
  const ledger = await readLedger(store, partitions, name)
  if (ledger !== null) {
    const { entries, bought, unsubscribed } = ledger
    const policy = contactPolicyOf(playbookAt(await readPlaybook(around), null))
    const caps = capsInUse(ledger, policy, at)
    return { kind: 'customer', customer: name, entries: entries.map(withoutOffer), caps, bought, unsubscribed }
  }
  const told = new Map<string, Delivery>()
  for (let partition = 0; partition < partitions && told.size === 0; partition++)
    for await (const messages of log.read(deliveries.path, partition, 0)) {
      await deliveries.codec.learn(messages.map(({ value }) => value))
      for (const { value } of messages) {
        const delivery = deliveries.codec.decode(value!)
        if (delivery.offer === name && !told.has(delivery.id)) told.set(delivery.id, delivery)
      }
    }
  const [first] = told.values()
  if (first === undefined) return null
  const { customer } = first
  const mine = (await readLedger(store, partitions, customer))?.entries.find(({ id }) => id === name)
  const entry = mine === undefined ? null : withoutOffer(mine)
  return { kind: 'offer', offer: name, customer, entry, deliveries: [...told.values()] }
}

const withoutOffer = ({ offer: _, ...entry }: Ledger['entries'][number]): LedgerEntry => entry

const day = 24 * 60 * 60 * 1000

/** In the rolling windows that the contact policy names; of categories, channels and items those that were used. */
function capsInUse({ contacts }: Ledger, policy: ContactPolicy, at: number): CapInUse[] {
  const within = (days: number) => contacts.filter(each => each.at > at - days * day && each.at <= at)
  const week = within(7)
  const by = (some: typeof contacts, field: 'category' | 'channel' | 'item') => Map.groupBy(some, each => each[field])
  return [
    { cap: 'a week', used: week.length, of: policy.offersPerWeek },
    ...[...by(week, 'category')].map(([category, used]) => ({
      cap: `a week of category ${category}`,
      used: used.length,
      of: policy.offersPerCategoryPerWeek,
    })),
    ...[...by(week, 'channel')].flatMap(([channel, used]) => {
      const of = policy.offersPerChannelPerWeek[channel]
      return of === undefined ? [] : [{ cap: `a week on ${channel}`, used: used.length, of }]
    }),
    ...[...by(within(30), 'item')].map(([item, used]) => ({
      cap: `30 days of ${item}`,
      used: used.length,
      of: policy.offersPerItemPerMonth,
    })),
  ]
}

const moment = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ')

export function ledgerText(report: LedgerReport): string {
  switch (report.kind) {
    case 'counts': {
      const { total, ...states } = report.counts
      return table([...Object.entries(states).map(([state, count]) => [state, `${count}`]), ['total', `${total}`]])
    }
    case 'customer': {
      const { entries, caps, bought, unsubscribed } = report
      return [
        table([
          ['sequence', 'offer', 'item', 'channel', 'state', 'since', 'device', 'reason'],
          ...entries.map(entryRow),
        ]),
        '',
        table([['pushes that count', 'used', 'of'], ...caps.map(({ cap, used, of }) => [cap, `${used}`, `${of}`])]),
        ...unsubscribed.map(({ channel, at }) => `wants no more on ${channel} since ${moment(at)}`),
        ...bought.map(({ item, at }) => `bought ${item} at ${moment(at)}`),
      ].join('\n')
    }
    case 'offer': {
      const { offer, customer, entry, deliveries } = report
      return [
        `offer ${offer} to ${customer}: ${entry === null ? 'in the ledger no more' : entry.state}`,
        table([
          ['at', 'state', 'provider', 'device', 'reason'],
          ...deliveries.map(({ at, state, provider, device, reason }) => [
            moment(at),
            state,
            provider ?? '',
            device ?? '',
            reason ?? '',
          ]),
        ]),
      ].join('\n')
    }
  }
}

const entryRow = ({ sequence, id, item, channel, state, at, device, reason, until }: LedgerEntry): string[] => [
  `${sequence}`,
  id,
  item,
  channel,
  state,
  moment(at),
  device ?? '',
  `${reason ?? ''}${until === null ? '' : `, until ${moment(until)}`}`,
]
