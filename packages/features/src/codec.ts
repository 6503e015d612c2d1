// A state as bytes: an Avro record whose fields of many numbers are packed, because Avro arrays of arrays would spend a
// third more. Equal states have equal bytes. `packed` holds
//   the number of ids remembered; per id the seconds since the next newer one, and six bytes of hash
//   a bit per series that holds anything; then for each of those, in the layout's order,
//     by bucket: buckets between its newest and the newest event's, a bit per older bucket held (30 to a group), the values
//     else: its numbers, the first, a moment, as the time since it
import { type AvroCodec, codecOf, schemas } from '@offerstream/contracts'
import type { Cells } from './aggregations/aggregation.ts'
import type { Layout } from './layout.ts'
import { createPacker, createUnpacker, type Packer, type Unpacker } from './pack.ts'
import { secondOf } from './remembered.ts'
import type { State } from './state.ts'
import { bucketsAt } from './windows.ts'

export type StateCodec = {
  readonly schema: string
  encode(state: State): Buffer
  /** Throws on bytes that are not exactly one state. */
  decode(bytes: Buffer): State
}

type Packed = Omit<State, 'remembered' | 'series'> & { readonly packed: Buffer }

type AvroField = { readonly name: string }
const customerFields = (JSON.parse(schemas.customer) as { fields: readonly AvroField[] }).fields

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
            ...customerFields.filter(({ name }) => name !== 'type' && name !== 'id' && name !== 'customer'),
            { name: 'quotaKb', type: ['null', 'long'] },
            { name: 'source', type: 'long' },
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

const bitsInGroup = 30

export function stateCodec(layout: Layout): StateCodec {
  const avro: AvroCodec<Packed> = codecOf<Packed>(schema)
  const packer = createPacker()
  const unpacker = createUnpacker()
  return {
    schema,
    encode(state) {
      packer.start()
      packRemembered(packer, state)
      packSeries(packer, layout, state)
      const { at, profile, rejections, fired } = state
      return avro.encode({ at, profile, rejections, fired, packed: packer.written() })
    },
    decode(bytes) {
      const { at, profile, rejections, fired, packed } = avro.decode(bytes)
      unpacker.start(packed)
      const remembered = unpackRemembered(unpacker, at)
      const series = unpackSeries(unpacker, layout, at)
      unpacker.finish()
      return { at, profile, rejections, fired, remembered, series }
    },
  }
}

function packRemembered(packer: Packer, { at, remembered }: State): void {
  packer.natural(remembered.length / 2)
  let newer = secondOf(at)
  for (let i = 0; i < remembered.length; i += 2) {
    const second = remembered[i]!
    packer.integer(newer - second)
    packer.sixBytes(remembered[i + 1]!)
    newer = second
  }
}

function unpackRemembered(unpacker: Unpacker, at: number): number[] {
  const remembered: number[] = []
  let newer = secondOf(at)
  for (let left = unpacker.natural(); left > 0; left--) {
    newer -= unpacker.integer()
    remembered.push(newer, unpacker.sixBytes())
  }
  return remembered
}

function packSeries(packer: Packer, layout: Layout, { at, series }: State): void {
  const buckets = bucketsAt(at)
  for (let from = 0; from < series.length; from += bitsInGroup) {
    let held = 0
    const to = Math.min(from + bitsInGroup, series.length)
    for (let i = from; i < to; i++) if (series[i]!.length > 0) held |= 1 << (i - from)
    packer.natural(held)
  }
  for (let i = 0; i < series.length; i++) {
    const cells = series[i]!
    if (cells.length === 0) continue
    const { aggregation, resolution, span } = layout.series[i]!
    if (aggregation.cells === 'buckets') packBuckets(packer, cells, buckets[resolution]!, span)
    else for (let j = 0; j < cells.length; j++) packer.integer(j === 0 ? at - cells[0]! : cells[j]!)
  }
}

function unpackSeries(unpacker: Unpacker, layout: Layout, at: number): Cells[] {
  const buckets = bucketsAt(at)
  const count = layout.series.length
  const groups: number[] = []
  for (let from = 0; from < count; from += bitsInGroup) groups.push(unpacker.natural())
  const series: Cells[] = []
  for (let i = 0; i < count; i++) {
    const { aggregation, resolution, span } = layout.series[i]!
    if (((groups[Math.floor(i / bitsInGroup)]! >> (i % bitsInGroup)) & 1) === 0) series.push(aggregation.empty)
    else if (aggregation.cells === 'buckets') series.push(unpackBuckets(unpacker, buckets[resolution]!, span))
    else {
      const cells: number[] = []
      for (let j = 0; j < aggregation.cells; j++) cells.push(j === 0 ? at - unpacker.integer() : unpacker.integer())
      series.push(cells)
    }
  }
  return series
}

function packBuckets(packer: Packer, cells: Cells, now: number, span: number): void {
  const newest = cells[0]!
  packer.integer(now - newest)
  let next = 2
  for (let from = 1; from < span; from += bitsInGroup) {
    let held = 0
    for (; next < cells.length && newest - cells[next]! < from + bitsInGroup; next += 2)
      held |= 1 << (newest - cells[next]! - from)
    packer.natural(held)
  }
  for (let i = 1; i < cells.length; i += 2) packer.integer(cells[i]!)
}

function unpackBuckets(unpacker: Unpacker, now: number, span: number): Cells {
  const newest = now - unpacker.integer()
  const cells = [newest, 0]
  for (let from = 1; from < span; from += bitsInGroup) {
    const held = unpacker.natural()
    for (let bit = 0; held >> bit > 0; bit++) if ((held >> bit) & 1) cells.push(newest - from - bit, 0)
  }
  for (let i = 1; i < cells.length; i += 2) cells[i] = unpacker.integer()
  return cells
}
