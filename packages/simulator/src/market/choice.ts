import type { MarketParameters } from './parameters.ts'
import type { People } from './people.ts'
import { indexOf, marketPlans, onSale, overageMinorPerGb, planPrice, unlimitedGb } from './plans.ts'

/** What a month's choices go by, taken out of the loops over customers. */
export type PriceList = {
  readonly month: number
  /** Of prices and incomes. */
  readonly index: number
  readonly priceMinor: Float64Array
  readonly overageMinor: number
  /** Numbers of the plans on sale, by price. */
  readonly onSale: readonly number[]
}

export function priceList(month: number): PriceList {
  const plans = marketPlans.map((_, j) => j)
  const prices = Float64Array.from(plans, j => planPrice(j, month))
  return {
    month,
    index: indexOf(month),
    priceMinor: prices,
    overageMinor: overageMinorPerGb * indexOf(month),
    onSale: plans.filter(j => onSale(j, month)).sort((a, b) => prices[a]! - prices[b]!),
  }
}

/**
 * Expected monthly bill in minor units: price plus overage, for a need lognormal about `logNeed`; the overage is the
 * undiscounted call of Black and Scholes (1973) with the quota as strike.
 */
export function expectedBill(prices: PriceList, plan: number, logNeed: number, sd: number): number {
  const quota = marketPlans[plan]!.quotaGb
  const price = prices.priceMinor[plan]!
  if (quota >= unlimitedGb) return price
  const distance = (logNeed - logQuota[plan]!) / sd
  const beyond = Math.exp(logNeed + (sd * sd) / 2) * normalCdf(distance + sd) - quota * normalCdf(distance)
  return price + prices.overageMinor * Math.max(0, beyond)
}

/** v = −a·w·E[bill]/income + g·log(1 + quota) + flags·shares + taste·(z·s). */
export function utility(
  people: People,
  parameters: MarketParameters,
  prices: PriceList,
  customer: number,
  plan: number,
): number {
  const { streaming, roaming, style } = marketPlans[plan]!
  const logNeed = people.needLevel[customer]! + people.needDrift[customer]!
  const bill = expectedBill(prices, plan, logNeed, parameters.monthNoiseSd)
  const income = people.incomeMinor[customer]! * prices.index
  return (
    (-people.sensitivity[customer]! * parameters.billWeight * bill) / income +
    parameters.quotaWeight * logQuota1[plan]! +
    parameters.flagWeight * (streaming * people.streaming[customer]! + roaming * people.roaming[customer]!) +
    parameters.tasteWeight * dot3(people.taste, 3 * customer, style)
  )
}

/** Probability that an attended offer of the plan is accepted: σ((v_j − v_current − inertia)/τ). */
export function acceptance(
  people: People,
  parameters: MarketParameters,
  prices: PriceList,
  customer: number,
  current: number,
  plan: number,
): number {
  if (parameters.acceptance !== null) return parameters.acceptance
  const gain =
    utility(people, parameters, prices, customer, plan) - utility(people, parameters, prices, customer, current)
  return sigmoid((gain - people.inertia[customer]!) / parameters.temperature)
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

export const dot3 = (one: ArrayLike<number>, from: number, other: ArrayLike<number>, otherFrom = 0): number =>
  one[from]! * other[otherFrom]! + one[from + 1]! * other[otherFrom + 1]! + one[from + 2]! * other[otherFrom + 2]!

/** Zelen and Severo (1964), Abramowitz and Stegun 26.2.17: absolute error below 7.5e-8. */
export function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x))
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  const tail = 0.3989422804014327 * Math.exp((-x * x) / 2) * poly
  return x >= 0 ? 1 - tail : tail
}

const logQuota = marketPlans.map(plan => Math.log(plan.quotaGb))
const logQuota1 = marketPlans.map(plan => Math.log1p(plan.quotaGb))
