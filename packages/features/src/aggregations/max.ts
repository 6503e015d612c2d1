import { extremeOf } from '../forms/extremes.ts'
import type { Aggregation } from './aggregation.ts'

/** The largest value; missing where there was none. */
export const max: Aggregation = {
  forms: ['highs'],
  says: 'largest {}',
  inFieldUnit: true,
  retraction: 'changes nothing',
  value: ([cells], now, buckets) => extremeOf(cells!, now.bucket, buckets, Math.max),
  oracle([entries], { buckets, bucketsAgo }) {
    const values = entries!.filter(({ at, weight }) => weight > 0 && bucketsAgo(at) < buckets).map(({ value }) => value)
    return values.length === 0 ? Number.NaN : Math.max(...values)
  },
}
