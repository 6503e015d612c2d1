import { growing, mostBuckets, packBuckets, pair, unpackBuckets } from './buckets.ts'
import type { Cells, Form } from './form.ts'

/**
 * What was added up, by bucket; a purchase taken back is subtracted. The newest bucket ever touched stays even at zero,
 * because it says which late entries still count; any other at zero is left out, and a value of zero is nothing.
 */
export const totals: Form = {
  bucketed: true,
  add: (cells, { value, weight }, bucket, span) =>
    value === 0 ? cells : addInBucket(cells, weight * value, bucket, span),
  merge(left, right, span) {
    let merged = left
    for (let i = 0; i < right.length; i += 2) merged = addInBucket(merged, right[i + 1]!, right[i]!, span)
    return merged
  },
  pack: packBuckets,
  unpack: unpackBuckets,
  most: mostBuckets,
}

function addInBucket(cells: Cells, amount: number, bucket: number, span: number): Cells {
  const length = cells.length
  if (length === 0) return [bucket, amount]
  const newest = cells[0]!
  if (bucket === newest) {
    const same = cells.slice()
    same[1] = cells[1]! + amount
    return same
  }
  if (bucket <= newest - span) return cells
  const oldest = Math.max(bucket, newest) - span
  let kept = 0
  let i = 0
  for (; i < length && cells[i]! > bucket; i += 2) kept = pair(kept, cells[i]!, cells[i + 1]!)
  let sum = amount
  if (i < length && cells[i] === bucket) {
    sum += cells[i + 1]!
    i += 2
  }
  if (sum !== 0 || bucket > newest) kept = pair(kept, bucket, sum)
  for (; i < length && cells[i]! > oldest; i += 2) if (cells[i + 1] !== 0) kept = pair(kept, cells[i]!, cells[i + 1]!)
  return growing.slice(0, kept)
}

/** Sum of the newest `buckets` buckets as seen from bucket `now`. */
export function sumOf(cells: Cells, now: number, buckets: number): number {
  const length = cells.length
  const last = now - buckets
  let sum = 0
  for (let i = 0; i < length && cells[i]! > last; i += 2) sum += cells[i + 1]!
  return sum
}
