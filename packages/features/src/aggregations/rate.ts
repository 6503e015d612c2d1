import { sumOf } from '../forms/totals.ts'
import { dayMs, startOf } from '../windows.ts'
import { type Aggregation, total } from './aggregation.ts'

/** How many there were a day, of the part of the window that has passed. */
export const rate: Aggregation = {
  forms: ['totals'],
  says: 'number a day of {}',
  inFieldUnit: false,
  retraction: 'subtracted in the bucket of the purchase',
  value([ones], { at, bucket, resolution }, buckets) {
    const passed = at - startOf(bucket - buckets + 1, resolution)
    return passed > 0 ? sumOf(ones!, bucket, buckets) / (passed / dayMs) : Number.NaN
  },
  oracle([entries], window) {
    const passed = window.at - window.opensAt
    return passed > 0 ? total(entries!, window) / (passed / 86_400_000) : Number.NaN
  },
}
