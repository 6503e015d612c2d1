import { sumOf } from '../forms/totals.ts'
import { type Aggregation, total } from './aggregation.ts'

/** How many there were. */
export const count: Aggregation = {
  forms: ['totals'],
  says: 'number of {}',
  inFieldUnit: false,
  retraction: 'subtracted in the bucket of the purchase',
  value: ([ones], now, buckets) => sumOf(ones!, now.bucket, buckets),
  oracle: ([entries], window) => total(entries!, window),
}
