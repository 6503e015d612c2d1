import type { Choice, Estimator } from './choice.ts'
import { dm } from './dm.ts'
import { dr } from './dr.ts'
import { intervalOf } from './interval.ts'
import { ips } from './ips.ts'
import { type Overlap, overlapOf } from './overlap.ts'
import { weigh } from './reward-model.ts'
import { snips } from './snips.ts'
import { switchDr } from './switch.ts'

/** Every estimator there is. */
export const estimators: readonly Estimator[] = [ips, snips, dm, dr, switchDr]

/** Below these a log cannot carry a value. */
export type Floors = {
  readonly effectiveSampleSize: number
  readonly overlap: number
  /** Largest share of the weights that one decision may have. */
  readonly maxWeightShare: number
  /** Times that each action the policy takes was taken, for a value that hangs on a model of rewards alone. */
  readonly taken: number
}

export const defaultFloors: Floors = { effectiveSampleSize: 100, overlap: 0.99, maxWeightShare: 0.1, taken: 20 }

/** Mean reward per decision; without a value where it is refused. */
export type PolicyValue = {
  readonly estimator: string
  readonly value: number | null
  /** Ends of the 95 % interval. */
  readonly low: number | null
  readonly high: number | null
  readonly effectiveSampleSize: number
  /** Why there is no value. */
  readonly refused: string | null
}

export type Valuation = {
  readonly values: readonly PolicyValue[]
  readonly overlap: Overlap
  readonly weights: Float64Array
}

/** Values a policy by every estimator, each refused with the reason where the log cannot carry it. */
export function valuePolicy(choices: readonly Choice[], floors: Floors = defaultFloors): Valuation {
  const weighed = weigh(choices)
  const overlap = overlapOf(choices, weighed.weights)
  const values = estimators.map((estimator): PolicyValue => {
    const refused = refusalOf(overlap, estimator, floors)
    const { effectiveSampleSize } = overlap
    if (refused !== null)
      return { estimator: estimator.name, value: null, low: null, high: null, effectiveSampleSize, refused }
    const estimate = estimator.estimate(weighed)
    return {
      estimator: estimator.name,
      value: estimate.value,
      ...intervalOf(estimate, weighed.groups),
      effectiveSampleSize,
      refused: null,
    }
  })
  return { values, overlap, weights: weighed.weights }
}

function refusalOf(overlap: Overlap, { weighs }: Estimator, floors: Floors): string | null {
  const share = (value: number): string => `${Number((100 * value).toFixed(1))} %`
  if (overlap.decisions === 0) return 'the log holds no decision to value it by'
  if (overlap.overlap < floors.overlap)
    return `overlap: ${share(1 - overlap.overlap)} of what it does was never possible in the log, at most ${share(1 - floors.overlap)} is carried`
  if (!weighs)
    return overlap.leastTaken !== null && overlap.leastTaken.times < floors.taken
      ? `overlap: it takes ${overlap.leastTaken.action}, which the log took ${overlap.leastTaken.times} times; a model of its reward wants at least ${floors.taken}`
      : null
  if (overlap.effectiveSampleSize < floors.effectiveSampleSize)
    return `effective sample size ${Math.round(overlap.effectiveSampleSize)} of ${overlap.decisions} decisions, at least ${floors.effectiveSampleSize} are wanted`
  if (overlap.maxWeightShare > floors.maxWeightShare)
    return `one decision has ${share(overlap.maxWeightShare)} of all weight, at most ${share(floors.maxWeightShare)} is carried`
  return null
}
