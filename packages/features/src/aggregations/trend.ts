import { type Aggregation, totalsByBucket } from './aggregation.ts'

/**
 * Slope of the line of least squares through the sums of the whole buckets, the one under way left out, per bucket and
 * relative to their mean; missing where they add up to nothing. A window of n buckets so has n - 1 to go by.
 * Source: closed form for equally spaced x, 12 Σ (x - x̄) y / (m (m² - 1)).
 */
export const trend: Aggregation = {
  forms: ['totals'],
  says: 'relative slope of {}',
  wholeBucketsOnly: true,
  inFieldUnit: false,
  retraction: 'subtracted in the bucket of the purchase',
  value([values], { bucket }, buckets) {
    const cells = values!
    const many = buckets - 1
    let sum = 0
    let leaning = 0
    for (let i = 0; i < cells.length && cells[i]! > bucket - buckets; i += 2) {
      const ago = bucket - cells[i]!
      if (ago === 0) continue
      sum += cells[i + 1]!
      leaning += (many + 1 - 2 * ago) * cells[i + 1]!
    }
    return sum > 0 && many > 1 ? (6 * leaning) / ((many ** 2 - 1) * sum) : Number.NaN
  },
  oracle([entries], window) {
    const sums = totalsByBucket(entries!, window).slice(1).reverse()
    const total = sums.reduce((some, each) => some + each, 0)
    if (total <= 0 || sums.length < 2) return Number.NaN
    // Twice the distance from the middle, so that it stays an integer.
    const xs = sums.map((_, i) => 2 * i - (sums.length - 1))
    const xy = xs.reduce((some, x, i) => some + x * sums[i]!, 0)
    const xx = xs.reduce((some, x) => some + x * x, 0)
    return (2 * xy) / xx / (total / sums.length)
  },
}
