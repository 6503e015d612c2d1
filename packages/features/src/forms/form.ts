import type { BitReader, BitWriter } from '../bits.ts'

/** Numbers that are kept, integers all, in an order that is the form's own. Never changed in place. */
export type Cells = readonly number[]

/** One number that an event brought. */
export type Entry = {
  /** When it happened, milliseconds. */
  readonly at: number
  /** Hash of the event's id; orders equal times. */
  readonly id: number
  /** An integer; a text as its hash, see `textHash`. */
  readonly value: number
  /** -1 for a purchase taken back, which repeats the purchase's time and value. */
  readonly weight: 1 | -1
}

/**
 * A form in which numbers are kept, shared by every aggregation that can read it. For any entries, in any order, split and
 * merged in any way, the same cells come out, and their bytes with them.
 */
export type Form = {
  /** Whether entries go to the bucket of their moment, and old buckets are let go. */
  readonly bucketed: boolean
  /** `bucket` is the entry's own; buckets `span` or more behind the newest are let go. */
  add(cells: Cells, entry: Entry, bucket: number, span: number): Cells
  merge(left: Cells, right: Cells, span: number): Cells
  /** Cells that hold something; `at` and `bucket` are the newest moment of the state and its bucket. */
  pack(writer: BitWriter, cells: Cells, at: number, bucket: number): void
  unpack(reader: BitReader, at: number, bucket: number): Cells
  /** Most numbers the cells hold, whatever comes. */
  most(span: number): number
}

export const nothing: Cells = []
