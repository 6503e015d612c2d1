// A state as bytes: an Avro record whose fields of many numbers are packed, because Avro arrays of arrays would spend half
// as much again. Equal states have equal bytes. `packed` is a stream of bits:
//   the number of ids remembered; per id the seconds since the next newer one, and 48 bits of hash
//   per series, in the layout's order, a bit that says whether it holds anything, and if so its cells as their form packs them
import { type AvroCodec, codecOf } from '@offerstream/contracts'
import { type BitReader, type BitWriter, createBitReader, createBitWriter } from './bits.ts'
import { type Cells, nothing } from './forms/form.ts'
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
    {
      name: 'watch',
      type: {
        type: 'record',
        name: 'Watch',
        fields: [
          {
            name: 'bought',
            type: {
              type: 'array',
              items: {
                type: 'record',
                name: 'Bought',
                fields: [
                  { name: 'item', type: 'string' },
                  { name: 'at', type: 'long' },
                  { name: 'endsAt', type: long },
                  { name: 'retracted', type: 'boolean' },
                ],
              },
            },
          },
          {
            name: 'opened',
            type: {
              type: 'array',
              items: {
                type: 'record',
                name: 'Opened',
                fields: [
                  { name: 'offer', type: 'string' },
                  { name: 'item', type: 'string' },
                  { name: 'at', type: 'long' },
                ],
              },
            },
          },
          { name: 'outageAt', type: 'long' },
          { name: 'wokenAt', type: 'long' },
          { name: 'dueAt', type: long },
        ],
      },
    },
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
      const { at, profile, rejections, fired, watch } = state
      return avro.encode({ at, profile, rejections, fired, watch, packed: writer.written() })
    },
    decode(bytes) {
      const { at, profile, rejections, fired, watch, packed } = avro.decode(bytes)
      reader.start(packed)
      const remembered = unpackRemembered(reader, at)
      const series = unpackSeries(reader, layout, at)
      reader.finish()
      return { at, profile, rejections, fired, watch, remembered, series }
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
    writer.bits(cells.length > 0 ? 1 : 0, 1)
    if (cells.length === 0) continue
    const { form, resolution } = layout.series[i]!
    form.pack(writer, cells, at, buckets[resolution]!)
  }
}

function unpackSeries(reader: BitReader, layout: Layout, at: number): Cells[] {
  const buckets = bucketsAt(at)
  return layout.series.map(({ form, resolution }) =>
    reader.bits(1) === 0 ? nothing : form.unpack(reader, at, buckets[resolution]!),
  )
}
