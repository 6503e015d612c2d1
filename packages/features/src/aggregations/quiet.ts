import { active } from './active.ts'
import { type Aggregation, totalsByBucket } from './aggregation.ts'

/** How many buckets held nothing: quiet days, by day. */
export const quiet: Aggregation = {
  forms: ['totals'],
  says: 'how many of them had no {}',
  inFieldUnit: false,
  retraction: 'subtracted in the bucket of the purchase',
  value: (parts, now, buckets) => buckets - active.value(parts, now, buckets),
  oracle: ([entries], window) => totalsByBucket(entries!, window).filter(sum => sum <= 0).length,
}
