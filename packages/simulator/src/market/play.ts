import { createRandom, type Random } from '../random.ts'
import { acceptance, priceList, sigmoid, utility } from './choice.ts'
import {
  armPropensities,
  arms,
  createShoppers,
  drawShopper,
  expectedProfit,
  expectedUnits,
  listPriceMinor,
  marginShare,
  remember,
  type Shoppers,
} from './discounts.ts'
import { packageItem, planItem, saleItem } from './items.ts'
import { dayMs, type Market, monthMs } from './market.ts'
import {
  createPackageTaste,
  cumulate,
  drawPackage,
  drawPackageTaste,
  marketPackages,
  type PackageTaste,
  packageClasses,
  packageShares,
} from './packages.ts'
import { marketPlans, unlimitedGb } from './plans.ts'
import { attending, eligiblePlans } from './policies.ts'
import { purposes } from './purposes.ts'
import {
  clickProbability,
  fatigueKeptPerDay,
  fatiguePerSend,
  match,
  muteProbability,
  openBase,
  openProbability,
  type Sales,
  saleCategories,
  salesOf,
  salesPerDay,
} from './sales.ts'
import { createTable, type Table } from './table.ts'
import { ageBands, marketTopics, type OracleTable, oracleTables } from './topics.ts'

export type PlayOptions = {
  readonly months: number
  /** Share of plan offers drawn at random from the eligible ones; the others follow the ladder rule. */
  readonly exploration?: number
  /** Sends a month to those who consent. */
  readonly pushesPerMonth?: number
  /** Shares of events that come late (up to six hours) and twice (up to an hour after). */
  readonly lateShare?: number
  readonly repeatShare?: number
  /** Rows a batch holds at most, per topic. */
  readonly batchRows?: number
}

/** What happened to some customers in one month. The tables are used again: read them before the next batch. */
export type Batch = {
  readonly month: number
  readonly topics: { readonly [Topic in keyof typeof marketTopics]: Table<(typeof marketTopics)[Topic]> }
  readonly oracle: { readonly [Name in OracleTable]: Table<(typeof oracleTables)[Name]> }
}

/** Everything of a market that moves while it is played. */
type Play = {
  readonly market: Market
  readonly batch: Batch
  readonly random: Random
  readonly arrival: Random
  readonly shoppers: Shoppers
  readonly packages: PackageTaste
  /** Favourite sale category. */
  readonly favourite: Uint8Array
  readonly fatigue: Float32Array
  readonly settings: Required<PlayOptions>
  // Of the month.
  readonly monthStart: number
  readonly cumulated: readonly Float64Array[]
  readonly sales: readonly Sales[]
}

/**
 * Plays the market for some months and hands out what happened, customer by customer within a month. Rows of a batch are
 * by customer; `arrived` says when each arrives, late, twice and out of order (`byArrival` sorts). Memory does not grow with
 * months: the batch is one piece of typed arrays, the rest about 250 bytes a customer.
 */
