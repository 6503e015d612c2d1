// A model of trees in a registry folder, as the training package would leave it: for tests that promote one.
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Manifest } from '../src/index.ts'
import { oracle, type Tree, treeModel } from './tree-graph.ts'

type Wanted = Pick<Manifest, 'name' | 'version' | 'kind' | 'features' | 'pairs'> & { readonly trees: readonly Tree[] }

/** A split on the first column; `holds` where it is missing. */
export const split = (threshold: number, holds: number, fails: number): Tree => ({
  column: 0,
  threshold,
  missingHolds: true,
  holds: { leaf: holds },
  fails: { leaf: fails },
})

export function writeTreeModel(folder: string, { trees, ...about }: Wanted): void {
  const width = about.features.length + about.pairs.length
  const bytes = treeModel({ width, trees, mode: 'BRANCH_LEQ', double: true })
  const rows = [0, 1, 1e6, null].map(x => Array.from({ length: width }, () => x))
  const preference = rows.map(row =>
    oracle(
      trees,
      row.map(x => x ?? Number.NaN),
      'BRANCH_LEQ',
    ),
  )
  const manifest: Manifest = {
    ...about,
    outputs: { probability: 'probability', preference: 'preference' },
    missing: 'NaN',
    baseMargin: 0,
    calibration: { method: 'none', slope: 1, intercept: 0 },
    thresholds: {},
    trainedOn: {},
    metrics: {},
    libraries: {},
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }
  const golden = { rows, preference, probability: preference.map(x => 1 / (1 + Math.exp(-x))) }
  const at = join(folder, about.name, about.version)
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, 'model.onnx'), bytes)
  writeFileSync(join(at, 'manifest.json'), JSON.stringify(manifest))
  writeFileSync(join(at, 'golden.json'), JSON.stringify(golden))
}
