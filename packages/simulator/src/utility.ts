import type { CatalogueItem } from '@offerstream/contracts'
import { kbPerGb, type Plan, plans } from './catalogue.ts'
import type { Parameters } from './parameters.ts'
import type { Population } from './population.ts'

/**
 * Expected monthly bill in minor units: price plus overage, closed form for a lognormal need
 * (the undiscounted Black–Scholes call, with the quota as strike).
 */
function expectedBill(plan: Plan, logNeed: number, sd: number): number {
  const { priceMinor, overageMinorPerGb, quotaKb } = plan.item
  if (quotaKb === null || overageMinorPerGb === 0) return priceMinor
  const logQuota = Math.log(quotaKb / kbPerGb)
  const beyond =
    Math.exp(logNeed + (sd * sd) / 2) * normalCdf((logNeed + sd * sd - logQuota) / sd) -
    Math.exp(logQuota) * normalCdf((logNeed - logQuota) / sd)
  return priceMinor + overageMinorPerGb * Math.max(0, beyond)
}

/** v = −a·E[bill]/income + g·log(1 + quota) + flags·shares + taste·(z·s). */
export function planUtility(people: Population, parameters: Parameters, customer: number, plan: Plan): number {
  const bill = expectedBill(plan, people.logNeed[customer]!, parameters.monthNoiseSd)
  const need = Math.exp(people.logNeed[customer]!)
  // Quota beyond twice the need is worth nothing more.
  const quota = Math.min(plan.quotaGb, 2 * need)
  const { taste } = people
  const match =
    taste[customer * 3]! * plan.style[0] +
    taste[customer * 3 + 1]! * plan.style[1] +
    taste[customer * 3 + 2]! * plan.style[2]
  return (
    (-people.sensitivity[customer]! * parameters.billWeight * bill) / people.incomeMinor[customer]! +
    parameters.quotaWeight * Math.log1p(quota) +
    parameters.flagWeight * (plan.streaming * people.streaming[customer]! + plan.roaming * people.roaming[customer]!) +
    parameters.tasteWeight * match
  )
}

/** What an offered item adds to the customer's present plan, inertia not yet taken off. */
export function gainOf(
  people: Population,
  parameters: Parameters,
  customer: number,
  currentPlan: number,
  item: CatalogueItem,
): number {
  const target = planOf.get(item.name)
  const current = plans[currentPlan]!
  if (target !== undefined)
    return planUtility(people, parameters, customer, target) - planUtility(people, parameters, customer, current)
  const cost =
    (-people.sensitivity[customer]! * parameters.billWeight * item.priceMinor) / people.incomeMinor[customer]!
  const need = Math.exp(people.logNeed[customer]!)
  const extra = (item.quotaKb ?? 0) / kbPerGb
  const share =
    item.serviceType === 'roaming'
      ? people.roaming[customer]!
      : item.serviceType === 'streaming'
        ? people.streaming[customer]!
        : 1
  const short = Math.max(0, need - current.quotaGb)
  const useful = Math.min(extra, short + 0.25 * need) * share
  const talk = item.serviceType === 'voice' && current.item.minutes !== null ? (item.minutes ?? 0) / 2000 : 0
  return cost + parameters.quotaWeight * Math.log1p(useful) + talk
}

const planOf: ReadonlyMap<string, Plan> = new Map(plans.map(plan => [plan.item.name, plan]))

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** Zelen and Severo 26.2.17, absolute error below 7.5e-8. */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x))
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * poly
  return x >= 0 ? 1 - tail : tail
}
