// A company's own topic as intake reads it: decoded into whatever it holds, which the mapping then makes an event of.
import { codecOf } from '@offerstream/contracts'
import { createMapper, type Format, type MappedSource, type Mapper, parseJson } from '@offerstream/mapping'
import { type Codec, type Handler, type Registry, readerOrThrower, Undecodable } from '@offerstream/streaming'
import type { SourceEvent } from './validate.ts'

/** A message that is no event yet. */
export type Unmapped = { readonly type: 'unmapped'; readonly value: unknown; readonly map: Mapper }

/** What intake reads, ours or mapped. */
export type IntakeSource = Handler<SourceEvent | Unmapped>['inputs'][number]

/** Causes of a company's topic never meet those of ours: no topic of Kafka's has a colon in its name. */
export const mappedName = (topic: string): string => `company:${topic}`

export function mappedSource(registry: Registry, source: MappedSource): IntakeSource {
  const { decode, learn } = foreignCodec(registry, source.format)
  const map = createMapper(source)
  return {
    name: mappedName(source.name),
    path: source.name,
    foreign: true,
    codec: { decode: bytes => ({ type: 'unmapped', value: decode(bytes), map }), learn },
  }
}

type Decoder = Pick<Codec<unknown>, 'decode' | 'learn'>

/** Values of a company's topic as objects, texts and numbers. */
export function foreignCodec(registry: Registry, format: Format): Decoder {
  switch (format.kind) {
    case 'json':
      return { decode: json, learn: async () => {} }
    case 'avro-plain': {
      const codec = codecOf<unknown>(format.schema)
      return { decode: bytes => readable(() => codec.decode(bytes)), learn: async () => {} }
    }
    case 'avro':
      return framed(registry)
  }
}

const text = new TextDecoder('utf-8', { fatal: true })

function json(bytes: Buffer): unknown {
  try {
    return parseJson(text.decode(bytes))
  } catch (error) {
    throw new Undecodable('not-json', error)
  }
}

function readable<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Undecodable('undecodable', error)
  }
}

const frameBytes = 5
const isFramed = (bytes: Buffer): boolean => bytes.length >= frameBytes && bytes[0] === 0

/** Each message is read with the schema it was written with, whatever that is: the mapping names fields, not schemas. */
function framed(registry: Registry): Decoder {
  const readers = new Map<number, (bytes: Buffer, from: number) => unknown>()
  return {
    decode(bytes) {
      if (bytes.length < frameBytes) throw new Undecodable('truncated')
      if (bytes[0] !== 0) throw new Undecodable('wrong-magic-byte')
      const read = readers.get(bytes.readInt32BE(1))
      if (read === undefined) throw new Undecodable('unknown-schema')
      return readable(() => read(bytes, frameBytes))
    },
    async learn(batch) {
      for (const bytes of batch) {
        if (bytes === null || !isFramed(bytes)) continue
        const id = bytes.readInt32BE(1)
        if (readers.has(id)) continue
        const schema = await registry.schema(id)
        if (schema !== null)
          readers.set(
            id,
            readerOrThrower(() => codecOf<unknown>(schema).decode),
          )
      }
    },
  }
}
