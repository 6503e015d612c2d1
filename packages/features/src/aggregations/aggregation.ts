/** What an aggregation keeps: numbers, integers all, in a form of its own. Never changed in place. */
export type Cells = readonly number[]

/** One number that an event brought. */
export type Entry = {
  /** When it happened, milliseconds. */
  readonly at: number
  /** Hash of the event's id; orders equal times. */
  readonly id: number
  readonly value: number
  /** -1 for a purchase taken back, which repeats the purchase's time and value. */
  readonly weight: 1 | -1
}

/** The moment of reading, with its bucket in the window's resolution. */
type Reading = { readonly at: number; readonly bucket: number }

/**
 * A way of keeping a number. For any entries, in any order, split and merged in any way, the same cells come out, and
 * `value` of them equals `oracle` of the entries, for every window no wider than the span and every moment of reading
 * not before the newest entry.
 */
export type Aggregation = {
  /** `buckets`: see buckets.ts; else how many numbers the cells hold once anything was added, a moment first. */
  readonly cells: 'buckets' | number
  readonly empty: Cells
  /** `bucket` is the entry's own; buckets `span` or more behind the newest are let go. */
  add(cells: Cells, entry: Entry, bucket: number, span: number): Cells
  merge(left: Cells, right: Cells, span: number): Cells
  /** Over the newest `buckets` buckets; NaN for nothing known. */
  value(cells: Cells, now: Reading, buckets: number): number
  /** The same from the entries themselves, as plainly as can be; `inside` says whether a moment lies in the window. */
  oracle(entries: readonly Entry[], inside: (at: number) => boolean, at: number): number
  /** What the value is, for the table of features: `{}` stands for the field. */
  readonly says: string
}
