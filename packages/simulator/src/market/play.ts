import { createRandom } from '../random.ts'
import { priceList } from './choice.ts'
import { createShoppers, drawShopper } from './discounts.ts'
import { planItem } from './items.ts'
import { live } from './life.ts'
import { competitorIndex, type Market, monthMs } from './market.ts'
import { offer } from './offer.ts'
import { createPackageTaste, cumulate, drawPackageTaste, packageClasses, packageShares } from './packages.ts'
import { planPrice } from './plans.ts'
import type { Batch, Play, PlayOptions } from './playing.ts'
import { ladderRule } from './policies.ts'
import { purposes } from './purposes.ts'
import { push } from './push.ts'
import { profile } from './rows.ts'
import { saleCategories, salesOf } from './sales.ts'
import { shop } from './shop.ts'
import { createTable, type Table } from './table.ts'
import { marketTopics, oracleTables } from './topics.ts'
import { trial } from './trial.ts'
import { useUp } from './usage.ts'

/**
 * Plays the market for some months and hands out what happened, customer by customer within a month. Rows of a batch are
 * by customer; `arrived` says when each arrives, late, twice and out of order (`byArrival` sorts). Memory does not grow with
 * months: the batch is one piece of typed arrays, the rest about 250 bytes a customer. A market is played
 * once, be it range by range, each from a copy that shares its people: `play({ ...market }, …)`.
 */
export function* play(market: Market, options: PlayOptions): Generator<Batch> {
  if (market.month > 0) throw new RangeError(`the market stands at month ${market.month}; create it anew`)
  const settings: Required<PlayOptions> = {
    exploration: 0.2,
    policy: ladderRule,
    pushesPerMonth: 4,
    lateShare: 0.02,
    repeatShare: 0.01,
    batchRows: 1 << 16,
    range: [0, market.customers],
    ...options,
  }
  const room = 1_024
  const capacity = settings.batchRows + room
  const tablesOf = <T extends Record<string, Parameters<typeof createTable>[0]>>(specifications: T) =>
    Object.fromEntries(
      Object.entries(specifications).map(([name, columns]) => [name, createTable(columns, capacity)]),
    ) as unknown
  const topics = tablesOf(marketTopics) as Batch['topics']
  const oracle = tablesOf(oracleTables) as Batch['oracle']
  const tables: readonly Table[] = [...Object.values(topics), ...Object.values(oracle)] as readonly Table[]
  const { customers, seed, people, parameters } = market
  const shoppers = createShoppers(customers)
  const packages = createPackageTaste(customers)
  const favourite = new Uint8Array(customers)
  const fatigue = new Float32Array(customers)
  const random = createRandom()
  const [from, to] = settings.range
  for (let i = from; i < to; i++) {
    drawShopper(shoppers, i, people.sensitivity[i]!, parameters, random.seed(seed, i, purposes.discountType))
    const wealth = Math.log(people.incomeMinor[i]! / parameters.incomeMedianMinor) / parameters.incomeSd
    drawPackageTaste(packages, i, wealth, random.seed(seed, i, purposes.packageTaste))
    favourite[i] = Math.floor(saleCategories * random.seed(seed, i, purposes.categories).next())
  }
  const arrival = createRandom()
  for (; market.month < settings.months; market.month++) {
    const { month } = market
    market.prices = priceList(month)
    market.competitor = competitorIndex(seed, month)
    const playing: Play = {
      market,
      batch: { month, topics, oracle },
      random,
      arrival,
      shoppers,
      packages,
      favourite,
      fatigue,
      settings,
      monthStart: market.start + month * monthMs,
      cumulated: Array.from({ length: packageClasses }, (_, c) =>
        cumulate(packageShares(c, month, parameters.classWeight)),
      ),
      sales: Array.from({ length: 30 }, (_, day) => salesOf(seed, 30 * month + day)),
    }
    for (let i = from; i < to; i++) {
      if (market.active[i] === 0) continue
      arrival.seed(seed, i, purposes.arrival + month)
      playCustomer(playing, i)
      if (tables.some(table => table.rows >= settings.batchRows)) {
        yield playing.batch
        for (const table of tables) table.rows = 0
      }
    }
    if (tables.some(table => table.rows > 0)) yield playing.batch
    for (const table of tables) table.rows = 0
  }
}

function playCustomer(playing: Play, i: number): void {
  const { market, monthStart } = playing
  if (market.month === 0 || planMoved(market, i)) profile(playing, i, monthStart)
  if (!live(playing, i)) return
  useUp(playing, i)
  shop(playing, i)
  offer(playing, i)
  push(playing, i)
  trial(playing, i)
  person(playing, i)
}

/** Whether the customer's plan has another price or another id than last month. */
const planMoved = ({ plan, month }: Market, i: number): boolean =>
  planPrice(plan[i]!, month) !== planPrice(plan[i]!, month - 1) ||
  planItem(plan[i]!, month) !== planItem(plan[i]!, month - 1)

function person(playing: Play, i: number): void {
  const { market, batch, shoppers, packages } = playing
  const { people } = market
  const { columns: o } = batch.oracle.people
  const row = batch.oracle.people.rows++
  o.customer[row] = i
  o.month[row] = market.month
  o.logNeed[row] = people.needLevel[i]! + people.needDrift[i]!
  o.incomeMinor[row] = people.incomeMinor[i]!
  o.sensitivity[row] = people.sensitivity[i]!
  o.streamingShare[row] = people.streaming[i]!
  o.roamingShare[row] = people.roaming[i]!
  o.taste0[row] = people.taste[3 * i]!
  o.taste1[row] = people.taste[3 * i + 1]!
  o.taste2[row] = people.taste[3 * i + 2]!
  o.inertia[row] = people.inertia[i]!
  o.attention[row] = people.attention[i]!
  o.openness[row] = people.openness[i]!
  o.packageClass[row] = packages.main[i]!
  o.secondClass[row] = packages.second[i]!
  o.classShare[row] = packages.share[i]!
  o.favourite[row] = playing.favourite[i]!
  o.discountType[row] = shoppers.type[i]!
  o.elasticity[row] = shoppers.elasticity[i]!
}
