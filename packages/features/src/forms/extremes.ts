import { growing, mostBuckets, packBuckets, pair, unpackBuckets } from './buckets.ts'
import type { Cells, Form } from './form.ts'

const extremes = (beats: (one: number, other: number) => boolean): Form => {
  const put = (cells: Cells, value: number, bucket: number, span: number): Cells => {
    const length = cells.length
    if (length === 0) return [bucket, value]
    if (bucket <= cells[0]! - span) return cells
    const oldest = Math.max(bucket, cells[0]!) - span
    let kept = 0
    let i = 0
    for (; i < length && cells[i]! > bucket; i += 2) kept = pair(kept, cells[i]!, cells[i + 1]!)
    if (i < length && cells[i] === bucket) {
      if (!beats(value, cells[i + 1]!)) return cells
      i += 2
    }
    kept = pair(kept, bucket, value)
    for (; i < length && cells[i]! > oldest; i += 2) kept = pair(kept, cells[i]!, cells[i + 1]!)
    return growing.slice(0, kept)
  }
  return {
    bucketed: true,
    add: (cells, { value, weight }, bucket, span) => (weight < 0 ? cells : put(cells, value, bucket, span)),
    merge(left, right, span) {
      let merged = left
      for (let i = 0; i < right.length; i += 2) merged = put(merged, right[i + 1]!, right[i]!, span)
      return merged
    },
    pack: packBuckets,
    unpack: unpackBuckets,
    most: mostBuckets,
  }
}

/** The smallest value by bucket; a purchase taken back leaves it. */
export const lows = extremes((one, other) => one < other)
/** The largest value by bucket; a purchase taken back leaves it. */
export const highs = extremes((one, other) => one > other)

/** The best of the newest `buckets` buckets as seen from bucket `now`, NaN where they hold nothing. */
export function extremeOf(
  cells: Cells,
  now: number,
  buckets: number,
  best: (one: number, other: number) => number,
): number {
  let found = Number.NaN
  for (let i = 0; i < cells.length && cells[i]! > now - buckets; i += 2)
    found = i === 0 ? cells[1]! : best(found, cells[i + 1]!)
  return found
}
