import { type GraphNode, type Matrix, Unwalkable } from './graph.ts'

/** All trees of an ensemble, node after node. */
export type Trees = {
  readonly roots: Int32Array
  readonly column: Int32Array
  readonly mode: Uint8Array
  readonly threshold: Float64Array
  /** 1 where a missing input goes the way of one for which the comparison holds. */
  readonly missingHolds: Uint8Array
  readonly holds: Int32Array
  readonly fails: Int32Array
  /** Of a leaf, 0 elsewhere. */
  readonly weight: Float64Array
}

const modes = ['LEAF', 'BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ']
export const leaf = 0

/** Sums of the leaves that rows arrive at, unrounded where the matrix is double, else float32 after every tree. */
export function walkTrees(trees: Trees, { rows, columns, values, double }: Matrix): Float64Array {
  const round = double ? (x: number) => x : Math.fround
  const sums = new Float64Array(rows)
  for (let row = 0; row < rows; row++) sums[row] = walk(trees, values, row * columns, round)
  return sums
}

function walk(trees: Trees, values: Float64Array, row: number, round: (x: number) => number): number {
  const { roots, column, mode, threshold, missingHolds, holds, fails, weight } = trees
  let sum = 0
  for (let tree = 0; tree < roots.length; tree++) {
    let at = roots[tree]!
    while (mode[at] !== leaf) {
      const x = values[row + column[at]!]!
      const goes = compare(mode[at]!, x, threshold[at]!) || (missingHolds[at] === 1 && Number.isNaN(x))
      at = goes ? holds[at]! : fails[at]!
    }
    sum = round(sum + weight[at]!)
  }
  return sum
}

function compare(mode: number, x: number, threshold: number): boolean {
  switch (mode) {
    case 1:
      return x <= threshold
    case 2:
      return x < threshold
    case 3:
      return x >= threshold
    case 4:
      return x > threshold
    case 5:
      return x === threshold
    default:
      return x !== threshold
  }
}

/** Throws `Unwalkable`. */
export function treesOf(node: GraphNode): Trees {
  if ((node.attributes.get('n_targets')?.integer ?? 1) !== 1) throw new Unwalkable('has trees of several targets')
  const integers = (name: string): readonly number[] => node.attributes.get(name)?.integers ?? []
  const treeIds = integers('nodes_treeids')
  const nodeIds = integers('nodes_nodeids')
  const key = (tree: number | undefined, id: number | undefined): string => `${tree}/${id}`
  const places = new Map(nodeIds.map((id, index) => [key(treeIds[index], id), index]))
  const place = (tree: number | undefined, id: number | undefined): number => {
    const found = places.get(key(tree, id))
    if (found === undefined) throw new Unwalkable(`has a tree ${tree} without its node ${id}`)
    return found
  }
  const mode = Uint8Array.from(node.attributes.get('nodes_modes')?.texts ?? [], name => {
    const known = modes.indexOf(name)
    if (known === -1) throw new Unwalkable(`has tree nodes of mode ${name}`)
    return known
  })
  const children = (name: string): Int32Array =>
    Int32Array.from(integers(name), (id, index) => (mode[index] === leaf ? 0 : place(treeIds[index], id)))
  const holds = children('nodes_truenodeids')
  const fails = children('nodes_falsenodeids')
  const inner = new Set<number>()
  for (let index = 0; index < mode.length; index++)
    if (mode[index] !== leaf) for (const child of [holds[index]!, fails[index]!]) inner.add(child)

  const weight = new Float64Array(mode.length)
  const weights = numbers(node, 'target_weights')
  const targetNodes = integers('target_nodeids')
  for (const [index, tree] of integers('target_treeids').entries())
    weight[place(tree, targetNodes[index])]! += weights[index]!
  return {
    roots: Int32Array.from(nodeIds.keys()).filter(index => !inner.has(index)),
    column: Int32Array.from(integers('nodes_featureids')),
    mode,
    threshold: Float64Array.from(numbers(node, 'nodes_values')),
    missingHolds: Uint8Array.from(integers('nodes_missing_value_tracks_true')),
    holds,
    fails,
    weight,
  }
}

/** From the list of floats or, in double, from the tensor. */
export const numbers = ({ attributes }: GraphNode, name: string): readonly number[] | Float64Array =>
  attributes.get(`${name}_as_tensor`)?.tensor?.values ?? attributes.get(name)?.floats ?? []
