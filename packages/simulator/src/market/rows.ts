import { planItem } from './items.ts'
import { dayMs } from './market.ts'
import type { Batch, Play } from './playing.ts'
import { ageBands, marketTopics } from './topics.ts'

type EventTable = Batch['topics'][keyof Batch['topics']]

/** A new row with who, when and which; the caller fills the rest, then calls `end`. */
export function begin(playing: Play, table: EventTable, i: number, at: number): number {
  const row = table.rows
  table.columns.customer[row] = i
  table.columns.serial[row] = playing.market.named[i]!++
  table.columns.at[row] = at
  return row
}

/** When the row arrives, and, for some, that it arrives again. */
export function end(playing: Play, table: EventTable): void {
  const { arrival, settings } = playing
  const row = table.rows++
  const at = table.columns.at[row]!
  const u = arrival.next()
  // Everything is on its way for a few seconds, so neighbours change places.
  table.columns.arrived[row] =
    at +
    Math.floor(5_000 * arrival.next()) +
    (u < settings.lateShare ? Math.floor((u / settings.lateShare) * 6 * hourMs) : 0)
  if (arrival.next() >= settings.repeatShare) return
  const again = table.rows++
  for (const column of Object.values(table.columns)) column[again] = column[row]!
  table.columns.arrived[again] = table.columns.arrived[row]! + 1 + Math.floor(hourMs * arrival.next())
}

export function purchase(
  playing: Play,
  i: number,
  at: number,
  item: number,
  priceMinor: number,
  offer: number,
): number {
  const table = playing.batch.topics.purchases
  const { columns } = table
  const row = begin(playing, table, i, at)
  columns.type[row] = 0
  columns.item[row] = item
  columns.priceMinor[row] = priceMinor
  columns.channel[row] = playing.market.people.channel[i]!
  columns.offer[row] = offer
  columns.purchase[row] = -1
  columns.purchasedAt[row] = at
  const serial = columns.serial[row]!
  end(playing, table)
  return serial
}

export function retract(
  playing: Play,
  i: number,
  at: number,
  item: number,
  priceMinor: number,
  serial: number,
  purchasedAt: number,
): void {
  const table = playing.batch.topics.purchases
  const { columns } = table
  const row = begin(playing, table, i, at)
  columns.type[row] = 1
  columns.item[row] = item
  columns.priceMinor[row] = priceMinor
  columns.channel[row] = playing.market.people.channel[i]!
  columns.offer[row] = -1
  columns.purchase[row] = serial
  columns.purchasedAt[row] = purchasedAt
  end(playing, table)
}

export function engage(
  playing: Play,
  i: number,
  at: number,
  kind: number,
  surface: number,
  offer: number,
  item: number,
  about = 0,
): void {
  const table = playing.batch.topics.engagements
  const { columns } = table
  const row = begin(playing, table, i, at)
  columns.kind[row] = kind
  columns.surface[row] = surface
  columns.offer[row] = offer
  columns.item[row] = item
  columns.interaction[row] = about
  end(playing, table)
}

/** Places in the lists of labels of `engagements`. */
const kinds = marketTopics.engagements.kind
export const displayed = kinds.indexOf('displayed')
export const opened = kinds.indexOf('opened')
export const clicked = kinds.indexOf('clicked')
export const dismissed = kinds.indexOf('dismissed')
export const rejected = kinds.indexOf('rejected')
export const appOpened = kinds.indexOf('app_opened')
export const interaction = kinds.indexOf('interaction')
const surfaces = marketTopics.engagements.surface
export const byPush = surfaces.indexOf('push')
export const appHome = surfaces.indexOf('app_home')
export const callCentre = surfaces.indexOf('call_centre')

export function profile(playing: Play, i: number, at: number): void {
  const { market, batch } = playing
  const { people, month } = market
  const table = batch.topics.customers
  const { columns } = table
  const row = begin(playing, table, i, at)
  const plan = market.plan[i]!
  const here = market.active[i] === 1
  columns.item[row] = here ? planItem(plan, month) : -1
  columns.monthlyChargeMinor[row] = here ? market.prices.priceMinor[plan]! : 0
  columns.customerSince[row] = market.start - people.tenureDays[i]! * dayMs
  columns.bindingEndsAt[row] = market.start + people.bindingDays[i]! * dayMs
  columns.bundle[row] = people.bundle[i]!
  columns.ageBand[row] = Math.min(ageBands.length - 1, Math.max(0, Math.floor((people.age[i]! - 15) / 10)))
  columns.device[row] = people.device[i]!
  columns.channel[row] = people.channel[i]!
  columns.household[row] = people.household[i]!
  columns.statedGb[row] = people.statedGb[i]!
  columns.consent[row] = people.consent[i]!
  end(playing, table)
}

export const hourMs = 3_600_000

/** A moment on that day of the month (a fraction is fine), by the customer's hours. */
export function timeOf(playing: Play, i: number, day: number): number {
  const hour = hourOf[Math.floor(256 * playing.random.next())]! + playing.market.people.shift[i]!
  const minutes = playing.random.next()
  return playing.monthStart + Math.floor(day) * dayMs + Math.floor((Math.max(0, Math.min(23, hour)) + minutes) * hourMs)
}

/** Hours of the day by what is done in them, 256 places. */
const hourOf = (() => {
  const weights = [2, 1, 1, 1, 1, 2, 5, 9, 11, 10, 10, 11, 13, 12, 11, 11, 12, 14, 16, 18, 18, 15, 10, 5]
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const hours = new Uint8Array(256)
  let from = 0
  let sum = 0
  weights.forEach((weight, hour) => {
    sum += weight
    const to = Math.round((256 * sum) / total)
    hours.fill(hour, from, to)
    from = to
  })
  return hours
})()
