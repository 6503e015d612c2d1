// Writes generated.ts from schemas/*.avsc, and the pages of topics; with --check it fails when the committed file differs.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type AvroSchema, bundle, type Field } from './schemas.ts'

const folder = new URL('../../../schemas/', import.meta.url)
const target = new URL('./generated.ts', import.meta.url)

const names = readdirSync(folder)
  .filter(file => file.endsWith('.avsc'))
  .map(file => file.slice(0, -'.avsc'.length))
  .sort()
const files = new Map<string, AvroSchema>()
const recordOf = new Map<string, string>()
for (const name of names) {
  const schema = JSON.parse(readFileSync(new URL(`${name}.avsc`, folder), 'utf8')) as { name: string; type: string }
  files.set(schema.name, schema)
  recordOf.set(name, schema.name)
}

const types = new Map<string, string>()
const defaults = new Map<string, readonly Field[]>()

/** The TypeScript of a schema; named types are collected into `types` on the way. */
function typeScript(schema: AvroSchema): string {
  if (typeof schema === 'string') {
    const file = files.get(schema)
    if (file === undefined) return primitive[schema] ?? schema
    return types.has(schema) ? schema : typeScript(file)
  }
  if (Array.isArray(schema)) return schema.map(typeScript).join(' | ')
  const named = schema as { type: AvroSchema; name?: string; [attribute: string]: unknown }
  switch (named.type) {
    case 'record': {
      const name = named.name!
      types.set(name, '')
      const all = named['fields'] as Field[]
      const fields = all.map(field => {
        const doc = field.doc ? `  /** ${field.doc} */\n` : ''
        return `${doc}  readonly ${field.name}: ${typeScript(field.type)}\n`
      })
      const doc = named['doc'] ? `/** ${named['doc']} */\n` : ''
      types.delete(name)
      types.set(name, `${doc}export type ${name} = {\n${fields.join('')}}\n`)
      const defaulted = all.filter(field => field.default !== undefined)
      if (defaulted.length > 0) defaults.set(name, defaulted)
      return name
    }
    case 'enum':
      types.set(
        named.name!,
        `export type ${named.name} = ${(named['symbols'] as string[]).map(s => `'${s}'`).join(' | ')}\n`,
      )
      return named.name!
    case 'array': {
      const item = typeScript(named['items'] as AvroSchema)
      return `readonly ${/\W/.test(item) ? `(${item})` : item}[]`
    }
    case 'map':
      return `Readonly<Record<string, ${typeScript(named['values'] as AvroSchema)}>>`
    default:
      return typeScript(named.type)
  }
}

const primitive: Record<string, string> = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  long: 'number',
  float: 'number',
  double: 'number',
  bytes: 'Uint8Array',
  string: 'string',
}

/** The lines of a record in `defaults`: its type, then its values. */
const defaultsOf = (lineOf: (name: string, fields: readonly Field[]) => string): string =>
  [...defaults].map(([name, fields]) => `  ${lineOf(name, fields)}\n`).join('')

for (const record of recordOf.values()) typeScript(record)
const text = [
  '// Generated from schemas/*.avsc by `pnpm generate`; do not edit.\n',
  ...types.values(),
  `/** Every record by the name of its file. */\nexport type Records = {\n${names.map(name => `  readonly '${name}': ${recordOf.get(name)}\n`).join('')}}\n`,
  `/** What each record holds where nothing is said, by its schema; spread it first, then the fields that are said. */\nexport const defaults: {\n${defaultsOf(
    (name, fields) => `readonly ${name}: Pick<${name}, ${fields.map(field => `'${field.name}'`).join(' | ')}>`,
  )}} = {\n${defaultsOf(
    (name, fields) =>
      `${name}: { ${fields.map(field => `${field.name}: ${JSON.stringify(field.default)}`).join(', ')} },`,
  )}}\n`,
  `/** The schemas, each standing alone as the registry gets it. */\nexport const schemas: { readonly [Name in keyof Records]: string } = {\n${names
    .map(name => `  '${name}': ${JSON.stringify(JSON.stringify(bundle(recordOf.get(name)!, files)))},\n`)
    .join('')}}\n`,
].join('\n')

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error(`${fileURLToPath(target)} differs from schemas/*.avsc: run \`pnpm generate\` and commit the result`)
    process.exit(1)
  }
} else {
  writeFileSync(target, text)
  // The pages of topics show the schemas.
  await import('../docs/write-topics.ts')
}
