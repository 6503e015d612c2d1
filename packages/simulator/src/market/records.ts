import type { Customer, Engagement, Purchase, PurchaseRetracted, Usage } from '@offerstream/contracts'
import { itemName } from './items.ts'
import type { Batch } from './playing.ts'
import { byArrival, type Table } from './table.ts'
import { marketTopics } from './topics.ts'

export type MarketRecord = Purchase | PurchaseRetracted | Usage | Engagement | Customer

/** A record as the topic carries it, and when it arrives. */
export type MarketArrival = { readonly arrived: number; readonly record: MarketRecord }

let named = -1
let lastName = ''

/** The last one is remembered: records come by customer. */
export function customerName(customer: number): string {
  if (customer !== named) {
    lastName = `m${String(customer).padStart(7, '0')}`
    named = customer
  }
  return lastName
}
/** An event's id; the id of an offer is that of its event. */
export const eventId = (customer: number, serial: number): string => `${customerName(customer)}/${serial}`

/** Where equal times come from two topics, the first of these arrives first. */
export const topicsWithRecords = ['customers', 'usage', 'purchases', 'engagements'] as const

/** The record of a row. */
export const recordOf = (batch: Batch, topic: (typeof topicsWithRecords)[number], row: number): MarketRecord =>
  makers[topic](batch.topics[topic] as never, row)

/** The records of a batch in order of arrival, over all its topics. Offers, pushes and discounts have no record of their own. */
export function recordsOf(batch: Batch): MarketArrival[] {
  const all: MarketArrival[] = []
  for (const topic of topicsWithRecords) {
    const table = batch.topics[topic]
    for (const row of byArrival(table))
      all.push({ arrived: table.columns.arrived[row]!, record: recordOf(batch, topic, row) })
  }
  return all.sort((a, b) => a.arrived - b.arrived)
}

const makers: {
  readonly [Topic in (typeof topicsWithRecords)[number]]: (
    table: Table<(typeof marketTopics)[Topic]>,
    row: number,
  ) => MarketRecord
} = {
  usage: ({ columns: c }, row) => ({
    type: 'usage',
    ...eventOf(c, row),
    kind: marketTopics.usage.kind[c.kind[row]!]!,
    dataKb: c.dataKb[row]!,
    seconds: c.seconds[row]!,
    texts: c.texts[row]!,
    overageMinor: c.overageMinor[row]!,
    roaming: c.roaming[row] === 1,
  }),
  purchases: ({ columns: c }, row) => {
    const bought = {
      ...eventOf(c, row),
      item: itemName(c.item[row]!)!,
      quantity: 1,
      priceMinor: c.priceMinor[row]!,
      currency: 'EUR',
      channel: marketTopics.purchases.channel[c.channel[row]!]!,
    }
    if (c.type[row] === 0) return { type: 'purchase', ...bought, offer: offerId(c.customer[row]!, c.offer[row]!) }
    const purchase = eventId(c.customer[row]!, c.purchase[row]!)
    return { type: 'purchase_retracted', ...bought, purchase, purchasedAt: c.purchasedAt[row]! }
  },
  engagements: ({ columns: c }, row) => ({
    type: 'engagement',
    ...eventOf(c, row),
    kind: marketTopics.engagements.kind[c.kind[row]!]!,
    surface: marketTopics.engagements.surface[c.surface[row]!]!,
    offer: offerId(c.customer[row]!, c.offer[row]!),
    item: itemName(c.item[row]!),
    interaction: c.interaction[row] === 0 ? null : marketTopics.engagements.interaction[c.interaction[row]!]!,
  }),
  customers: ({ columns: c }, row) => ({
    type: 'customer',
    ...eventOf(c, row),
    plan: itemName(c.item[row]!),
    customerSince: c.customerSince[row]!,
    bindingEndsAt: c.bindingEndsAt[row]!,
    bundle: c.bundle[row] === 1,
    monthlyChargeMinor: c.monthlyChargeMinor[row]!,
    currency: 'EUR',
    brand: 'meridian',
    ageBand: marketTopics.customers.ageBand[c.ageBand[row]!]!,
    zone: 'UTC',
    locale: 'en',
    segment: null,
    consent: { push: c.consent[row] === 1 },
    devices: [`${customerName(c.customer[row]!)}-1`],
  }),
}

type EventColumns = Table<(typeof marketTopics)['usage']>['columns']

const eventOf = (c: Pick<EventColumns, 'customer' | 'serial' | 'at'>, row: number) => ({
  id: eventId(c.customer[row]!, c.serial[row]!),
  customer: customerName(c.customer[row]!),
  at: c.at[row]!,
})

const offerId = (customer: number, serial: number): string | null => (serial < 0 ? null : eventId(customer, serial))
