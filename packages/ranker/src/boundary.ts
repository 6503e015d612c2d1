/** An input no model may see. */
export class InfiniteInput extends Error {
  override name = 'InfiniteInput'
}

/** Smaller than this, native and exported models disagree about whether a number is zero. */
const smallest = 1e-30

/**
 * What every row passes before a model sees it, in training and in serving: float32, next to nothing is nothing, missing
 * is NaN, infinities are refused. Changes the rows in place.
 */
export function atBoundary(rows: Float32Array): Float32Array {
  for (let index = 0; index < rows.length; index++) {
    const x = rows[index]!
    if (x === Infinity || x === -Infinity) throw new InfiniteInput(`input ${index} is ${x}`)
    if (x < smallest && x > -smallest) rows[index] = 0
  }
  return rows
}
