import { nearest } from '@offerstream/catalogue'
import type { ItemKind } from '@offerstream/contracts'
import { featureTable } from '@offerstream/features'
import { type PairName, pairNames } from './pairs.ts'

/** What a model says of itself: `models/<name>/<version>/manifest.json`. */
export type Manifest = {
  readonly name: string
  readonly version: string
  /** The items it scores; `upsell` scores the customer alone, whose probability rules and levers may ask for. */
  readonly kind: ItemKind | 'upsell'
  /** Of the customer, by name; the first columns of the input. */
  readonly features: readonly string[]
  /** Of the pair, by name; the columns after them. */
  readonly pairs: readonly PairName[]
  readonly outputs: {
    /** Calibrated probability of acceptance. */
    readonly probability: string
    /** Utility over staying as is; its softmax over a choice set is the preference. */
    readonly preference: string
  }
  readonly missing: string
  readonly baseMargin: number
  readonly calibration: { readonly method: string; readonly slope: number; readonly intercept: number }
  readonly thresholds: Readonly<Record<string, number>>
  readonly trainedOn: Readonly<Record<string, string | number>>
  /** Each with its 95 % interval. */
  readonly metrics: Readonly<Record<string, { readonly value: number; readonly low: number; readonly high: number }>>
  readonly libraries: Readonly<Record<string, string>>
  readonly sha256: string
}

/** What is wrong with a manifest, empty where nothing is. */
export function manifestProblems(manifest: Manifest, name: string, version: string): string[] {
  const fields = ['features', 'pairs', 'outputs', 'sha256', 'kind'] as const
  const missing = fields.filter(field => manifest[field] === undefined)
  if (missing.length > 0) return missing.map(field => `has no ${field} in its manifest`)
  const problems: string[] = []
  if (manifest.name !== name || manifest.version !== version)
    problems.push(`calls itself ${manifest.name}/${manifest.version}`)
  for (const wanted of manifest.features) {
    const row = featureTable.find(each => each.name === wanted)
    if (row === undefined)
      problems.push(
        unknown(
          'feature',
          wanted,
          'features.ts',
          featureTable.map(each => each.name),
        ),
      )
    else if (row.money) problems.push(`takes ${wanted}, an absolute sum of money`)
  }
  if (manifest.kind === 'upsell' && manifest.pairs.length > 0)
    problems.push(`takes ${manifest.pairs[0]} of a pair, and a model of customers has none`)
  for (const wanted of manifest.pairs)
    if (!pairNames.includes(wanted)) problems.push(unknown('pair feature', wanted, 'pairs.ts', pairNames))
  return problems
}

function unknown(what: string, name: string, where: string, names: readonly string[]): string {
  const like = nearest(name, names)
  return `needs ${what} ${name}, which ${where} does not define${like === null ? '' : `; nearest is ${like}`}`
}
