import type { Cells, Entry } from '../forms/form.ts'
import type { FormName } from '../forms/index.ts'

/** The moment of reading, with its bucket in the window's resolution. */
export type Reading = {
  readonly at: number
  /** Index among `resolutions`. */
  readonly resolution: number
  readonly bucket: number
}

/** A window as an oracle sees it, by the calendar. */
export type Calendar = {
  /** The moment of reading. */
  readonly at: number
  readonly buckets: number
  /** Buckets between a moment's and the one under way, 0 for the same. */
  bucketsAgo(moment: number): number
  /** Where the oldest bucket of the window begins. */
  readonly opensAt: number
}

/**
 * A way of making a number of what is kept. `value` of the cells equals `oracle` of the entries, for every window no wider
 * than the span and every moment of reading not before the newest entry. A window of n buckets holds the one under way and
 * the n - 1 before it.
 */
export type Aggregation = {
  /** The form of each part. */
  readonly forms: readonly FormName[]
  /** Of the cells of each part, over the newest `buckets` buckets; NaN for nothing known. */
  value(parts: readonly Cells[], now: Reading, buckets: number): number
  /** The same from the entries of each part, as plainly as can be. */
  oracle(parts: readonly (readonly Entry[])[], window: Calendar): number
  /** What the value is, for the table of features: `{}` stands for the first part. */
  readonly says: string
  /** Whether the bucket under way is left out. */
  readonly wholeBucketsOnly?: true
  /** Whether the value is an amount in the field's unit, rather than a number of its own. */
  readonly inFieldUnit: boolean
  /** What a purchase taken back does to it. */
  readonly retraction:
    | 'subtracted in the bucket of the purchase'
    | 'the purchase of that moment no longer counts'
    | 'changes nothing'
}

/** Plain total of the entries inside the window. */
export function total(entries: readonly Entry[], { buckets, bucketsAgo }: Calendar): number {
  let sum = 0
  for (const { at, value, weight } of entries) if (bucketsAgo(at) < buckets) sum += weight * value
  return sum
}

/** Plain totals by bucket, the one under way first. */
export function totalsByBucket(entries: readonly Entry[], { buckets, bucketsAgo }: Calendar): number[] {
  const sums = Array.from({ length: buckets }, () => 0)
  for (const { at, value, weight } of entries) {
    const ago = bucketsAgo(at)
    if (ago < buckets) sums[ago]! += weight * value
  }
  return sums
}
