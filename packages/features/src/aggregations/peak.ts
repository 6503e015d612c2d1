import { type Aggregation, totalsByBucket } from './aggregation.ts'

/** The largest total of one bucket, 0 where there was nothing. */
export const peak: Aggregation = {
  forms: ['totals'],
  says: 'largest sum in one of them of {}',
  inFieldUnit: true,
  retraction: 'subtracted in the bucket of the purchase',
  value([values], { bucket }, buckets) {
    const cells = values!
    let most = 0
    for (let i = 0; i < cells.length && cells[i]! > bucket - buckets; i += 2)
      if (cells[i + 1]! > most) most = cells[i + 1]!
    return most
  },
  oracle: ([entries], window) => Math.max(0, ...totalsByBucket(entries!, window)),
}
