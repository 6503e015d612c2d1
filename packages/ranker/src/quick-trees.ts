import type { Matrix } from './graph.ts'
import { leaf, type Trees } from './trees.ts'

/** Sums of the leaves that rows arrive at, unrounded where the matrix is double, else float32 after every tree. */
export type QuickTrees = (input: Matrix) => Float64Array

/** Of every inner node what it rules out, column by column, ascending by threshold; an endless one ends a column. */
type Nodes = {
  readonly threshold: Float64Array
  readonly tree: Int32Array
  /** Leaves of the tree that remain to a row above the threshold: the first is the highest bit. */
  readonly mask: Int32Array
  /** Columns that the trees read, the first node of each, and what a missing value rules out. */
  readonly column: Int32Array
  readonly first: Int32Array
  readonly missing: readonly { readonly tree: Int32Array; readonly mask: Int32Array }[]
  /** Weights, 32 a tree. */
  readonly leaves: Float64Array
}

/** Rows that share work, a power of two: about as many as a customer has. */
const blockRows = 16

/**
 * QuickScorer: Lucchese et al., "QuickScorer: a fast algorithm to rank documents with additive ensembles of regression
 * trees", SIGIR 2015. Every node that a row fails rules out the leaves under its other child; the first leaf left is the
 * one the row arrives at. What the least values of a block of rows rule out is ruled out once for all of them, the rest by
 * halves of the block, their halves and so on: a customer's rows share most columns, and prices rise from row to row. Null
 * unless every node is BRANCH_LEQ and no tree has over 32 leaves. Adds in the order of the trees, so that sums are those
 * of `walkTrees` bit by bit.
 */
export function quickTrees(trees: Trees): QuickTrees | null {
  const nodes = nodesOf(trees)
  if (nodes === null) return null
  const { threshold, tree, mask, column, first, missing, leaves } = nodes
  const columns = column.length
  const widest = column.reduce((most, each) => Math.max(most, each), -1)
  const depths = Math.log2(blockRows) + 2
  /** By depth: the leaves that remain to a part of a block, and of each column the next node and its threshold. */
  const remain = Array.from({ length: depths }, () => new Int32Array(trees.roots.length).fill(-1))
  const next = Array.from({ length: depths }, () => Int32Array.from(first))
  const nextThreshold = Array.from({ length: depths }, () => Float64Array.from(first, at => threshold[at]!))
  /** Least of each column, parts of a block as in a heap: 1 is the whole, 2 and 3 its halves, rows last. */
  const least = new Float64Array(2 * blockRows * columns)

  return ({ rows, columns: width, values, double }) => {
    if (rows > 0 && widest >= width) throw new Error(`trees read column ${widest} of rows that have ${width}`)
    const sums = new Float64Array(rows)
    const sumOf = double ? doubleSum : floatSum
    const halve = (part: number, depth: number, from: number, size: number): void => {
      if (from >= rows) return
      narrow(part, depth)
      if (size === 1) sums[from] = sumOf(remain[depth]!, leaves)
      else {
        halve(2 * part, depth + 1, from, size / 2)
        halve(2 * part + 1, depth + 1, from + size / 2, size / 2)
      }
    }
    for (let from = 0; from < rows; from += blockRows) {
      fill(values, width, from, rows)
      halve(1, 1, from, blockRows)
    }
    return sums
  }

  function fill(values: Float64Array, width: number, from: number, rows: number): void {
    for (let row = 0, at = blockRows * columns; row < blockRows; row++) {
      // The last row fills up its block.
      const start = Math.min(from + row, rows - 1) * width
      for (let index = 0; index < columns; index++, at++) least[at] = values[start + column[index]!]!
    }
    for (let part = blockRows - 1; part > 0; part--)
      for (let index = 0, at = part * columns, left = 2 * at; index < columns; index++, at++, left++)
        least[at] = lesser(least[left]!, least[left + columns]!)
  }

  function narrow(part: number, depth: number): void {
    const bits = remain[depth]!
    bits.set(remain[depth - 1]!)
    const to = next[depth]!
    to.set(next[depth - 1]!)
    const toThreshold = nextThreshold[depth]!
    toThreshold.set(nextThreshold[depth - 1]!)
    for (let index = 0, from = part * columns; index < columns; index++, from++) {
      const x = least[from]!
      if (x > toThreshold[index]!) {
        let at = to[index]!
        do bits[tree[at]!]! &= mask[at]!
        while (x > threshold[++at]!)
        to[index] = at
        toThreshold[index] = threshold[at]!
      } else if (Number.isNaN(x) && !Number.isNaN(toThreshold[index]!)) {
        const fails = missing[index]!
        for (let at = 0; at < fails.tree.length; at++) bits[fails.tree[at]!]! &= fails.mask[at]!
        // Every part of this one misses it too.
        toThreshold[index] = Number.NaN
      }
    }
  }
}

