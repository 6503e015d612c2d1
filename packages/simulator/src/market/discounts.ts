import type { Random } from '../random.ts'
import type { MarketParameters } from './parameters.ts'

export const arms = [0, 0.2, 0.25] as const
/** Of the list price. */
export const marginShare = 0.4
/** Of month 0. */
export const listPriceMinor = 2_000

/** How customers answer to discounts, and what earlier ones left behind. */
export type Shoppers = {
  /** 0 always-buyer, 1 deal-seeker, 2 sleeping dog, 3 stockpiler. */
  readonly type: Uint8Array
  readonly elasticity: Float32Array
  /** Units a month at the list price. */
  readonly base: Float32Array
  /** Log of demand lost because the reference price fell. */
  readonly erosion: Float32Array
  /** Units a stockpiler still has at home. */
  readonly stock: Float32Array
  /** Seen: units of last month, discounts so far. */
  readonly unitsBefore: Uint8Array
  readonly discountsBefore: Uint8Array
}

export const createShoppers = (customers: number): Shoppers => ({
  type: new Uint8Array(customers),
  elasticity: new Float32Array(customers),
  base: new Float32Array(customers),
  erosion: new Float32Array(customers),
  stock: new Float32Array(customers),
  unitsBefore: new Uint8Array(customers),
  discountsBefore: new Uint8Array(customers),
})

/** The more price-sensitive, the likelier a deal-seeker or stockpiler. */
export function drawShopper(
  shoppers: Shoppers,
  customer: number,
  sensitivity: number,
  parameters: MarketParameters,
  random: Random,
): void {
  const seeking = Math.min(0.8, 0.45 * sensitivity)
  const u = random.next()
  const type = u < seeking * 0.7 ? 1 : u < seeking ? 3 : random.next() < 0.25 ? 2 : 0
  shoppers.type[customer] = type
  shoppers.elasticity[customer] = parameters.discountEffect * (typeMean[type]! + typeSd[type]! * random.normal())
  shoppers.base[customer] = 0.5 * Math.exp(0.6 * random.normal() - 0.18)
  shoppers.unitsBefore[customer] = random.poisson(shoppers.base[customer]!)
}

const typeMean = [0.2, 5, -1, 5] as const
const typeSd = [0.2, 1, 0.4, 1] as const

/** How a discount is felt: h(d) = −log(1 − d), so that demand has constant elasticity in the price paid. */
const felt = (discount: number): number => -Math.log(1 - discount)

/** Expected units this month: base · exp(e·h(d)), less what earlier discounts eroded and what is still at home. */
export function expectedUnits(shoppers: Shoppers, customer: number, discount: number): number {
  const demand =
    shoppers.base[customer]! * Math.exp(shoppers.elasticity[customer]! * felt(discount) - shoppers.erosion[customer]!)
  return Math.max(0, demand - shoppers.stock[customer]!)
}

/** Share of a stockpiler's extra units that next month does without. */
const borrowedShare = 0.7
/** Log of demand lost per unit of discount seen, and the share that is still there a month later. */
const erosionPerDiscount = 0.3
const erosionKept = 0.6

/**
 * Expected profit of an arm in minor units of month 0: this month's margin, less the margin that next month, sold at the
 * list price, loses against no discount.
 */
export function expectedProfit(
  shoppers: Shoppers,
  customer: number,
  discount: number,
  parameters: MarketParameters,
): number {
  const units = expectedUnits(shoppers, customer, discount)
  const borrowed = borrowedOf(shoppers, customer, units, parameters)
  const eroded =
    shoppers.base[customer]! *
    Math.exp(-erosionKept * shoppers.erosion[customer]!) *
    (1 - Math.exp(-erosionKept * parameters.discountEffect * erosionPerDiscount * discount))
  return listPriceMinor * (units * (marginShare - discount) - marginShare * (borrowed + eroded))
}

function borrowedOf(shoppers: Shoppers, customer: number, units: number, parameters: MarketParameters): number {
  if (shoppers.type[customer] !== 3) return 0
  return parameters.discountEffect * borrowedShare * Math.max(0, units - expectedUnits(shoppers, customer, 0))
}

/** What a discount leaves behind for the months to come. */
export function remember(
  shoppers: Shoppers,
  customer: number,
  discount: number,
  units: number,
  parameters: MarketParameters,
): void {
  shoppers.stock[customer] = borrowedOf(shoppers, customer, expectedUnits(shoppers, customer, discount), parameters)
  shoppers.erosion[customer] =
    erosionKept * (shoppers.erosion[customer]! + parameters.discountEffect * erosionPerDiscount * discount)
  shoppers.unitsBefore[customer] = Math.min(255, units)
  if (discount > 0) shoppers.discountsBefore[customer] = Math.min(255, shoppers.discountsBefore[customer]! + 1)
}

/**
 * Propensities of the three arms in a trial: thirds where randomised; where targeted, those who bought more and had more
 * discounts get them more often, never below 5 %.
 */
export function armPropensities(shoppers: Shoppers, customer: number, randomised: boolean): [number, number, number] {
  if (randomised) return [1 / 3, 1 / 3, 1 / 3]
  const pull =
    1 / (1 + Math.exp(0.5 - 0.4 * shoppers.unitsBefore[customer]! - 0.2 * shoppers.discountsBefore[customer]!))
  const p20 = 0.05 + 0.5 * pull
  const p25 = 0.05 + 0.3 * pull
  return [1 - p20 - p25, p20, p25]
}
