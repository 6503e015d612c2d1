import { createRandom } from '../random.ts'
import { dot3, sigmoid } from './choice.ts'
import type { MarketParameters } from './parameters.ts'
import type { People } from './people.ts'
import { purposes } from './purposes.ts'

export const salesPerDay = 50
const saleBrands = 12
export const saleCategories = 10

/** One day's sales. */
export type Sales = {
  readonly day: number
  readonly brand: Uint8Array
  readonly category: Uint8Array
  /** Month 0, minor units, before the discount. */
  readonly priceMinor: Int32Array
  /** Percent. */
  readonly discount: Uint8Array
  /** Shock to the log-odds of opening; seen only through what people do. */
  readonly popularity: Float64Array
  /** Flat, three each; answers to taste. */
  readonly style: Float64Array
  /** The most popular one. */
  readonly top: number
}

export function salesOf(seed: number, day: number): Sales {
  const random = createRandom().seed(seed, day, purposes.sales)
  const sales = {
    day,
    brand: new Uint8Array(salesPerDay),
    category: new Uint8Array(salesPerDay),
    priceMinor: new Int32Array(salesPerDay),
    discount: new Uint8Array(salesPerDay),
    popularity: new Float64Array(salesPerDay),
    style: new Float64Array(3 * salesPerDay),
  }
  for (let k = 0; k < salesPerDay; k++) {
    const category = Math.floor(saleCategories * random.next())
    const brand = Math.floor(saleBrands * random.next())
    sales.category[k] = category
    sales.brand[k] = brand
    sales.priceMinor[k] = Math.round(3000 * Math.exp(0.7 * random.normal()))
    sales.discount[k] = 10 + 10 * Math.floor(5 * random.next())
    sales.popularity[k] = 0.4 * random.normal() + 0.01 * (sales.discount[k]! - 30)
    // Brand and category say part of the style, so that a new sale is not wholly unknown.
    for (let d = 0; d < 3; d++)
      sales.style[3 * k + d] =
        0.5 * Math.cos(2 * brand + d) + 0.5 * Math.sin(3 * category + 2 * d) + 0.3 * random.normal()
  }
  return { ...sales, top: sales.popularity.indexOf(Math.max(...sales.popularity)) }
}

/** What a text of the sale says; everything in it is in its columns too. */
export const saleText = (sales: Sales, k: number): string =>
  `${sales.discount[k]} % off ${categoryNames[sales.category[k]!]} by brand ${sales.brand[k]! + 1}`

const categoryNames = ['shoes', 'coats', 'toys', 'books', 'phones', 'audio', 'kitchen', 'garden', 'sports', 'beauty']

/** How well a sale suits a customer: two for the favourite category, and taste. About 0 on average. */
export const match = (people: People, customer: number, favourite: number, sales: Sales, k: number): number =>
  (sales.category[k] === favourite ? 2 : 0) - 0.2 + dot3(people.taste, 3 * customer, sales.style, 3 * k)

/** What a send adds to the fatigue; it halves every three days, so sends 1, 3 and 7 days ago count 0.79, 0.5 and 0.2. */
export const fatiguePerSend = 0.35
export const fatigueKeptPerDay = 0.5 ** (1 / 3)

/** Log-odds of opening but for what hangs on the sale. */
export const openBase = (people: People, customer: number, hour: number, fatigue: number): number =>
  -2.6 +
  people.openness[customer]! +
  0.5 * Math.cos((2 * Math.PI * (hour - 19 - people.shift[customer]!)) / 24) -
  fatigue

/** Probability that a push is opened. */
export const openProbability = (
  base: number,
  parameters: MarketParameters,
  sales: Sales,
  k: number,
  suits: number,
): number => sigmoid(base + parameters.popularityWeight * sales.popularity[k]! + parameters.matchWeight * suits)

/** Probability of a click within 24 hours of opening: it shares part of the match. */
export const clickProbability = (parameters: MarketParameters, suits: number): number =>
  sigmoid(-1 + 0.5 * parameters.matchWeight * suits)

/** Probability of muting after an unopened push: the more it misses the customer, and the more there were. */
export const muteProbability = (parameters: MarketParameters, suits: number, fatigue: number): number =>
  0.001 * Math.exp(0.6 * fatigue + 0.8 * parameters.matchWeight * Math.max(0, -suits))
