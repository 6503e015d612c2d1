/** One logged decision, with the probabilities that a policy under valuation gives to the same actions. */
export type Choice = {
  /** What belongs together, a customer: intervals and folds keep a group whole. */
  readonly group: string
  readonly actions: readonly string[]
  /** Index of the action that was taken. */
  readonly taken: number
  /** Probability of each action when it was logged; adds up to 1. */
  readonly logged: readonly number[]
  /** Probability of each action under the policy valued; what is missing to 1 went to actions that are not listed. */
  readonly target: readonly number[]
  /** What the reward model may look at, one row per action, all equally long; the constant comes by itself. */
  readonly inputs: readonly (readonly number[])[]
  readonly reward: number
}

/** A choice as the estimators need it; by-row arrays of equal length. */
export type Weighed = {
  readonly groups: readonly string[]
  readonly rewards: Float64Array
  /** π(a|x) / p(a|x) of the action taken. */
  readonly weights: Float64Array
  /** Reward that the model predicts for the action taken, q(x, a). */
  readonly predicted: Float64Array
  /** Σ π(a|x) q(x, a) over all actions. */
  readonly expected: Float64Array
  /** How far the mean of `expected` moves, times the number of rows, when this row's reward moves by one. */
  readonly leverage: Float64Array
  /** π mass of the row on actions whose weight exceeds a limit. */
  massAbove(row: number, limit: number): number
}

/** An estimate with each row's influence on it: `value` is a mean, and `influence` is what each row adds, centred. */
export type Estimate = { readonly value: number; readonly influence: Float64Array }

export type Estimator = {
  readonly name: string
  /** In a line, for the report. */
  readonly says: string
  /** Whether it hangs on weights: then a floor of effective sample size applies. */
  readonly weighs: boolean
  estimate(rows: Weighed): Estimate
}

export const mean = (values: Float64Array): number => {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}
