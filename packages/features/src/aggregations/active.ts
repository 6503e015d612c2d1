import { type Aggregation, totalsByBucket } from './aggregation.ts'

/** How many buckets held something: active days, by day. */
export const active: Aggregation = {
  forms: ['totals'],
  says: 'how many of them had {}',
  inFieldUnit: false,
  retraction: 'subtracted in the bucket of the purchase',
  value([ones], { bucket }, buckets) {
    const cells = ones!
    let held = 0
    for (let i = 0; i < cells.length && cells[i]! > bucket - buckets; i += 2) if (cells[i + 1]! > 0) held++
    return held
  },
  oracle: ([entries], window) => totalsByBucket(entries!, window).filter(sum => sum > 0).length,
}
