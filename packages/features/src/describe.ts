import type { Aggregation } from './aggregations/aggregation.ts'
import { aggregations } from './aggregations/index.ts'
import { conditionsOf, type Feature, type Features, type Part } from './feature.ts'

/** A row of the table of features, derived from the list. */
export type FeatureRow = {
  readonly name: string
  readonly says: string
  /** An absolute sum of money: not for models, which see money only in relation to money. */
  readonly money: boolean
  /** Over how long; empty where it does not look back. */
  readonly window: string
  /** By what steps the window's tail moves. */
  readonly tail: string
  /** What a purchase taken back does to it; empty where it has nothing to do with purchases. */
  readonly retraction: string
}

export const describe = (features: Features): readonly FeatureRow[] =>
  Object.entries(features).map(([name, feature]) => {
    const kept = keptIn(feature)
    return {
      name,
      says: sentence(feature),
      money: isMoney(feature),
      window: listed(kept.map(lengthOf)),
      tail: listed(kept.map(({ window }) => window?.resolution ?? '')),
      retraction: listed(
        kept
          .filter(({ parts }) => parts.some(({ subject }) => subject === 'purchase'))
          .map(({ aggregation }) => aggregations[aggregation].retraction),
      ),
    }
  })

const listed = (texts: readonly string[]): string => [...new Set(texts)].filter(text => text !== '').join('; ')

type Kept = Extract<Feature, { kind: 'kept' }>

function keptIn(feature: Feature): readonly Kept[] {
  switch (feature.kind) {
    case 'kept':
      return [feature]
    case 'profile':
      return []
    case 'scaled':
    case 'until':
      return keptIn(feature.of)
    case 'ratio':
      return [...keptIn(feature.of), ...keptIn(feature.to)]
  }
}

function sentence(feature: Feature): string {
  switch (feature.kind) {
    case 'kept': {
      const { aggregation, parts, window } = feature
      const over = window === null ? '' : `, over ${lengthOf(feature)}`
      return aggregations[aggregation].says.replace('{}', entries(parts[0]!)) + over
    }
    case 'profile':
      return { value: '', 'days-since': 'days since ', 'days-until': 'days until ' }[feature.as] + feature.field
    case 'scaled':
      return `${sentence(feature.of)}, in ${feature.unit}`
    case 'until':
      return `days until ${sentence(feature.of)}`
    case 'ratio':
      return `(${sentence(feature.of)}) ÷ (${sentence(feature.to)})`
  }
}

function lengthOf({ aggregation, window }: Kept): string {
  if (window === null) return 'ever'
  const { wholeBucketsOnly }: Aggregation = aggregations[aggregation]
  const buckets = wholeBucketsOnly ? window.buckets - 1 : window.buckets
  return `${buckets} ${wholeBucketsOnly ? 'whole ' : ''}${window.resolution}${buckets > 1 ? 's' : ''}`
}

function entries(part: Part): string {
  const conditions = conditionsOf(part).map(
    ([name, wanted]) => `${name.replace('stamp.', 'item ')} is ${String(wanted)}`,
  )
  const what = part.field === null ? part.subject : `${part.subject} ${part.field}`
  return conditions.length === 0 ? what : `${what} where ${conditions.join(' and ')}`
}

function isMoney(feature: Feature): boolean {
  switch (feature.kind) {
    case 'kept': {
      const amount = aggregations[feature.aggregation].inFieldUnit
      return amount && (feature.parts[0]!.field?.endsWith('Minor') ?? false)
    }
    case 'profile':
      return feature.field.endsWith('Minor')
    case 'until':
    case 'scaled':
      return isMoney(feature.of)
    case 'ratio':
      return isMoney(feature.of) !== isMoney(feature.to)
  }
}