export function* play(market: Market, options: PlayOptions): Generator<Batch> {
  const settings: Required<PlayOptions> = {
    exploration: 0.2,
    pushesPerMonth: 4,
    lateShare: 0.02,
    repeatShare: 0.01,
    batchRows: 1 << 16,
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
  for (let i = 0; i < customers; i++) {
    drawShopper(shoppers, i, people.sensitivity[i]!, parameters, random.seed(seed, i, purposes.discountType))
    const wealth = Math.log(people.incomeMinor[i]! / parameters.incomeMedianMinor) / parameters.incomeSd
    drawPackageTaste(packages, i, wealth, random.seed(seed, i, purposes.packageTaste))
    favourite[i] = Math.floor(saleCategories * random.seed(seed, i, purposes.categories).next())
  }
  const arrival = createRandom()
  const last = market.month + settings.months
  for (; market.month < last; market.month++) {
    const { month } = market
    market.prices = priceList(month)
    if (month > 0)
      market.competitor =
        1 + 0.8 * (market.competitor - 1) + 0.03 * random.seed(seed, month, purposes.competitor).normal()
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
    for (let i = 0; i < customers; i++) {
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
  if (market.month === 0) profile(playing, i, monthStart)
  if (!live(playing, i)) return
  useUp(playing, i)
  shop(playing, i)
  offer(playing, i)
  push(playing, i)
  discount(playing, i)
  person(playing, i)
}

/** Need drifts, life changes, some leave, some think again about their plan. False for those who left. */
function live(playing: Play, i: number): boolean {
  const { market, random, monthStart } = playing
  const { people, parameters: p, prices, month } = market
  random.seed(market.seed, i, purposes.month + month)
  if (month > 0) {
    const kept = p.driftPersistence
    people.needDrift[i] = kept * people.needDrift[i]! + Math.sqrt(1 - kept * kept) * p.driftSd * random.normal()
  }
  if (random.next() < p.lifeEventShare) people.needLevel[i]! += p.lifeEventSd * random.normal()
  const at = monthStart + Math.floor(random.next() * monthMs)
  const leaving = p.churn * Math.exp(-4 * (market.competitor - 1) - 0.3 * (people.inertia[i]! - 1))
  if (random.next() < leaving) {
    market.active[i] = 0
    profile(playing, i, at)
    return false
  }
  if (random.next() < p.considerShare) {
    const j = prices.onSale[Math.floor(prices.onSale.length * random.next())]!
    const current = market.plan[i]!
    const gain = utility(people, p, prices, i, j) - utility(people, p, prices, i, current)
    if (j !== current && gain - people.inertia[i]! + p.considerNoise * random.logistic() > 0)
      change(playing, i, j, at, -1)
  }
  return true
}

/** A new plan: the purchase and the profile it leads to. */
function change(playing: Play, i: number, plan: number, at: number, offer: number): void {
  const { market } = playing
  market.plan[i] = plan
  purchase(playing, i, at, planItem(plan, market.month), market.prices.priceMinor[plan]!, offer)
  profile(playing, i, at + 1)
}

/** The month's data in six pieces, calls, texts, app visits; overage beyond the quota of the plan. */
function useUp(playing: Play, i: number): void {
  const { market, random, monthStart, batch } = playing
  const { people, parameters, prices } = market
  random.seed(market.seed, i, purposes.usage + market.month)
  const { columns: u } = batch.topics.usage
  const need = Math.exp(people.needLevel[i]! + people.needDrift[i]! + parameters.monthNoiseSd * random.normal())
  const plan = marketPlans[market.plan[i]!]!
  const quotaKb = plan.quotaGb >= unlimitedGb ? Number.POSITIVE_INFINITY : plan.quotaGb * 1_048_576
  let used = 0
  let charged = 0
  for (let k = 0; k < dataSessions; k++) {
    const kb = Math.min(
      2_000_000_000,
      Math.max(1, Math.round(need * 1_048_576 * ((0.5 + random.next()) / dataSessions))),
    )
    used += kb
    // By the running total, so that the parts add up to the bill.
    const owed = used > quotaKb ? Math.floor(((used - quotaKb) / 1_048_576) * prices.overageMinor) : 0
    const row = begin(playing, batch.topics.usage, i, timeOf(playing, i, ((k + random.next()) * 30) / dataSessions))
    u.kind[row] = 0
    u.dataKb[row] = kb
    u.seconds[row] = 0
    u.texts[row] = 0
    u.overageMinor[row] = owed - charged
    u.roaming[row] = random.next() < 0.1 * people.roaming[i]! ? 1 : 0
    end(playing, batch.topics.usage)
    charged = owed
  }
  for (let k = 0; k < 3; k++) {
    const row = begin(playing, batch.topics.usage, i, timeOf(playing, i, (k + random.next()) * 10))
    const voice = k < 2
    u.kind[row] = voice ? 1 : 2
    u.dataKb[row] = 0
    u.seconds[row] = voice ? 1 + Math.floor(-1_800 * Math.log(1 - random.next())) : 0
    u.texts[row] = voice ? 0 : 1 + Math.floor(30 * random.next())
    u.overageMinor[row] = 0
    u.roaming[row] = 0
    end(playing, batch.topics.usage)
  }
  // Those who attend more open the app more often.
  const visits = random.poisson(1.2 * Math.sqrt(people.attention[i]! / parameters.attention))
  for (let k = 0; k < visits; k++)
    engage(playing, i, monthStart + Math.floor(random.next() * monthMs), appOpened, appHome, -1, -1)
  if (random.next() < (charged > 0 ? 0.06 : 0.02))
    engage(
      playing,
      i,
      monthStart + Math.floor(random.next() * monthMs),
      interaction,
      callCentre,
      -1,
      -1,
      1 + Math.floor(4 * random.next()),
    )
}

const dataSessions = 6

/** Packages by the urn; one in a hundred is taken back. */
function shop(playing: Play, i: number): void {
  const { market, random, monthStart, packages } = playing
  random.seed(market.seed, i, purposes.packages + market.month)
  const count = random.poisson(packages.perMonth[i]!)
  for (let k = 0; k < count; k++) {
    const number = drawPackage(packages, i, playing.cumulated, random)
    const at = monthStart + Math.floor(random.next() * monthMs)
    const price = Math.round(marketPackages[number]!.basePriceMinor * market.prices.index)
    const serial = purchase(playing, i, at, packageItem(number), price, -1)
    if (random.next() < market.parameters.retractShare)
      retract(playing, i, at + 1 + Math.floor(random.next() * 2 * dayMs), packageItem(number), price, serial, at)
  }
}

/** One plan offer: the ladder's or, for a share, any eligible one; attended or not; accepted, rejected or left. */
function offer(playing: Play, i: number): void {
  const { market, random, batch, settings } = playing
  const { people, parameters, prices, month } = market
  const eligible = eligiblePlans(market, i)
  if (eligible.length === 0) return
  random.seed(market.seed, i, purposes.offer + month)
  const explored = random.next() < settings.exploration
  const plan = explored ? eligible[Math.floor(eligible.length * random.next())]! : eligible[0]!
  const at = timeOf(playing, i, 5 + 20 * random.next())
  const item = planItem(plan, month)
  const table = batch.topics.offers
  const { columns } = table
  const row = begin(playing, table, i, at)
  const serial = columns.serial[row]!
  let bits = 0
  for (const j of eligible) bits |= 1 << j
  columns.item[row] = item
  columns.eligible[row] = bits
  columns.propensity[row] =
    settings.exploration / eligible.length + (plan === eligible[0] ? 1 - settings.exploration : 0)
  end(playing, table)
  const attends = attending(market, i)
  judgeOffer(playing, i, serial, attends, eligible)
  market.load[i] = parameters.fatigueKept * (market.load[i]! + 1)
  engage(playing, i, at + 1, displayed, byPush, serial, item)
  if (random.next() >= attends) return
  engage(playing, i, at + 60_000, opened, byPush, serial, item)
  if (random.next() < acceptance(people, parameters, prices, i, market.plan[i]!, plan))
    change(playing, i, plan, at + 300_000, serial)
  else if (random.next() < parameters.rejectShare) engage(playing, i, at + 120_000, rejected, byPush, serial, item)
}

function judgeOffer(playing: Play, i: number, serial: number, attends: number, eligible: readonly number[]): void {
  const { market, batch } = playing
  const { columns } = batch.oracle.offers
  const row = batch.oracle.offers.rows++
  columns.customer[row] = i
  columns.serial[row] = serial
  columns.attending[row] = attends
  const { people, parameters, prices, plan } = market
  const current = plan[i]!
  const kept = parameters.acceptance === null ? utility(people, parameters, prices, i, current) + people.inertia[i]! : 0
  for (const column of planColumns) columns[column][row] = Number.NaN
  for (const j of eligible)
    columns[planColumns[j]!][row] =
      parameters.acceptance ?? sigmoid((utility(people, parameters, prices, i, j) - kept) / parameters.temperature)
}

const planColumns = marketPlans.map((_, j) => `plan${j}` as 'plan0')

/** Sales sent on some days: any of the day's fifty with equal probability, at an hour from 9 to 20. */
function push(playing: Play, i: number): void {
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

/** The month's trial: half of the customers randomised in thirds, half targeted. */
function discount(playing: Play, i: number): void {
  const { market, random, batch, shoppers } = playing
  const { parameters, prices, month, seed } = market
  const randomised = random.seed(seed, i, purposes.trial).next() < 0.5
  random.seed(seed, i, purposes.discounts + month)
  const propensities = armPropensities(shoppers, i, randomised)
  const u = random.next()
  const arm = u < propensities[0] ? 0 : u < propensities[0] + propensities[1] ? 1 : 2
  const units = Math.min(255, random.poisson(expectedUnits(shoppers, i, arms[arm]!)))
  const list = Math.round(listPriceMinor * prices.index)
  const table = batch.topics.discounts
  const { columns } = table
  const row = begin(playing, table, i, playing.monthStart + Math.floor(random.next() * monthMs))
  columns.trial[row] = randomised ? 0 : 1
  columns.arm[row] = arm
  columns.propensity0[row] = propensities[0]
  columns.propensity20[row] = propensities[1]
  columns.propensity25[row] = propensities[2]
  columns.listPriceMinor[row] = list
  columns.units[row] = units
  columns.revenueMinor[row] = Math.round(units * list * (1 - arms[arm]!))
  columns.marginMinor[row] = Math.round(units * list * (marginShare - arms[arm]!))
  columns.unitsBefore[row] = shoppers.unitsBefore[i]!
  columns.discountsBefore[row] = shoppers.discountsBefore[i]!
  const o = batch.oracle.discounts
  const judged = o.rows++
  o.columns.customer[judged] = i
  o.columns.serial[judged] = columns.serial[row]!
  o.columns.units0[judged] = expectedUnits(shoppers, i, 0)
  o.columns.units20[judged] = expectedUnits(shoppers, i, 0.2)
  o.columns.units25[judged] = expectedUnits(shoppers, i, 0.25)
  o.columns.profit0[judged] = prices.index * expectedProfit(shoppers, i, 0, parameters)
  o.columns.profit20[judged] = prices.index * expectedProfit(shoppers, i, 0.2, parameters)
  o.columns.profit25[judged] = prices.index * expectedProfit(shoppers, i, 0.25, parameters)
  end(playing, table)
  remember(shoppers, i, arms[arm]!, units, parameters)
}

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
  o.streaming[row] = people.streaming[i]!
  o.roaming[row] = people.roaming[i]!
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

type EventTable = Batch['topics'][keyof Batch['topics']]

/** A new row with who, when and which; the caller fills the rest, then calls `end`. */
function begin(playing: Play, table: EventTable, i: number, at: number): number {
  const row = table.rows
  table.columns.customer[row] = i
  table.columns.serial[row] = playing.market.named[i]!++
  table.columns.at[row] = at
  return row
}

/** When the row arrives, and, for some, that it arrives again. */
function end(playing: Play, table: EventTable): void {
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

function purchase(playing: Play, i: number, at: number, item: number, priceMinor: number, offer: number): number {
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

function retract(
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

function engage(
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
const displayed = kinds.indexOf('displayed')
const opened = kinds.indexOf('opened')
const clicked = kinds.indexOf('clicked')
const dismissed = kinds.indexOf('dismissed')
const rejected = kinds.indexOf('rejected')
const appOpened = kinds.indexOf('app_opened')
const interaction = kinds.indexOf('interaction')
const surfaces = marketTopics.engagements.surface
const byPush = surfaces.indexOf('push')
const appHome = surfaces.indexOf('app_home')
const callCentre = surfaces.indexOf('call_centre')

function profile(playing: Play, i: number, at: number): void {
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
  columns.bundle[row] = people.bundle[i]!
  columns.ageBand[row] = Math.min(ageBands.length - 1, Math.max(0, Math.floor((people.age[i]! - 15) / 10)))
  columns.device[row] = people.device[i]!
  columns.channel[row] = people.channel[i]!
  columns.household[row] = people.household[i]!
  columns.statedGb[row] = people.statedGb[i]!
  columns.consent[row] = people.consent[i]!
  end(playing, table)
}

const hourMs = 3_600_000

/** A moment on that day of the month (a fraction is fine), by the customer's hours. */
function timeOf(playing: Play, i: number, day: number): number {
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
