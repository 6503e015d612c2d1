import { type Estimator, mean } from './choice.ts'

/**
 * Direct method: V = (1/n) Σᵢ Σₐ π(a|xᵢ) q(xᵢ, a). Its interval allows for the rows and for the fit of q, to first
 * order, never for q being of the wrong form. Dudík, Langford and Li, Doubly robust policy evaluation and learning,
 * ICML 2011, section 2.
 */
export const dm: Estimator = {
  name: 'DM',
  says: 'what a reward model predicts; right only as far as the model is',
  weighs: false,
  estimate({ rewards, predicted, expected, leverage }) {
    const value = mean(expected)
    return {
      value,
      influence: expected.map((each, row) => each - value + leverage[row]! * (rewards[row]! - predicted[row]!)),
    }
  },
}
