import type { Aggregation } from './aggregation.ts'
import { addInBucket, mergeBuckets, noBuckets, sumOfBuckets } from './buckets.ts'

/** How many there were; a purchase taken back is subtracted in the bucket of the purchase. */
export const count: Aggregation = {
  cells: 'buckets',
  says: 'number of {}',
  empty: noBuckets,
  add: (cells, { weight }, bucket, span) => addInBucket(cells, weight, bucket, span),
  merge: mergeBuckets,
  value: (cells, now, buckets) => sumOfBuckets(cells, now.bucket, buckets),
  oracle: (entries, inside) => entries.filter(({ at }) => inside(at)).reduce((total, { weight }) => total + weight, 0),
}
