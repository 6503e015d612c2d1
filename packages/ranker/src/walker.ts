import { type GraphNode, graphOf, type Matrix, Unwalkable } from './graph.ts'
import { treeEnsemble } from './tree-ensemble.ts'

/** Rows in, one number per row out, in plain TypeScript. */
export type Walker = {
  (rows: Float32Array, count: number, output: string): Float32Array
  /** Whether it outruns the native runtime on large batches: trees as `quickTrees` has them, and no products. */
  readonly quick: boolean
}

/**
 * The second implementation of a model: serves when onnxruntime does not, and is held against it in tests. Every
 * operation rounds to float32 where the graph does. Throws `Unwalkable` where the graph has an operation not listed here.
 */
export function walkerOf(model: Uint8Array): Walker {
  const { input, constants, nodes } = graphOf(model)
  const steps = nodes.map(node => {
    const operation = operations[node.operation]
    if (operation === undefined) throw new Unwalkable(`has the operation ${node.operation}`)
    return { node, operation: operation(node) }
  })
  const walk = (rows: Float32Array, count: number, output: string): Float32Array => {
    const columns = count === 0 ? 0 : rows.length / count
    const known = new Map(constants)
    known.set(input, { rows: count, columns, values: new Float64Array(rows), double: false })
    for (const { node, operation } of steps)
      known.set(node.outputs[0]!, operation(node.inputs.map(name => known.get(name)!)))
    const answer = known.get(output)
    if (answer === undefined || answer.rows * answer.columns !== count)
      throw new Error(`output ${output} has ${(answer?.rows ?? 0) * (answer?.columns ?? 0)} values for ${count} rows`)
    return new Float32Array(answer.values)
  }
  const isQuick = steps.map(({ operation }) => operation.quick)
  return Object.assign(walk, { quick: isQuick.includes(true) && !isQuick.includes(false) })
}

type Operation = {
  (inputs: readonly Matrix[]): Matrix
  /** Left out where its share of the time is small either way. */
  readonly quick?: boolean
}

const operations: Readonly<Record<string, (node: GraphNode) => Operation>> = {
  Identity: () => inputs => inputs[0]!,
  Cast: node => {
    const to = node.attributes.get('to')?.integer
    if (to !== float && to !== double) throw new Unwalkable(`casts to type ${to}`)
    return inputs => {
      const { rows, columns, values } = inputs[0]!
      return { rows, columns, values: to === double ? values : values.map(Math.fround), double: to === double }
    }
  },
  IsNaN: () => each(x => Number(Number.isNaN(x))),
  Where: () => each((condition, yes, no) => (condition > 0 ? yes! : no!)),
  Add: () => each((x, y) => x + y!),
  Sub: () => each((x, y) => x - y!),
  Mul: () => each((x, y) => x * y!),
  Div: () => each((x, y) => x / y!),
  Relu: () => each(x => Math.max(x, 0)),
  Sigmoid: () => each(x => 1 / (1 + Math.exp(-x))),
  MatMul: () => Object.assign((inputs: readonly Matrix[]) => product(inputs[0]!, inputs[1]!), { quick: false }),
  TreeEnsembleRegressor: node => {
    const { quick, apply } = treeEnsemble(node)
    return Object.assign((inputs: readonly Matrix[]) => apply(inputs[0]!), { quick })
  },
}

const float = 1
const double = 11

/** Value by value; what has one row or one column is repeated. */
function each(of: (x: number, y?: number, z?: number) => number): (inputs: readonly Matrix[]) => Matrix {
  return inputs => {
    const rows = Math.max(...inputs.map(input => input.rows))
    const columns = Math.max(...inputs.map(input => input.columns))
    const double = inputs.some(input => input.double)
    const [x, y, z] = inputs.map(input => {
      const rowStep = input.rows === 1 ? 0 : input.columns
      const columnStep = input.columns === 1 ? 0 : 1
      return (row: number, column: number) => input.values[row * rowStep + column * columnStep]!
    })
    const values = new Float64Array(rows * columns)
    for (let row = 0, at = 0; row < rows; row++)
      for (let column = 0; column < columns; column++, at++) {
        const value = of(x!(row, column), y?.(row, column), z?.(row, column))
        values[at] = double ? value : Math.fround(value)
      }
    return { rows, columns, values, double }
  }
}

function product(left: Matrix, right: Matrix): Matrix {
  if (left.columns !== right.rows) throw new Error(`cannot multiply ${left.columns} columns by ${right.rows} rows`)
  const { rows } = left
  const { columns } = right
  const double = left.double || right.double
  const values = new Float64Array(rows * columns)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      let sum = 0
      for (let k = 0; k < right.rows; k++)
        sum += left.values[row * left.columns + k]! * right.values[k * columns + column]!
      values[row * columns + column] = double ? sum : Math.fround(sum)
    }
  return { rows, columns, values, double }
}
