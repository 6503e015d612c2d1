import { saleItem } from './items.ts'
import { dayMs } from './market.ts'
import type { Play } from './playing.ts'
import { purposes } from './purposes.ts'
import { begin, byPush, clicked, dismissed, end, engage, hourMs, opened, profile } from './rows.ts'
import {
  clickProbability,
  fatigueKeptPerDay,
  fatiguePerSend,
  match,
  muteProbability,
  openBase,
  openProbability,
  salesPerDay,
} from './sales.ts'

/** Sales sent on some days: any of the day's fifty with equal probability, at an hour from 9 to 20. */
export function push(playing: Play, i: number): void {
  const { market, random, batch, fatigue, settings } = playing
  const { people, parameters, month } = market
  random.seed(market.seed, i, purposes.push + month)
  const favourite = playing.favourite[i]!
  for (let day = 0; day < 30; day++) {
    fatigue[i]! *= fatigueKeptPerDay
    if (people.consent[i] === 0 || random.next() >= settings.pushesPerMonth / 30) continue
    const sales = playing.sales[day]!
    const k = Math.floor(salesPerDay * random.next())
    const hour = 9 + Math.floor(12 * random.next())
    const at = playing.monthStart + day * dayMs + hour * hourMs + Math.floor(random.next() * hourMs)
    const item = saleItem(sales.day, k)
    const table = batch.topics.pushes
    const row = begin(playing, table, i, at)
    const serial = table.columns.serial[row]!
    table.columns.item[row] = item
    table.columns.hour[row] = hour
    table.columns.propensity[row] = 1 / salesPerDay
    end(playing, table)
    const suits = match(people, i, favourite, sales, k)
    const base = openBase(people, i, hour, fatigue[i]!)
    const opens = openProbability(base, parameters, sales, k, suits)
    const clicks = clickProbability(parameters, suits)
    let best = 0
    for (let other = 0; other < salesPerDay; other++)
      best = Math.max(best, openProbability(base, parameters, sales, other, match(people, i, favourite, sales, other)))
    const o = batch.oracle.pushes
    const judged = o.rows++
    o.columns.customer[judged] = i
    o.columns.serial[judged] = serial
    o.columns.open[judged] = opens
    o.columns.clickOnceOpen[judged] = clicks
    o.columns.openBest[judged] = best
    o.columns.openPopular[judged] = openProbability(
      base,
      parameters,
      sales,
      sales.top,
      match(people, i, favourite, sales, sales.top),
    )
    if (random.next() < opens) {
      const openedAt = at + Math.floor(-3_600_000 * Math.log(1 - random.next()))
      engage(playing, i, openedAt, opened, byPush, serial, item)
      if (random.next() < clicks)
        engage(playing, i, openedAt + 1 + Math.floor(random.next() * dayMs), clicked, byPush, serial, item)
    } else if (random.next() < muteProbability(parameters, suits, fatigue[i]!)) {
      people.consent[i] = 0
      engage(playing, i, at + 1_000, dismissed, byPush, serial, item)
      profile(playing, i, at + 2_000)
    }
    fatigue[i]! += fatiguePerSend
  }
}
