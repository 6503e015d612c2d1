/** A schema as read from its file; only what the generator and the codecs look at is typed. */
export type AvroSchema =
  | string
  | readonly AvroSchema[]
  | { readonly type: AvroSchema; readonly name?: string; readonly [attribute: string]: unknown }

export type Field = {
  readonly name: string
  readonly type: AvroSchema
  readonly doc?: string
  readonly default?: unknown
}

/**
 * Inlines every named type at its first use, so that the schema stands alone as a registry wants it.
 * `files` maps a record's simple name to its schema; throws naming a reference nobody defines.
 */
export function bundle(name: string, files: ReadonlyMap<string, AvroSchema>): AvroSchema {
  const defined = new Set<string>()
  const visit = (schema: AvroSchema, within: string): AvroSchema => {
    if (typeof schema === 'string') {
      const file = files.get(schema)
      if (file === undefined) {
        if (primitives.has(schema) || defined.has(schema)) return schema
        throw new Error(`schema ${within} refers to ${schema}, which no file in schemas/ defines`)
      }
      return defined.has(schema) ? schema : visit(file, schema)
    }
    if (Array.isArray(schema)) return schema.map(branch => visit(branch, within))
    const record = schema as Exclude<AvroSchema, string | readonly AvroSchema[]>
    if (record.name) defined.add(record.name)
    const out: Record<string, unknown> = { ...record }
    if (record['fields'])
      out['fields'] = (record['fields'] as Field[]).map(field => ({
        ...field,
        type: visit(field.type, record.name ?? within),
      }))
    if (record['items']) out['items'] = visit(record['items'] as AvroSchema, within)
    if (record['values']) out['values'] = visit(record['values'] as AvroSchema, within)
    if (typeof record.type !== 'string') out['type'] = visit(record.type, within)
    return out as AvroSchema
  }
  return visit(name, name)
}

const primitives = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
  'record',
  'enum',
  'array',
  'map',
  'fixed',
])
