import { onnxModel } from '../fit/onnx.ts'

/** A split or a leaf of a tree. */
export type Tree =
  | { readonly leaf: number }
  | {
      readonly column: number
      readonly threshold: number
      readonly missingHolds: boolean
      readonly holds: Tree
      readonly fails: Tree
    }

export type Ensemble = {
  readonly width: number
  readonly trees: readonly Tree[]
  readonly mode: 'BRANCH_LEQ' | 'BRANCH_LT'
  /** Attributes in double behind a cast, as the exporter writes them, or in float. */
  readonly double: boolean
}

/** Trees, then the logistic link: `preference` is the margin, `probability` its sigmoid. */
export function treeModel({ width, trees, mode, double }: Ensemble): Uint8Array {
  const nodes: { tree: number; id: number; of: Tree; holds: number; fails: number }[] = []
  for (const [tree, root] of trees.entries()) {
    let ids = 0
    const add = (of: Tree): number => {
      const node = { tree, id: ids++, of, holds: 0, fails: 0 }
      nodes.push(node)
      if (!('leaf' in of)) {
        node.holds = add(of.holds)
        node.fails = add(of.fails)
      }
      return node.id
    }
    add(root)
  }
  const leaves = nodes.flatMap(({ tree, id, of }) => ('leaf' in of ? [{ tree, id, weight: of.leaf }] : []))
  const numbers = (name: string, values: readonly number[]) =>
    double ? { [`${name}_as_tensor`]: { doubles: values } } : { [name]: { floats: values } }
  const ensemble = {
    op: 'TreeEnsembleRegressor',
    domain: 'ai.onnx.ml',
    in: [double ? 'wide' : 'inputs'],
    out: 'preference',
    attributes: {
      n_targets: { integer: 1 },
      nodes_treeids: { integers: nodes.map(node => node.tree) },
      nodes_nodeids: { integers: nodes.map(node => node.id) },
      nodes_featureids: { integers: nodes.map(({ of }) => ('leaf' in of ? 0 : of.column)) },
      nodes_modes: { texts: nodes.map(({ of }) => ('leaf' in of ? 'LEAF' : mode)) },
      nodes_truenodeids: { integers: nodes.map(node => node.holds) },
      nodes_falsenodeids: { integers: nodes.map(node => node.fails) },
      nodes_missing_value_tracks_true: { integers: nodes.map(({ of }) => Number('column' in of && of.missingHolds)) },
      ...numbers(
        'nodes_values',
        nodes.map(({ of }) => ('leaf' in of ? 0 : of.threshold)),
      ),
      target_treeids: { integers: leaves.map(leaf => leaf.tree) },
      target_nodeids: { integers: leaves.map(leaf => leaf.id) },
      target_ids: { integers: leaves.map(() => 0) },
      ...numbers(
        'target_weights',
        leaves.map(leaf => leaf.weight),
      ),
    },
  }
  const cast = { op: 'Cast', in: ['inputs'], out: 'wide', attributes: { to: { integer: 11 } } }
  const link = { op: 'Sigmoid', in: ['preference'], out: 'probability' }
  return onnxModel(
    'trees',
    'inputs',
    width,
    [],
    [...(double ? [cast] : []), ensemble, link],
    ['probability', 'preference'],
  )
}

/** What the trees say of a row, from their definition alone. */
export const oracle = (trees: readonly Tree[], row: readonly number[], mode: Ensemble['mode']): number =>
  trees.reduce((sum, tree) => sum + leafOf(tree, row, mode), 0)

function leafOf(tree: Tree, row: readonly number[], mode: Ensemble['mode']): number {
  if ('leaf' in tree) return tree.leaf
  const x = row[tree.column]!
  const holds = Number.isNaN(x) ? tree.missingHolds : mode === 'BRANCH_LEQ' ? x <= tree.threshold : x < tree.threshold
  return leafOf(holds ? tree.holds : tree.fails, row, mode)
}
