import { type Estimator, mean } from './choice.ts'

/**
 * Self-normalised inverse propensity score: V = Σ wᵢ rᵢ / Σ wᵢ; its influence is wᵢ (rᵢ − V) / mean(w), by the delta
 * method. Swaminathan and Joachims, The self-normalized estimator for counterfactual learning, NIPS 2015, eq. 9.
 */
export const snips: Estimator = {
  name: 'SNIPS',
  says: 'as IPS, divided by the sum of the weights: a little biased, much steadier',
  weighs: true,
  estimate({ rewards, weights }) {
    const scale = mean(weights)
    const value = mean(rewards.map((reward, row) => weights[row]! * reward)) / scale
    return { value, influence: rewards.map((reward, row) => (weights[row]! * (reward - value)) / scale) }
  },
}
