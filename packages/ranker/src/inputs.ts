import type { Playbook } from '@offerstream/catalogue'
import type { CatalogueItem, FeatureUpdate } from '@offerstream/contracts'
import { names } from '@offerstream/features'
import { atBoundary } from './boundary.ts'
import type { Manifest } from './manifest.ts'
import { pairContext, pairsOf } from './pairs.ts'

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
  const own = manifest.features.map(name => update.features[names.indexOf(name)]!)
  const width = own.length + manifest.pairs.length
  const pairRows = pairsOf(pairContext(update, at, playbook), items, manifest.pairs)
  const rows = new Float32Array(items.length * width)
  for (let index = 0; index < items.length; index++) {
    const pair = pairRows.subarray(index * manifest.pairs.length, (index + 1) * manifest.pairs.length)
    rows.set(own, index * width)
    rows.set(pair, index * width + own.length)
  }
  atBoundary(rows)
  const pairs = items.map((_, index) => Array.from(rows.subarray(index * width + own.length, (index + 1) * width)))
  return { rows, pairs }
}
