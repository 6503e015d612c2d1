import { utility } from './choice.ts'
import { planItem } from './items.ts'
import { monthMs } from './market.ts'
import type { Play } from './playing.ts'
import { purposes } from './purposes.ts'
import { profile, purchase } from './rows.ts'

/** Need drifts, life changes, some leave, some think again about their plan. False for those who left. */
export function live(playing: Play, i: number): boolean {
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
export function change(playing: Play, i: number, plan: number, at: number, offer: number): void {
  const { market } = playing
  market.plan[i] = plan
  purchase(playing, i, at, planItem(plan, market.month), market.prices.priceMinor[plan]!, offer)
  profile(playing, i, at + 1)
}
