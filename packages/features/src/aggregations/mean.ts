import { sumOf } from '../forms/totals.ts'
import { type Aggregation, total } from './aggregation.ts'

/** Values added up, divided by how many there were; missing where there were none. */
export const mean: Aggregation = {
  forms: ['totals', 'totals'],
  says: 'mean of {}',
  inFieldUnit: true,
  retraction: 'subtracted in the bucket of the purchase',
  value: ([values, ones], now, buckets) =>
    quotient(sumOf(values!, now.bucket, buckets), sumOf(ones!, now.bucket, buckets)),
  oracle: ([values, ones], window) => quotient(total(values!, window), total(ones!, window)),
}

const quotient = (sum: number, times: number): number => (times > 0 ? sum / times : Number.NaN)
