import { sumOf } from '../forms/totals.ts'
import { type Aggregation, total } from './aggregation.ts'

/** Values added up. */
export const sum: Aggregation = {
  forms: ['totals'],
  says: 'sum of {}',
  inFieldUnit: true,
  retraction: 'subtracted in the bucket of the purchase',
  value: ([values], now, buckets) => sumOf(values!, now.bucket, buckets),
  oracle: ([entries], window) => total(entries!, window),
}
