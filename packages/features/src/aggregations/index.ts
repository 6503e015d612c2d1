import type { Aggregation } from './aggregation.ts'
import { count } from './count.ts'
import { last } from './last.ts'
import { since } from './since.ts'
import { sum } from './sum.ts'

/** Every way of keeping a number; the shared suite tests each because it stands here. */
export const aggregations = { sum, count, since, last } satisfies Record<string, Aggregation>

export type AggregationName = keyof typeof aggregations
