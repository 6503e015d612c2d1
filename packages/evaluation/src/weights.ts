/** Upper ends of the bins; the first holds what weighs nothing. */
const ends = [0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, Number.POSITIVE_INFINITY]

export type WeightBin = {
  /** Above the bin before, up to and with this; null for no end. */
  readonly upTo: number | null
  readonly count: number
}

/** How many decisions have which weight, the empty bins at the end left out. */
export function weightBins(weights: ArrayLike<number>): WeightBin[] {
  const counts = new Array<number>(ends.length).fill(0)
  for (let row = 0; row < weights.length; row++) counts[ends.findIndex(end => weights[row]! <= end)]!++
  const last = counts.findLastIndex(count => count > 0)
  return counts
    .slice(0, last + 1)
    .map((count, bin) => ({ upTo: Number.isFinite(ends[bin]) ? ends[bin]! : null, count }))
}
