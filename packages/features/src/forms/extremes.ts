import { mostBuckets, packBuckets, unpackBuckets } from './buckets.ts'
import type { Cells, Form } from './form.ts'

const extremes = (beats: (one: number, other: number) => boolean): Form => {
  const put = (cells: Cells, value: number, bucket: number, span: number): Cells => {
    const length = cells.length
    if (length > 0 && bucket <= cells[0]! - span) return cells
    let i = 0
    while (i < length && cells[i]! > bucket) i += 2
    const held = i < length && cells[i] === bucket
    if (held && !beats(value, cells[i + 1]!)) return cells
    const oldest = Math.max(bucket, cells[0] ?? bucket) - span
    const kept = [...cells.slice(0, i), bucket, value]
    for (let j = held ? i + 2 : i; j < length && cells[j]! > oldest; j += 2) kept.push(cells[j]!, cells[j + 1]!)
    return kept
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