/** Missing where both are, below every threshold where one is: a missing value is above none. */
function lesser(x: number, y: number): number {
  if (x <= y) return x
  if (y < x) return y
  return Number.isNaN(x) && Number.isNaN(y) ? Number.NaN : -Infinity
}

function doubleSum(bits: Int32Array, leaves: Float64Array): number {
  let sum = 0
  for (let tree = 0; tree < bits.length; tree++) sum += leaves[tree * mostLeaves + Math.clz32(bits[tree]!)]!
  return sum
}

function floatSum(bits: Int32Array, leaves: Float64Array): number {
  let sum = 0
  for (let tree = 0; tree < bits.length; tree++)
    sum = Math.fround(sum + leaves[tree * mostLeaves + Math.clz32(bits[tree]!)]!)
  return sum
}

const mostLeaves = 32

type Node = {
  readonly column: number
  readonly threshold: number
  readonly tree: number
  readonly mask: number
  readonly missingFails: boolean
}

function nodesOf(trees: Trees): Nodes | null {
  const { roots, column, mode, threshold, missingHolds, holds, fails, weight } = trees
  const leaves = new Float64Array(roots.length * mostLeaves)
  const nodes: Node[] = []
  for (const [tree, root] of roots.entries()) {
    let found = 0
    /** The leaves under a node as bits; null where the tree is none of those this is for. */
    const visit = (at: number, depth: number): number | null => {
      if (mode[at] === leaf) {
        if (found === mostLeaves) return null
        leaves[tree * mostLeaves + found] = weight[at]!
        return 1 << (mostLeaves - 1 - found++)
      }
      if (mode[at] !== lessOrEqual || depth === mostLeaves || Number.isNaN(threshold[at]!)) return null
      const under = visit(holds[at]!, depth + 1)
      if (under === null) return null
      const other = visit(fails[at]!, depth + 1)
      if (other === null) return null
      nodes.push({
        column: column[at]!,
        threshold: threshold[at]!,
        tree,
        mask: ~under,
        missingFails: missingHolds[at] !== 1,
      })
      return under | other
    }
    if (visit(root, 0) === null) return null
  }
  nodes.sort((a, b) => a.column - b.column || (a.threshold < b.threshold ? -1 : Number(a.threshold > b.threshold)))
  const byColumn = [...Map.groupBy(nodes, node => node.column)]
  const ended = byColumn.flatMap(([, of]) => [...of, { threshold: Infinity, tree: 0, mask: -1 }])
  const first = new Int32Array(byColumn.length)
  for (let index = 1; index < first.length; index++)
    first[index] = first[index - 1]! + byColumn[index - 1]![1].length + 1
  return {
    threshold: Float64Array.from(ended, node => node.threshold),
    tree: Int32Array.from(ended, node => node.tree),
    mask: Int32Array.from(ended, node => node.mask),
    column: Int32Array.from(byColumn, ([each]) => each),
    first,
    missing: byColumn.map(([, of]) => {
      const failing = of.filter(node => node.missingFails)
      return { tree: Int32Array.from(failing, node => node.tree), mask: Int32Array.from(failing, node => node.mask) }
    }),
    leaves,
  }
}

const lessOrEqual = 1
