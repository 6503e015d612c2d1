import { type Estimate, type Estimator, mean, type Weighed } from './choice.ts'

/** Limits tried; without one it is DR. */
const limits = [1, 2, 5, 10, 20, 50, 100, 200, 500, Number.POSITIVE_INFINITY]

/**
 * SWITCH-DR: the correction of DR only where wᵢ ≤ τ, the reward model alone beyond. τ is the limit with the least
 * estimated variance plus squared bound on the bias, (r_max · mean π mass with a weight above τ)². Wang, Agarwal and
 * Dudík, Optimal and adaptive off-policy evaluation in contextual bandits, ICML 2017, sections 3.2 and 3.3.
 */
export const switchDr: Estimator = {
  name: 'SWITCH',
  says: 'DR that leaves rows of a huge weight to the reward model',
  weighs: true,
  estimate(rows) {
    const largestReward = rows.rewards.reduce((most, each) => Math.max(most, Math.abs(each)), 0)
    let best = switched(rows, Number.POSITIVE_INFINITY)
    let least = Number.POSITIVE_INFINITY
    for (const limit of limits) {
      const tried = switched(rows, limit)
      let above = 0
      for (let row = 0; row < rows.rewards.length; row++) above += rows.massAbove(row, limit)
      const bias = (largestReward * above) / rows.rewards.length
      const error = mean(tried.influence.map(each => each * each)) / rows.rewards.length + bias * bias
      if (error < least) {
        least = error
        best = tried
      }
    }
    return best
  },
}

function switched({ rewards, weights, predicted, expected }: Weighed, limit: number): Estimate {
  const parts = expected.map((each, row) =>
    weights[row]! <= limit ? each + weights[row]! * (rewards[row]! - predicted[row]!) : each,
  )
  const value = mean(parts)
  return { value, influence: parts.map(each => each - value) }
}
