import type { Aggregation } from './aggregations/aggregation.ts'
import { type AggregationName, aggregations } from './aggregations/index.ts'
import type { Fact, SubjectName } from './facts.ts'
import type { Feature, Features, ProfileField, Where } from './feature.ts'
import { type Resolution, resolutions } from './windows.ts'

/** Cells that are kept once for every feature that reads them: same aggregation, field, filter and resolution. */
type Series = {
  readonly key: string
  readonly aggregation: Aggregation
  readonly subject: SubjectName
  /** Index among `resolutions`. */
  readonly resolution: number
  /** Buckets kept, as the widest window over it wants. */
  readonly span: number
  /** The number a fact brings, NaN where it concerns the series not. */
  measure(fact: Fact): number
}

/** How one feature is read, with its series resolved. */
export type Reader =
  | { readonly kind: 'series'; readonly index: number; readonly buckets: number }
  | { readonly kind: 'profile'; readonly field: ProfileField; readonly as: 'value' | 'days-since' | 'days-until' }
  | { readonly kind: 'ratio'; readonly of: Reader; readonly to: Reader }
  | { readonly kind: 'scaled'; readonly of: Reader; readonly by: number }

/** What a list of features needs kept. Everything follows from the list. */
export type Layout = {
  readonly names: readonly string[]
  readonly series: readonly Series[]
  readonly readers: readonly Reader[]
  /** Indices of the series a subject's facts may touch. */
  readonly touched: Readonly<Record<SubjectName, readonly number[]>>
}

type Kept = Extract<Feature, { kind: 'kept' }>

export function layoutOf(features: Features): Layout {
  const keys: string[] = []
  const found: { feature: Kept; span: number }[] = []

  const indexOf = (feature: Kept): number => {
    const key = seriesKey(feature)
    const known = keys.indexOf(key)
    const buckets = feature.window?.buckets ?? 1
    if (known >= 0) {
      found[known]!.span = Math.max(found[known]!.span, buckets)
      return known
    }
    keys.push(key)
    found.push({ feature, span: buckets })
    return keys.length - 1
  }

  const readerOf = (feature: Feature): Reader => {
    switch (feature.kind) {
      case 'kept':
        return { kind: 'series', index: indexOf(feature), buckets: feature.window?.buckets ?? 1 }
      case 'profile':
        return { kind: 'profile', field: feature.field, as: feature.as }
      case 'ratio':
        return { kind: 'ratio', of: readerOf(feature.of), to: readerOf(feature.to) }
      case 'scaled':
        return { kind: 'scaled', of: readerOf(feature.of), by: feature.by }
    }
  }

  const readers = Object.values(features).map(readerOf)
  const series = found.map(({ feature, span }, index): Series => {
    const { aggregation, subject, field, where, window } = feature
    return {
      key: keys[index]!,
      aggregation: aggregations[aggregation],
      subject,
      resolution: resolutions.indexOf(window?.resolution ?? 'day'),
      span,
      measure: measureOf(field, where),
    }
  })
  const touchedBy = (subject: SubjectName): number[] =>
    series.flatMap((each, index) => (each.subject === subject ? [index] : []))
  return {
    names: Object.keys(features),
    series,
    readers,
    touched: { usage: touchedBy('usage'), purchase: touchedBy('purchase'), engagement: touchedBy('engagement') },
  }
}

function seriesKey({ aggregation, subject, field, where, window }: Kept): string {
  const resolution: Resolution | 'ever' = window?.resolution ?? 'ever'
  return JSON.stringify([aggregation satisfies AggregationName, subject, field, where, resolution])
}

function measureOf(field: string | null, where: Where<SubjectName> | null): (fact: Fact) => number {
  const { stamp, ...own } = where ?? {}
  const ownTests = Object.entries(own)
  const stampTests = Object.entries(stamp ?? {})
  const valueIn = field === null ? () => 1 : (fact: Fact) => (fact.body as unknown as Record<string, number>)[field]!
  if (ownTests.length === 0 && stampTests.length === 0) return valueIn
  return fact => {
    const body = fact.body as unknown as Record<string, unknown>
    for (const [name, wanted] of ownTests) if (body[name] !== wanted) return Number.NaN
    if (stampTests.length > 0) {
      const said = fact.stamp as Record<string, unknown> | null
      for (const [name, wanted] of stampTests) if (said?.[name] !== wanted) return Number.NaN
    }
    return valueIn(fact)
  }
}
