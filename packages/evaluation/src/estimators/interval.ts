import type { Estimate } from './choice.ts'

const normal95 = 1.959963984540054

export type Interval = { readonly low: number; readonly high: number }

/**
 * 95 % interval of an estimate, groups kept whole: V ± 1.96 · √(G/(G−1) · Σ_g (Σ_{i∈g} ψᵢ)²) / n. Liang and Zeger,
 * Longitudinal data analysis using generalized linear models, Biometrika 1986. Nothing is known from one group: infinite.
 */
export function intervalOf({ value, influence }: Estimate, groups: readonly string[]): Interval {
  const sums = new Map<string, number>()
  for (const [row, group] of groups.entries()) sums.set(group, (sums.get(group) ?? 0) + influence[row]!)
  let squares = 0
  for (const sum of sums.values()) squares += sum * sum
  const error =
    sums.size < 2 ? Number.POSITIVE_INFINITY : Math.sqrt((squares * sums.size) / (sums.size - 1)) / influence.length
  return { low: value - normal95 * error, high: value + normal95 * error }
}
