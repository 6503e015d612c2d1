/** Weights of a logit, the intercept last. */
export type Logit = readonly number[]

/**
 * Maximum likelihood with a ridge on all but the intercept, by Newton's method. With two alternatives, one of them
 * staying as is at utility 0, this is the conditional logit (McFadden, 1974).
 */
export function fitLogit(rows: readonly (readonly number[])[], chosen: readonly number[], ridge = 1): number[] {
  const width = (rows[0]?.length ?? 0) + 1
  const weights = new Array<number>(width).fill(0)
  for (let step = 0; step < 50; step++) {
    const gradient = weights.map((w, j) => (j === width - 1 ? 0 : -ridge * w))
    const hessian = weights.map((_, j) => weights.map((_, k) => (j === k && j < width - 1 ? ridge : 0)))
    for (let i = 0; i < rows.length; i++) {
      const x = [...rows[i]!, 1]
      const p = sigmoid(utility(weights, rows[i]!))
      for (let j = 0; j < width; j++) {
        gradient[j]! += (chosen[i]! - p) * x[j]!
        for (let k = 0; k <= j; k++) hessian[j]![k]! += p * (1 - p) * x[j]! * x[k]!
      }
    }
    for (let j = 0; j < width; j++) for (let k = j + 1; k < width; k++) hessian[j]![k] = hessian[k]![j]!
    const move = solve(hessian, gradient)
    for (let j = 0; j < width; j++) weights[j]! += move[j]!
    if (Math.max(...move.map(Math.abs)) < 1e-10) return weights
  }
  throw new Error(unsettled)
}

const unsettled = 'the logit does not settle: is an input constant, or an outcome certain?'

export const utility = (weights: Logit, row: readonly number[]): number =>
  row.reduce((sum, x, j) => sum + weights[j]! * x, weights.at(-1)!)

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** Gaussian elimination with pivoting. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, j) => [...row, right[j]!])
  const size = rows.length
  for (let column = 0; column < size; column++) {
    const rest = rows.slice(column).map(row => Math.abs(row[column]!))
    const largest = Math.max(...rest)
    if (!(largest > 0)) throw new Error(unsettled)
    const pivot = column + rest.indexOf(largest)
    ;[rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!]
    for (let row = 0; row < size; row++) {
      if (row === column) continue
      const factor = rows[row]![column]! / rows[column]![column]!
      for (let k = column; k <= size; k++) rows[row]![k]! -= factor * rows[column]![k]!
    }
  }
  return rows.map((row, j) => row[size]! / row[j]!)
}
