import { type GraphNode, type Matrix, Unwalkable } from './graph.ts'
import { quickTrees } from './quick-trees.ts'
import { numbers, treesOf, walkTrees } from './trees.ts'

/** `quick` where not every row walks down every tree. */
type TreeEnsemble = { readonly quick: boolean; apply(input: Matrix): Matrix }

/**
 * TreeEnsembleRegressor of ai.onnx.ml 3 with one target. Thresholds are compared as the graph keeps them: a float32 input
 * against a float32 threshold or, behind a cast, against a double one. Sums are in the same precision.
 */
export function treeEnsemble(node: GraphNode): TreeEnsemble {
  const trees = treesOf(node)
  const average = textOf(node, 'aggregate_function', 'SUM')
  if (average !== 'SUM' && average !== 'AVERAGE') throw new Unwalkable(`has trees that give their ${average}`)
  const link = textOf(node, 'post_transform', 'NONE')
  if (link !== 'NONE' && link !== 'LOGISTIC') throw new Unwalkable(`has trees behind ${link}`)
  const base = numbers(node, 'base_values')[0] ?? 0
  const quick = quickTrees(trees)
  const sumsOf = quick ?? ((input: Matrix) => walkTrees(trees, input))
  return {
    quick: quick !== null,
    apply(input) {
      const round = input.double ? (x: number) => x : Math.fround
      const values = sumsOf(input)
      for (let row = 0; row < values.length; row++) {
        const sum = values[row]!
        const score = round((average === 'AVERAGE' ? round(sum / trees.roots.length) : sum) + base)
        // The operator's output is float32, whatever its input.
        values[row] = Math.fround(link === 'LOGISTIC' ? 1 / (1 + Math.exp(-score)) : score)
      }
      return { rows: input.rows, columns: 1, values, double: false }
    },
  }
}

const textOf = ({ attributes }: GraphNode, name: string, fallback: string): string =>
  attributes.get(name)?.text || fallback
