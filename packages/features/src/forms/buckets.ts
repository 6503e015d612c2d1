// Cells by bucket: bucket, integer, bucket, integer, … newest bucket first. As bits: buckets since the newest; the age of
// the oldest in buckets; a bit per age that says which are held; how many bits a value has; whether any is negative; the
// values.
import { type BitReader, type BitWriter, widthOf } from '../bits.ts'
import type { Cells } from './form.ts'

/** Ages reach to the widest window's end. */
const ageBits = 6
const widthBits = 6
const agesAtOnce = 24

export const mostBuckets = (span: number): number => 2 * span

export function packBuckets(writer: BitWriter, cells: Cells, _at: number, now: number): void {
  const newest = cells[0]!
  writer.integer(now - newest)
  const oldest = newest - cells[cells.length - 2]!
  writer.bits(oldest, ageBits)
  for (let from = 1, i = 2; from <= oldest; from += agesAtOnce) {
    let held = 0
    for (; i < cells.length && newest - cells[i]! < from + agesAtOnce; i += 2) held |= 1 << (newest - cells[i]! - from)
    writer.bits(held, Math.min(agesAtOnce, oldest + 1 - from))
  }
  let largest = 0
  let smallest = 0
  for (let i = 1; i < cells.length; i += 2) {
    const value = cells[i]!
    if (value > largest) largest = value
    else if (value < smallest) smallest = value
  }
  const sign = smallest < 0 ? 1 : 0
  const width = widthOf(Math.max(largest, -smallest))
  writer.bits(width, widthBits)
  writer.bits(sign, 1)
  for (let i = 1; i < cells.length; i += 2) {
    const value = cells[i]!
    if (sign === 1) writer.bits(value < 0 ? 1 : 0, 1)
    writer.bits(value < 0 ? -value : value, width)
  }
}

/** Cells grow here and are copied out at their length, because an array that grew keeps room for more. */
export const growing: number[] = Array.from({ length: 2 ** (ageBits + 1) }, () => 0)

/** Puts a bucket and its integer there, and answers how long it is then. */
export function pair(length: number, bucket: number, value: number): number {
  growing[length] = bucket
  growing[length + 1] = value
  return length + 2
}

export function unpackBuckets(reader: BitReader, _at: number, now: number): Cells {
  const newest = now - reader.integer()
  const oldest = reader.bits(ageBits)
  growing[0] = newest
  let length = 2
  for (let from = 1; from <= oldest; from += agesAtOnce) {
    let held = reader.bits(Math.min(agesAtOnce, oldest + 1 - from))
    for (let bucket = newest - from; held > 0; bucket--, held >>= 1)
      if (held & 1) {
        growing[length] = bucket
        length += 2
      }
  }
  const width = reader.bits(widthBits)
  const sign = reader.bits(1)
  for (let i = 1; i < length; i += 2) {
    const negative = sign === 1 && reader.bits(1) === 1
    const value = reader.bits(width)
    growing[i] = negative ? -value : value
  }
  return growing.slice(0, length)
}
