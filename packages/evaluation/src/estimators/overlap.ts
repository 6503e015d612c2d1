import type { Choice } from './choice.ts'

/** How well a log covers a policy. */
export type Overlap = {
  readonly decisions: number
  readonly groups: number
  /** Kish: (Σ w)² / Σ w². */
  readonly effectiveSampleSize: number
  readonly maxWeight: number
  /** Share of the sum of the weights that the largest has. */
  readonly maxWeightShare: number
  /** Mean probability of the policy on actions that the log could have taken; 1 is all of it. */
  readonly overlap: number
  /** How often each action that the policy takes at least now and then (1 % of decisions) was taken in the log. */
  readonly leastTaken: { readonly action: string; readonly times: number } | null
}

export function overlapOf(choices: readonly Choice[], weights: Float64Array): Overlap {
  let sum = 0
  let squares = 0
  let maxWeight = 0
  let covered = 0
  const wanted = new Map<string, number>()
  const times = new Map<string, number>()
  for (const [row, { actions, target, logged, taken }] of choices.entries()) {
    const weight = weights[row]!
    sum += weight
    squares += weight * weight
    maxWeight = Math.max(maxWeight, weight)
    times.set(actions[taken]!, (times.get(actions[taken]!) ?? 0) + 1)
    for (let action = 0; action < actions.length; action++) {
      if (logged[action]! > 0) covered += target[action]!
      if (target[action]! > 0) wanted.set(actions[action]!, (wanted.get(actions[action]!) ?? 0) + target[action]!)
    }
  }
  let leastTaken: Overlap['leastTaken'] = null
  for (const [action, mass] of wanted) {
    const taken = times.get(action) ?? 0
    if (mass >= 0.01 * choices.length && (leastTaken === null || taken < leastTaken.times))
      leastTaken = { action, times: taken }
  }
  return {
    decisions: choices.length,
    groups: new Set(choices.map(({ group }) => group)).size,
    effectiveSampleSize: squares === 0 ? 0 : (sum * sum) / squares,
    maxWeight,
    maxWeightShare: sum === 0 ? 0 : maxWeight / sum,
    overlap: choices.length === 0 ? 0 : covered / choices.length,
    leastTaken,
  }
}
