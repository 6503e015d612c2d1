import { type Estimator, mean } from './choice.ts'

/**
 * Inverse propensity score: V = (1/n) Σ wᵢ rᵢ, w = π(a|x) / p(a|x). Unbiased where p > 0 wherever π > 0.
 * Horvitz and Thompson, A generalization of sampling without replacement from a finite universe, JASA 1952.
 */
export const ips: Estimator = {
  name: 'IPS',
  says: 'rewards weighed by how much likelier the policy was to do the same',
  weighs: true,
  estimate({ rewards, weights }) {
    const influence = rewards.map((reward, row) => weights[row]! * reward)
    const value = mean(influence)
    return { value, influence: influence.map(each => each - value) }
  },
}
