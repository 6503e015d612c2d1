import { type AvroCodec, avroCodec, type RecordOf, type TopicName, topics } from '@offerstream/contracts'
import type { Registry } from './ports.ts'

/** Bytes nobody can read: the reason is short and fixed, it becomes the dead letter's. */
export class Undecodable extends Error {
  override name = 'Undecodable'
  readonly reason: string
  constructor(reason: string, cause?: unknown) {
    super(reason, { cause })
    this.reason = reason
  }
}

/** Values of a topic in the registry's framing: a zero byte, the schema's id as four bytes, the Avro record. */
export type Codec<T> = {
  encode(value: T): Buffer
  /** Throws `Undecodable`; ids must have been learnt. */
  decode(bytes: Buffer): T
  /** Looks up the schemas a batch names, so that decoding need not wait. Throws `Transient` when the registry is silent. */
  learn(batch: readonly (Buffer | null)[]): Promise<void>
}

/** A topic with its values' codec. `name` has no prefix; `path` is what the log calls it. */
export type Topic<T> = { readonly name: TopicName; readonly path: string; readonly codec: Codec<T> }

const magicByte = 0
const frameBytes = 5

/** What throws for a schema that cannot be read with throws for each of its messages instead: a registry holds any text. */
export function readerOrThrower<Reader extends ((...message: never[]) => unknown) | undefined>(
  make: () => Reader,
): Reader | (() => never) {
  try {
    return make()
  } catch (error) {
    return () => {
      throw error
    }
  }
}

/** Registers the topic's schemas and answers the topic; an incompatible schema is refused by name. */
export async function openTopic<Name extends TopicName>(
  registry: Registry,
  name: Name,
  prefix = '',
): Promise<Topic<RecordOf<Name>>> {
  type T = RecordOf<Name>
  const records = topics[name].records
  const writers = new Map<string, { id: number; codec: AvroCodec<unknown> }>()
  const readers = new Map<number, (bytes: Buffer, from: number) => unknown>()
  const codecs = records.map(record => avroCodec(record) as AvroCodec<unknown>)
  for (const [index, codec] of codecs.entries()) {
    const id = await registry.register(codec.name, codec.schema)
    writers.set(records[index]!.replaceAll('-', '_'), { id, codec })
    readers.set(id, codec.decode)
  }
  const only = writers.size === 1 ? [...writers.values()][0]! : null

  const readerOf = (schema: string): ((bytes: Buffer, from: number) => unknown) | undefined => {
    const written = JSON.parse(schema) as { name?: string; namespace?: string }
    const fullName = written.namespace ? `${written.namespace}.${written.name}` : written.name
    return codecs.find(each => each.name === fullName)?.reader(schema)
  }
  const learnId = async (id: number): Promise<void> => {
    const schema = await registry.schema(id)
    const reader = schema === null ? undefined : readerOrThrower(() => readerOf(schema))
    if (reader !== undefined) readers.set(id, reader)
  }

  return {
    name,
    path: prefix + name,
    codec: {
      encode(value) {
        const writer = only ?? writers.get((value as { type: string }).type)
        if (writer === undefined)
          throw new TypeError(
            `${name} takes ${[...writers.keys()].join(' or ')}, not ${(value as { type: string }).type}`,
          )
        const framed = writer.codec.encode(value, frameBytes)
        framed[0] = magicByte
        framed.writeInt32BE(writer.id, 1)
        return framed
      },
      decode(bytes) {
        if (bytes.length < frameBytes) throw new Undecodable('truncated')
        if (bytes[0] !== magicByte) throw new Undecodable('wrong-magic-byte')
        const read = readers.get(bytes.readInt32BE(1))
        if (read === undefined) throw new Undecodable('unknown-schema')
        try {
          return read(bytes, frameBytes) as T
        } catch (error) {
          throw new Undecodable('undecodable', error)
        }
      },
      async learn(batch) {
        for (const bytes of batch) {
          if (bytes === null || bytes.length < frameBytes || bytes[0] !== magicByte) continue
          const id = bytes.readInt32BE(1)
          if (!readers.has(id)) await learnId(id)
        }
      },
    },
  }
}
