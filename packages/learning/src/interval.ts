export type Interval = { readonly mean: number; readonly low: number; readonly high: number }

/** Mean and 95 % interval by Student's t; NaN bounds for fewer than two values. */
export function tInterval(values: readonly number[]): Interval {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  if (count < 2) return { mean, low: Number.NaN, high: Number.NaN }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1)
  const half = quantile(count - 1) * Math.sqrt(variance / count)
  return { mean, low: mean - half, high: mean + half }
}

/** 97.5 % quantiles of Student's t by degrees of freedom, from 1. */
const quantiles = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604, 2.1448, 2.1314,
  2.1199, 2.1098, 2.1009, 2.093, 2.086, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
]
/** Beyond the list by the first terms of Cornish and Fisher (1937), error below 1e-4. */
function quantile(freedom: number): number {
  const z = 1.959964
  return (
    quantiles[freedom - 1] ??
    z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
  )
}
