import { sumOf } from '../forms/totals.ts'
import { type Aggregation, total } from './aggregation.ts'

/** One category of all of them: the first part filtered, the second not; missing where there were none. */
export const share: Aggregation = {
  forms: ['totals', 'totals'],
  says: 'share of {}',
  inFieldUnit: false,
  retraction: 'subtracted in the bucket of the purchase',
  value: ([category, all], now, buckets) =>
    quotient(sumOf(category!, now.bucket, buckets), sumOf(all!, now.bucket, buckets)),
  oracle: ([category, all], window) => quotient(total(category!, window), total(all!, window)),
}

const quotient = (some: number, all: number): number => (all > 0 ? some / all : Number.NaN)
