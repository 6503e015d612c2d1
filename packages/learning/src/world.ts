import { type CustomerEvent, unit } from '@offerstream/contracts'
import {
  type Batch,
  createMarket,
  customerName,
  eventId,
  type Market,
  type MarketPreset,
  planOf,
  play,
  recordOf,
  topicsWithRecords,
} from '@offerstream/simulator'
import type { Block } from './block.ts'
import { type Asked, createFollowing, type Followed } from './follow.ts'
import { type MarketCatalogue, marketCatalogues } from './market-catalogue.ts'
import { createMonthOrder } from './month-order.ts'
import type { Vectors } from './vectors.ts'

export type World = {
  readonly seed: number
  readonly customers: number
  readonly preset: MarketPreset
  readonly months: number
  /** Share of offers drawn at random, the others follow the ladder. */
  readonly exploration: number
  /** Rows from this month on; what came before only made the states. */
  readonly keepFromMonth: number
  /** Share of customers who are followed, by a hash of their name. */
  readonly sample: number
}

/** Choices of one month of a world, settled; months are counted from `start`. */
export type Part = { readonly block: Block; readonly start: number; readonly month: number }

/** Numbers of customers, up to but not including the second. */
export type Range = readonly [from: number, to: number]

/**
 * Plays a market for some customers and follows them; the market stays as it is but for their people. A month's choices
 * are held until the month after it was played, which is longer than an offer can be accepted.
 */
export function* worldChoices(
  world: World,
  vectors: Vectors,
  market: Market = createMarket(world),
  range: Range = [0, world.customers],
): Generator<Part> {
  const following = createFollowing(vectors)
  const catalogues = marketCatalogues(market, world.months)
  /** By number from the first; null for those outside the sample. */
  const [from, to] = range
  const customers = new Array<Followed | null | undefined>(to - from)
  const order = createMonthOrder()
  /** Events on their way when last month ended, and when this one ends. */
  let carried = new Map<number, CustomerEvent[]>()
  let carrying = new Map<number, CustomerEvent[]>()
  const held: { readonly block: Block; readonly month: number }[] = []
  const settle = (): Part => {
    const { block, month } = held.shift()!
    following.settle(block)
    return { block, month, start: market.start }
  }
  let month = 0
  for (const batch of play({ ...market }, { ...world, pushesPerMonth, range, batchRows })) {
    if (batch.month !== month) {
      held.push({ block: following.cut(), month })
      if (held.length > 1) yield settle()
      month = batch.month
      carried = carrying
      carrying = new Map()
    }
    followBatch(batch)
  }
  held.push({ block: following.cut(), month })
  while (held.length > 0) yield settle()

  function followBatch(batch: Batch): void {
    const { offers } = batch.topics
    const tables = topicsWithRecords.map(topic => batch.topics[topic])
    const next = tables.map(() => 0)
    let offer = 0
    let judged = 0
    for (;;) {
      let i = offer < offers.rows ? offers.columns.customer[offer]! : Number.POSITIVE_INFINITY
      for (let t = 0; t < tables.length; t++)
        if (next[t]! < tables[t]!.rows) i = Math.min(i, tables[t]!.columns.customer[next[t]!]!)
      if (i === Number.POSITIVE_INFINITY) break
      order.clear()
      let truth = -1
      if (offer < offers.rows && offers.columns.customer[offer] === i) {
        order.put(offers.columns.at[offer]!, decision, offer)
        truth = judged++
        // An offer that comes twice is one.
        while (offer < offers.rows && offers.columns.customer[offer] === i) offer++
      }
      const late = carried.get(i)
      if (late !== undefined) for (let k = 0; k < late.length; k++) order.put(late[k]!.journalledAt, wasLate, k)
      for (let t = 0; t < tables.length; t++) {
        const { rows, columns } = tables[t]!
        for (; next[t]! < rows && columns.customer[next[t]!] === i; next[t]!++)
          order.put(columns.arrived[next[t]!]!, t, next[t]!)
      }
      if (customers[i - from] === undefined) {
        const name = customerName(i)
        customers[i - from] = unit(name) < world.sample ? following.customer(name) : null
      }
      const customer = customers[i - from]!
      if (customer !== null) followCustomer(batch, i, customer, truth)
    }
  }

  function followCustomer(batch: Batch, i: number, customer: Followed, truth: number): void {
    const catalogue = catalogues[batch.month]!
    const { playbook } = catalogue
    const isKept = batch.month >= world.keepFromMonth
    const ends = market.start + (batch.month + 1) * monthMs
    for (let k = 0; k < order.count; k++) {
      const [kind, place] = [order.kinds[k]!, order.places[k]!]
      if (kind === decision) {
        if (isKept) following.ask(customer, askedOf(batch, place, truth, catalogue, world.exploration), playbook)
        continue
      }
      const event =
        kind === wasLate ? carried.get(i)![place]! : eventOf(batch, topicsWithRecords[kind]!, place, catalogue)
      if (event.journalledAt < ends) following.see(customer, event, playbook, isKept)
      else carrying.set(i, [...(carrying.get(i) ?? []), event])
    }
  }
}

/** Kinds beside the places of `topicsWithRecords`. */
const decision = -1
const wasLate = -2

function eventOf(
  batch: Batch,
  topic: (typeof topicsWithRecords)[number],
  row: number,
  catalogue: MarketCatalogue,
): CustomerEvent {
  const event = recordOf(batch, topic, row)
  const about = 'item' in event ? event.item : 'plan' in event ? event.plan : null
  return {
    journalledAt: batch.topics[topic].columns.arrived[row]!,
    triggers: true,
    item: catalogue.stampOf(about),
    event,
  }
}

function askedOf(
  { topics, oracle }: Batch,
  row: number,
  judged: number,
  { onSale }: MarketCatalogue,
  exploration: number,
): Asked {
  const { customer, serial, at, item, eligible } = topics.offers.columns
  const bits = eligible[row]!
  const able = onSale.filter(({ number }) => (bits >>> number) & 1)
  const offered = planOf(item[row]!)
  const { attending, ...accept } = oracle.offers.columns
  return {
    id: eventId(customer[row]!, serial[row]!),
    at: at[row]!,
    items: able.map(each => each.item),
    // The ladder's, the cheapest, unless chance drew one.
    propensities: able.map((_, k) => exploration / able.length + (k === 0 ? 1 - exploration : 0)),
    chosen: able.findIndex(({ number }) => number === offered),
    control: false,
    truth: {
      attending: attending[judged]!,
      accept: able.map(({ number }) => accept[planColumns[number]!][judged]!),
    },
  }
}

/** The oracle's, by the plan's number. */
const planColumns = Array.from({ length: 17 }, (_, number) => `plan${number}` as 'plan0')

/** Of sales; they say nothing of plans, and each takes as long as two events of another kind. */
export const pushesPerMonth = 1
/** Few enough for a batch to stay in the processor's cache. */
const batchRows = 1 << 12
const monthMs = 30 * 86_400_000
