import type { Playbook } from '@offerstream/catalogue'
import type { CatalogueItem, FeatureUpdate } from '@offerstream/contracts'
import type { FeatureName } from '@offerstream/features'
import { atBoundary } from './boundary.ts'
import type { Manifest } from './manifest.ts'
import { pairContext, pairsOf } from './pairs.ts'
import { placeOf } from './place.ts'

/** A model's rows for one customer and some items: features first, then pairs, as the manifest orders them. */
export type Inputs = {
  readonly rows: Float32Array
  /** The pair features alone, per item, as the decision's record keeps them. */
  readonly pairs: readonly (readonly number[])[]
}

/** Throws `InfiniteInput`. */
export function inputsOf(
  manifest: Pick<Manifest, 'features' | 'pairs'>,
  update: FeatureUpdate,
  at: number,
  items: readonly CatalogueItem[],
  playbook: Playbook,
): Inputs {
  const own = ownOf(manifest.features, update)
  const pairRows = atBoundary(pairsOf(pairContext(update, at, playbook), items, manifest.pairs))
  const pairs: number[][] = []
  for (let row = 0, next = 0; row < items.length; row++) {
    const pair = new Array<number>(manifest.pairs.length)
    for (let column = 0; column < pair.length; column++) pair[column] = pairRows[next++]!
    pairs.push(pair)
  }
  if (own.length === 0) return { rows: pairRows, pairs }
  const width = own.length + manifest.pairs.length
  const rows = new Float32Array(items.length * width)
  for (const [row, pair] of pairs.entries()) {
    rows.set(own, row * width)
    rows.set(pair, row * width + own.length)
  }
  return { rows: atBoundary(rows), pairs }
}

/** The row of a model of customers: features alone. Throws `InfiniteInput`. */
export const customerRow = ({ features }: Pick<Manifest, 'features'>, update: FeatureUpdate): Float32Array =>
  atBoundary(Float32Array.from(ownOf(features, update)))

/** The names are those of the list: a model that asks for others is not loaded. */
const ownOf = (features: readonly string[], update: FeatureUpdate): number[] =>
  features.map(name => update.features[placeOf(name as FeatureName)]!)
