import { type Aggregation, totalsByBucket } from './aggregation.ts'

/** Half as much after every fifth of the window. */
const halvings = 5

/** A sum in which what is older weighs less: half after every fifth of the window, by whole buckets. */
export const decayed: Aggregation = {
  forms: ['totals'],
  says: 'sum, halved with every fifth of the window, of {}',
  inFieldUnit: true,
  retraction: 'subtracted in the bucket of the purchase',
  value([values], { bucket }, buckets) {
    const cells = values!
    let sum = 0
    for (let i = 0; i < cells.length && cells[i]! > bucket - buckets; i += 2)
      sum += cells[i + 1]! * 2 ** ((-halvings * (bucket - cells[i]!)) / buckets)
    return sum
  },
  oracle: ([entries], window) =>
    totalsByBucket(entries!, window).reduce(
      (sum, each, ago) => sum + each * 2 ** ((-halvings * ago) / window.buckets),
      0,
    ),
}
