import { type Estimator, mean } from './choice.ts'

/**
 * Doubly robust: V = (1/n) Σᵢ [ Σₐ π(a|xᵢ) q(xᵢ, a) + wᵢ (rᵢ − q(xᵢ, aᵢ)) ], q fitted without the row's own group.
 * Dudík, Langford and Li, Doubly robust policy evaluation and learning, ICML 2011, eq. 1.
 */
export const dr: Estimator = {
  name: 'DR',
  says: 'the reward model, corrected by what it missed on the weighed rows',
  weighs: true,
  estimate({ rewards, weights, predicted, expected }) {
    const parts = expected.map((each, row) => each + weights[row]! * (rewards[row]! - predicted[row]!))
    const value = mean(parts)
    return { value, influence: parts.map(each => each - value) }
  },
}
