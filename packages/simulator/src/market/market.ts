import { createRandom } from '../random.ts'
import { type PriceList, priceList, utility } from './choice.ts'
import { type MarketParameters, type MarketPreset, marketPresets } from './parameters.ts'
import { createPeople, type People } from './people.ts'
import { purposes } from './purposes.ts'

/** A whole market with known truth. `months.ts` moves it from month to month. */
export type Market = {
  readonly seed: number
  readonly customers: number
  readonly preset: MarketPreset
  /** Milliseconds since the epoch; months have thirty days. */
  readonly start: number
  readonly parameters: MarketParameters
  readonly people: People
  /** The month that is next to be played. */
  month: number
  /** Of this month. */
  prices: PriceList
  /** Of this month, `competitorIndex`. */
  competitor: number
  readonly plan: Int8Array
  readonly active: Uint8Array
  /** Offers of late, what fades of them taken off. */
  readonly load: Float32Array
  /** Events named so far. */
  readonly named: Uint32Array
}

export type MarketOptions = {
  readonly seed: number
  readonly customers: number
  /** `medium-taste` unless told. */
  readonly preset?: MarketPreset
  readonly start?: number
}

export const dayMs = 86_400_000
export const monthMs = 30 * dayMs
const defaultStart = Date.UTC(2025, 0, 6)

/** Throws a RangeError on a size that is no whole number from 1 to ten million. */
export function createMarket(options: MarketOptions): Market {
  const { seed, customers, preset = 'medium-taste', start = defaultStart } = options
  if (!(Number.isInteger(customers) && customers > 0 && customers <= 10_000_000))
    throw new RangeError(`customers is ${customers}, wanted a whole number from 1 to 10000000`)
  const parameters = marketPresets[preset]
  const people = createPeople(seed, customers, parameters)
  const market: Market = {
    seed,
    customers,
    preset,
    start,
    parameters,
    people,
    month: 0,
    prices: priceList(0),
    competitor: 1,
    plan: new Int8Array(customers),
    active: new Uint8Array(customers).fill(1),
    load: new Float32Array(customers),
    named: new Uint32Array(customers),
  }
  settle(market)
  return market
}

/** The first plan is a choice of long ago: the same utility under a smaller need, with Gumbel noise. */
function settle(market: Market): void {
  const { seed, customers, people, parameters, plan } = market
  const prices = priceList(0)
  const random = createRandom()
  for (let i = 0; i < customers; i++) {
    random.seed(seed, i, purposes.firstPlan)
    const drift = people.needDrift[i]!
    people.needDrift[i] = drift - parameters.grownSince + parameters.changedSince * random.normal()
    let highest = Number.NEGATIVE_INFINITY
    for (const j of prices.onSale) {
      const gumbel = -Math.log(-Math.log(Math.max(random.next(), 1e-12)))
      const value = utility(people, parameters, prices, i, j) + 0.4 * gumbel
      if (value > highest) {
        highest = value
        plan[i] = j
      }
    }
    people.needDrift[i] = drift
  }
}

/** The competitor's prices in relation to inflation: AR(1) about 1 by month, known to everybody. */
export function competitorIndex(seed: number, month: number): number {
  const random = createRandom()
  let index = 1
  for (let m = 1; m <= month; m++)
    index = 1 + 0.8 * (index - 1) + 0.03 * random.seed(seed, m, purposes.competitor).normal()
  return index
}
