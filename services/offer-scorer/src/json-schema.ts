type AvroType = string | readonly AvroType[] | AvroComplex
type AvroComplex = {
  readonly type: AvroType
  readonly name?: string
  readonly doc?: string
  readonly fields?: readonly { readonly name: string; readonly type: AvroType; readonly doc?: string }[]
  readonly symbols?: readonly string[]
  readonly items?: AvroType
  readonly values?: AvroType
}
type JsonSchema = Readonly<Record<string, unknown>>

/**
 * The JSON Schema (2020-12, as OpenAPI 3.1 has it) of an Avro record the way `JSON.stringify` writes it: moments are
 * milliseconds since the epoch, a missing number is null.
 */
export function jsonSchemaOf(avro: string): JsonSchema {
  const named = new Map<string, JsonSchema>()
  const convert = (type: AvroType): JsonSchema => {
    if (typeof type === 'string') return named.get(type.replace(/^.*\./, '')) ?? primitive(type)
    if (Array.isArray(type)) {
      const others = (type as readonly AvroType[]).filter(each => each !== 'null').map(convert)
      return { anyOf: [...others, { type: 'null' }] }
    }
    const complex = type as AvroComplex
    switch (complex.type) {
      case 'record': {
        const properties: Record<string, JsonSchema> = {}
        for (const { name, type: inner, doc } of complex.fields!) {
          const schema = convert(inner)
          properties[name] = doc === undefined ? schema : { description: doc, ...schema }
        }
        const schema = { type: 'object', properties, required: Object.keys(properties), additionalProperties: false }
        named.set(complex.name!, schema)
        return schema
      }
      case 'array':
        return { type: 'array', items: convert(complex.items!) }
      case 'map':
        return { type: 'object', additionalProperties: convert(complex.values!) }
      case 'enum': {
        const schema = { type: 'string', enum: complex.symbols }
        named.set(complex.name!, schema)
        return schema
      }
      default:
        return convert(complex.type)
    }
  }
  return convert(JSON.parse(avro) as AvroType)
}

function primitive(type: string): JsonSchema {
  switch (type) {
    case 'int':
    case 'long':
      return { type: 'integer' }
    case 'float':
    case 'double':
      return { type: ['number', 'null'] }
    case 'string':
    case 'boolean':
    case 'null':
      return { type }
    default:
      throw new TypeError(`there is no Avro type ${type} in our records`)
  }
}
