import type { Aggregation } from './aggregation.ts'
import { addInBucket, mergeBuckets, noBuckets, sumOfBuckets } from './buckets.ts'

/** Values added up; a purchase taken back is subtracted in the bucket of the purchase. */
export const sum: Aggregation = {
  cells: 'buckets',
  says: 'sum of {}',
  empty: noBuckets,
  add: (cells, { value, weight }, bucket, span) =>
    value === 0 ? cells : addInBucket(cells, weight * value, bucket, span),
  merge: mergeBuckets,
  value: (cells, now, buckets) => sumOfBuckets(cells, now.bucket, buckets),
  oracle(entries, inside) {
    let total = 0
    for (const { at, value, weight } of entries) if (inside(at)) total += weight * value
    return total
  },
}
