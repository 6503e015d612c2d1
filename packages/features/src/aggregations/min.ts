import { extremeOf } from '../forms/extremes.ts'
import type { Aggregation } from './aggregation.ts'

/** The smallest value; missing where there was none. */
export const min: Aggregation = {
  forms: ['lows'],
  says: 'smallest {}',
  inFieldUnit: true,
  retraction: 'changes nothing',
  value: ([cells], now, buckets) => extremeOf(cells!, now.bucket, buckets, Math.min),
  oracle([entries], { buckets, bucketsAgo }) {
    const values = entries!.filter(({ at, weight }) => weight > 0 && bucketsAgo(at) < buckets).map(({ value }) => value)
    return values.length === 0 ? Number.NaN : Math.min(...values)
  },
}
