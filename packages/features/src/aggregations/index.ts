import { accepted } from './accepted.ts'
import { active } from './active.ts'
import type { Aggregation } from './aggregation.ts'
import { count } from './count.ts'
import { decayed } from './decayed.ts'
import { distinct } from './distinct.ts'
import { gap } from './gap.ts'
import { last } from './last.ts'
import { max } from './max.ts'
import { mean } from './mean.ts'
import { min } from './min.ts'
import { peak } from './peak.ts'
import { quiet } from './quiet.ts'
import { rate } from './rate.ts'
import { share } from './share.ts'
import { since } from './since.ts'
import { sum } from './sum.ts'
import { trend } from './trend.ts'

/** Every way of making a number; the shared suite tests each because it stands here. */
export const aggregations = {
  sum,
  count,
  mean,
  share,
  rate,
  peak,
  active,
  quiet,
  decayed,
  trend,
  min,
  max,
  last,
  since,
  gap,
  distinct,
  accepted,
} satisfies Record<string, Aggregation>

export type AggregationName = keyof typeof aggregations
