// A state as bytes: an Avro record whose fields of many numbers are packed, because Avro arrays of arrays would spend half
// as much again. Equal states have equal bytes. `packed` is a stream of bits:
//   the number of ids remembered; per id the seconds since the next newer one, and 48 bits of hash
//   per series, in the layout's order, a bit that says whether it holds anything, and if so
//     by bucket: buckets since its newest; the age of its oldest in buckets; a bit per age that says which are held; how
//     many bits a value has; whether any is negative; the values
//     else: its numbers, the first, a moment, as the time since it
import { type AvroCodec, codecOf } from '@offerstream/contracts'
import type { Cells } from './aggregations/aggregation.ts'
import { type BitReader, type BitWriter, createBitReader, createBitWriter, widthOf } from './bits.ts'
import type { Layout } from './layout.ts'
import { wordsSchema } from './profile.ts'
import { secondOf } from './remembered.ts'
import type { State } from './state.ts'
import { bucketsAt } from './windows.ts'

export type StateCodec = {
  /** Changes with the meaning of the bytes, as far as it is not the layout's. */
  readonly schema: string
  encode(state: State): Buffer
  /** Throws on bytes that are not exactly one state. */
  decode(bytes: Buffer): State
}

type Packed = Omit<State, 'remembered' | 'series'> & { readonly packed: Buffer }

const long = ['null', 'long']
const schema = JSON.stringify({
  type: 'record',
  name: 'CustomerState',
  namespace: 'offerstream',
  fields: [
    { name: 'at', type: 'long' },
    {
      name: 'profile',
      type: [
        'null',
        {
          type: 'record',
          name: 'Profile',
          fields: [
            { name: 'at', type: 'long' },
            { name: 'source', type: 'long' },
            { name: 'customerSince', type: long },
            { name: 'bindingEndsAt', type: long },
            { name: 'monthlyChargeMinor', type: 'long' },
            { name: 'quotaKb', type: long },
            { name: 'words', type: 'bytes' },
          ],
        },
      ],
    },
    {
      name: 'rejections',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Rejection',
          fields: [
            { name: 'item', type: 'string' },
            { name: 'at', type: 'long' },
          ],
        },
      },
    },
    { name: 'fired', type: { type: 'map', values: 'long' } },
    { name: 'packed', type: 'bytes' },
  ],
})

export function stateCodec(layout: Layout): StateCodec {
  const avro: AvroCodec<Packed> = codecOf<Packed>(schema)
  const writer = createBitWriter()
  const reader = createBitReader()
  return {
    schema: `${schema}${wordsSchema}`,
    encode(state) {
      writer.start()
      packRemembered(writer, state)
      packSeries(writer, layout, state)
      const { at, profile, rejections, fired } = state
      return avro.encode({ at, profile, rejections, fired, packed: writer.written() })
    },
    decode(bytes) {
      const { at, profile, rejections, fired, packed } = avro.decode(bytes)
      reader.start(packed)
      const remembered = unpackRemembered(reader, at)
      const series = unpackSeries(reader, layout, at)
      reader.finish()
      return { at, profile, rejections, fired, remembered, series }
    },
  }
}

function packRemembered(writer: BitWriter, { at, remembered }: State): void {
  writer.natural(remembered.length / 2)
  let newer = secondOf(at)
  for (let i = 0; i < remembered.length; i += 2) {
    const second = remembered[i]!
    writer.integer(newer - second)
    writer.bits(remembered[i + 1]!, 48)
    newer = second
  }
}

function unpackRemembered(reader: BitReader, at: number): number[] {
  const remembered: number[] = []
  let newer = secondOf(at)
  for (let left = reader.natural(); left > 0; left--) {
    newer -= reader.integer()
    remembered.push(newer, reader.bits(48))
  }
  return remembered
}

function packSeries(writer: BitWriter, layout: Layout, { at, series }: State): void {
  const buckets = bucketsAt(at)
  for (let i = 0; i < series.length; i++) {
    const cells = series[i]!
    const { aggregation, resolution } = layout.series[i]!
    writer.bits(cells.length > 0 ? 1 : 0, 1)
    if (cells.length === 0) continue
    if (aggregation.cells === 'buckets') packBuckets(writer, cells, buckets[resolution]!)
    else for (let j = 0; j < cells.length; j++) writer.integer(j === 0 ? at - cells[0]! : cells[j]!)
  }
}

function unpackSeries(reader: BitReader, layout: Layout, at: number): Cells[] {
  const buckets = bucketsAt(at)
  return layout.series.map(({ aggregation, resolution }) => {
    if (reader.bits(1) === 0) return aggregation.empty
    if (aggregation.cells === 'buckets') return unpackBuckets(reader, buckets[resolution]!)
    const cells: number[] = []
    for (let j = 0; j < aggregation.cells; j++) cells.push(j === 0 ? at - reader.integer() : reader.integer())
    return cells
  })
}

/** Ages reach to the widest window's end. */
const ageBits = 6
const widthBits = 6
const agesAtOnce = 24

function packBuckets(writer: BitWriter, cells: Cells, now: number): void {
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
const growing: number[] = Array.from({ length: 2 ** (ageBits + 1) }, () => 0)

function unpackBuckets(reader: BitReader, now: number): Cells {
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
