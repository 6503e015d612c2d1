import { acceptance } from './choice.ts'
import type { Market } from './market.ts'

/** Plans that may be offered: on sale, not the customer's own, and no downgrade. By price; empty for those at the top. */
export function eligiblePlans(market: Market, customer: number): readonly number[] {
  const { prices, plan } = market
  const own = prices.priceMinor[plan[customer]!]!
  return prices.onSale.filter(j => j !== plan[customer] && prices.priceMinor[j]! >= own)
}

/** Picks one of the eligible plans (never called with none). Sees whatever it likes: this is the world's side. */
export type PlanPolicy = (market: Market, customer: number, eligible: readonly number[]) => number

/** The next plan up: what most operators do. */
export const ladderRule: PlanPolicy = (_market, _customer, eligible) => eligible[0]!

/** The plan the customer is most likely to accept, by the latents. */
export const fullInformation: PlanPolicy = (market, customer, eligible) => {
  let best = eligible[0]!
  let highest = -1
  for (const j of eligible) {
    const p = acceptance(market.people, market.parameters, market.prices, customer, market.plan[customer]!, j)
    if (p > highest) {
      highest = p
      best = j
    }
  }
  return best
}

/** The same plan for all who may have it, the ladder's for the others. */
export const singlePlan =
  (plan: number): PlanPolicy =>
  (_market, _customer, eligible) =>
    eligible.includes(plan) ? plan : eligible[0]!

/** Probability that the customer attends to an offer now. */
export const attending = (market: Market, customer: number): number =>
  market.people.attention[customer]! * Math.exp(-market.parameters.fatigue * market.load[customer]!)

/**
 * What a policy is worth this month: accepted offers per customer with something eligible. The exact mean over
 * customers of attending × accepting, no answer is drawn.
 */
export function policyValue(market: Market, policy: PlanPolicy): number {
  let sum = 0
  let offered = 0
  for (let i = 0; i < market.customers; i++) {
    if (market.active[i] === 0) continue
    const eligible = eligiblePlans(market, i)
    if (eligible.length === 0) continue
    const j = policy(market, i, eligible)
    offered++
    sum += attending(market, i) * acceptance(market.people, market.parameters, market.prices, i, market.plan[i]!, j)
  }
  return offered === 0 ? 0 : sum / offered
}
