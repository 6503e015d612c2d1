import type { Cells } from './aggregation.ts'

// Cells by bucket: bucket, integer, bucket, integer, … newest bucket first. The newest bucket ever touched stays even at
// zero, because it says which late entries still count; any other bucket at zero is left out. So the cells are a function
// of the entries alone, whatever their order.

export const noBuckets: Cells = []

/** Adds an integer in its bucket. */
export function addInBucket(cells: Cells, amount: number, bucket: number, span: number): Cells {
  const length = cells.length
  if (length === 0) return [bucket, amount]
  const newest = cells[0]!
  if (bucket === newest) {
    const same = cells.slice()
    same[1] = cells[1]! + amount
    return same
  }
  if (bucket > newest) {
    const grown = [bucket, amount]
    for (let i = 0; i < length && cells[i]! > bucket - span; i += 2)
      if (cells[i + 1] !== 0) grown.push(cells[i]!, cells[i + 1]!)
    return grown
  }
  if (bucket <= newest - span) return cells
  const late: number[] = []
  let i = 0
  for (; i < length && cells[i]! > bucket; i += 2) late.push(cells[i]!, cells[i + 1]!)
  const sum = i < length && cells[i] === bucket ? cells[i + 1]! + amount : amount
  if (sum !== 0) late.push(bucket, sum)
  if (i < length && cells[i] === bucket) i += 2
  for (; i < length; i++) late.push(cells[i]!)
  return late
}

/** Adds bucket by bucket. */
export function mergeBuckets(left: Cells, right: Cells, span: number): Cells {
  let merged = left
  for (let i = 0; i < right.length; i += 2) merged = addInBucket(merged, right[i + 1]!, right[i]!, span)
  return merged
}

/** Sum of the newest `buckets` buckets as seen from bucket `now`. */
export function sumOfBuckets(cells: Cells, now: number, buckets: number): number {
  const length = cells.length
  const last = now - buckets
  let sum = 0
  for (let i = 0; i < length && cells[i]! > last; i += 2) sum += cells[i + 1]!
  return sum
}
