import { aggregations } from './aggregations/index.ts'
import type { Feature, Features } from './feature.ts'

/** A row of the table of features, derived from the list. */
export type FeatureRow = {
  readonly name: string
  readonly says: string
  /** An absolute sum of money: not for models, which see money only in relation to money. */
  readonly money: boolean
}

export const describe = (features: Features): readonly FeatureRow[] =>
  Object.entries(features).map(([name, feature]) => ({ name, says: sentence(feature), money: isMoney(feature) }))

function sentence(feature: Feature): string {
  switch (feature.kind) {
    case 'kept': {
      const { aggregation, subject, field, where, window } = feature
      const what = field === null ? subject : `${subject} ${field}`
      const filter = where === null ? '' : ` where ${conditions(where).join(' and ')}`
      const over =
        window === null ? '' : `, over ${window.buckets} ${window.resolution}${window.buckets > 1 ? 's' : ''}`
      return aggregations[aggregation].says.replace('{}', what) + filter + over
    }
    case 'profile':
      return { value: '', 'days-since': 'days since ', 'days-until': 'days until ' }[feature.as] + feature.field
    case 'scaled':
      return `${sentence(feature.of)}, in ${feature.unit}`
    case 'ratio':
      return `(${sentence(feature.of)}) ÷ (${sentence(feature.to)})`
  }
}

const conditions = (where: object): string[] =>
  Object.entries(where).flatMap(([name, wanted]) =>
    name === 'stamp' ? conditions(wanted).map(condition => `item ${condition}`) : [`${name} is ${String(wanted)}`],
  )

function isMoney(feature: Feature): boolean {
  switch (feature.kind) {
    case 'kept':
    case 'profile':
      return feature.field?.endsWith('Minor') ?? false
    case 'scaled':
      return isMoney(feature.of)
    case 'ratio':
      return isMoney(feature.of) !== isMoney(feature.to)
  }
}
