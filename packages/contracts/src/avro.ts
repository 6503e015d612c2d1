import avro from 'avsc'
import { type Records, schemas } from './generated.ts'

/** What turns records into bytes and back; without the registry's framing. */
export type AvroCodec<T> = {
  readonly schema: string
  /** Full name, for example `offerstream.Purchase`. */
  readonly name: string
  /** `room` bytes in front are left to the caller to fill. */
  encode(value: T, room?: number): Buffer
  /** Throws on bytes that are not, from there on, exactly one record of the schema. */
  decode(bytes: Buffer, from?: number): T
  /** Reads what another version of the schema wrote; throws naming both when they do not fit. */
  reader(writerSchema: string): (bytes: Buffer, from?: number) => T
}

/** A union of records is told apart by the `type` each of them carries, and travels as a wrapped Avro union. */
const unionFields: Partial<Record<keyof Records, string>> = { 'customer-event': 'event', playbook: 'body' }

export function avroCodec<Name extends keyof Records>(name: Name): AvroCodec<Records[Name]> {
  return codecOf<Records[Name]>(schemas[name], unionFields[name])
}

/** A codec for any schema, for states a fold keeps. `union` names the top-level field that holds a union of records. */
export function codecOf<T>(schema: string, union?: string): AvroCodec<T> {
  const type = typeOf(schema)
  const branches = union === undefined ? undefined : branchesOf(type, union)
  const unwrap = (value: Record<string, unknown>): T => {
    if (union !== undefined) value[union] = (value[union] as { unwrap(): unknown }).unwrap()
    return value as T
  }
  const wrap = (value: Record<string, unknown>): unknown => {
    if (union === undefined) return value
    const body = value[union] as { type: string }
    const branch = branches!.get(body.type)
    if (branch === undefined)
      throw new TypeError(`${union} has type ${String(body.type)}, wanted one of ${[...branches!.keys()].join(', ')}`)
    return { ...value, [union]: { [branch]: body } }
  }
  const decodeWith =
    (resolver: avro.types.RecordType['createResolver'] extends (...a: never[]) => infer R ? R | undefined : never) =>
    (bytes: Buffer, from = 0): T => {
      const { value, offset } = type.decode(bytes, from, resolver)
      if (offset !== bytes.length) throw new Error(offset < 0 ? 'truncated' : 'more bytes than one record has')
      return unwrap(value as Record<string, unknown>)
    }
  return {
    schema,
    name: type.name!,
    encode: (value, room = 0) => written(type, wrap(value as Record<string, unknown>), room),
    decode: decodeWith(undefined),
    reader(writerSchema) {
      const writer = typeOf(writerSchema)
      if (writer.equals(type)) return decodeWith(undefined)
      try {
        return decodeWith(type.createResolver(writer))
      } catch (error) {
        throw new Error(`reader ${type.name} cannot read what writer ${writer.name} wrote: ${(error as Error).message}`)
      }
    },
  }
}

let scratch = Buffer.alloc(1 << 14)

/** avsc's own `toBuffer` allocates memory of its own for each record, which costs more than writing it. */
function written(type: avro.Type, value: unknown, room: number): Buffer {
  let end = type.encode(value, scratch, room)
  if (end < 0) {
    scratch = Buffer.alloc(2 * (scratch.length - end))
    end = type.encode(value, scratch, room)
  }
  const bytes = Buffer.allocUnsafe(end)
  scratch.copy(bytes, room, room, end)
  return bytes
}

/** Throws naming reader and writer when the reader cannot read everything the writer may write. */
export function assertReads(readerSchema: string, writerSchema: string): void {
  codecOf(readerSchema).reader(writerSchema)
}

const typeOf = (schema: string): avro.Type =>
  avro.Type.forSchema(JSON.parse(schema), { wrapUnions: 'auto' } as unknown as Parameters<
    typeof avro.Type.forSchema
  >[1])

function branchesOf(type: avro.Type, union: string): Map<string, string> {
  const field = (type as avro.types.RecordType).fields.find(f => f.name === union)!
  const branches = (field.type as avro.types.WrappedUnionType).types as unknown as avro.types.RecordType[]
  return new Map(
    branches.map(branch => {
      const symbols = (branch.fields.find(f => f.name === 'type')!.type as avro.types.EnumType).symbols
      return [symbols[0]!, branch.branchName!]
    }),
  )
}
