// A playbook record from JSON, by its Avro schema: what is left out gets its default, whatever is wrong is named.
import { type PlaybookRecord, schemas } from '@offerstream/contracts'
import { like } from './nearest.ts'

export type Parsed = { readonly record: PlaybookRecord } | { readonly problems: readonly string[] }

/**
 * Reads one record, given as `{ at, body }` or as the body alone; `at`, milliseconds, stands in where it has none. Moments
 * may be ISO 8601 texts. What it says is not looked at: that is what `checkRecord` is for.
 */
export function parseRecord(value: unknown, at: number): Parsed {
  const given = isObject(value) && 'body' in value ? value : { body: value }
  const body = given['body']
  if (!isObject(body)) return { problems: [`a record is ${shown(body)}, wanted an object`] }
  const unknown = Object.keys(given).filter(key => key !== 'at' && key !== 'body')
  if (unknown.length > 0) return { problems: [`${unknown[0]} is unknown, wanted at and body`] }
  const { type, name } = body
  const schema = bodies.get(type as string)
  if (schema === undefined) {
    const found = type === undefined ? 'type is missing' : `type is ${shown(type)}`
    return {
      problems: [
        `${found}, wanted ${oneOf(bodies.keys())}${typeof type === 'string' ? like(type, bodies.keys()) : ''}`,
      ],
    }
  }
  const problems: string[] = []
  const record = {
    at: 'at' in given ? readMoment(given['at'], 'at', problems) : at,
    body: readRecord(schema, body, '', problems),
  }
  return problems.length > 0
    ? { problems: problems.map(problem => `${type} ${typeof name === 'string' ? name : '?'}: ${problem}`) }
    : { record: record as PlaybookRecord }
}

type Schema = string | readonly Schema[] | Named
type Named = {
  readonly type: string | Named
  readonly name?: string
  readonly logicalType?: string
  readonly symbols?: readonly string[]
  readonly items?: Schema
  readonly values?: Schema
  readonly fields?: readonly { readonly name: string; readonly type: Schema; readonly default?: unknown }[]
}
type Read = (schema: Schema, value: unknown, path: string, problems: string[]) => unknown

const named = new Map<string, Named>()
const playbook = JSON.parse(schemas.playbook) as Named
learn(playbook)
const union = playbook.fields!.find(field => field.name === 'body')!.type as readonly Named[]
/** The schema of each kind of record. */
const bodies = new Map(
  union.map(schema => [(schema.fields!.find(field => field.name === 'type')!.type as Named).symbols![0]!, schema]),
)

function learn(schema: unknown): void {
  if (typeof schema !== 'object' || schema === null) return
  const { name, type } = schema as Named
  if (name !== undefined && (type === 'record' || type === 'enum')) named.set(name, schema as Named)
  for (const part of Object.values(schema)) learn(part)
}

const read: Read = (schema, value, path, problems) => {
  if (Array.isArray(schema)) {
    if (value === null && schema.includes('null')) return null
    return read(schema.find(branch => branch !== 'null')!, value, path, problems)
  }
  const whole: Named = typeof schema === 'string' ? (named.get(schema) ?? { type: schema }) : (schema as Named)
  const wrong = (wanted: string): undefined => {
    problems.push(`${path} is ${shown(value)}, wanted ${wanted}`)
  }
  if (typeof whole.type !== 'string') return read(whole.type, value, path, problems)
  switch (whole.type) {
    case 'record':
      return isObject(value) ? readRecord(whole, value, `${path}.`, problems) : wrong('an object')
    case 'enum':
      if (whole.symbols!.includes(value as string)) return value
      return wrong(`${oneOf(whole.symbols!)}${typeof value === 'string' ? like(value, whole.symbols!) : ''}`)
    case 'array':
      if (!Array.isArray(value)) return wrong('a list')
      return value.map((each, index) => read(whole.items!, each, `${path}[${index}]`, problems))
    case 'map':
      if (!isObject(value)) return wrong('an object')
      return Object.fromEntries(
        Object.entries(value).map(([key, each]) => [key, read(whole.values!, each, `${path}.${key}`, problems)]),
      )
    case 'int':
    case 'long':
      if (whole.logicalType === 'timestamp-millis') return readMoment(value, path, problems)
      if (!Number.isSafeInteger(value) || (whole.type === 'int' && Math.abs(value as number) >= 2 ** 31))
        return wrong('a whole number')
      return value
    case 'float':
    case 'double':
      return Number.isFinite(value) ? value : wrong('a number')
    case 'boolean':
      return typeof value === 'boolean' ? value : wrong('true or false')
    default:
      return typeof value === 'string' ? value : wrong('a text')
  }
}

function readRecord(
  schema: Named,
  value: Readonly<Record<string, unknown>>,
  path: string,
  problems: string[],
): Record<string, unknown> {
  const fields = schema.fields!
  const names = fields.map(field => field.name)
  for (const key of Object.keys(value))
    if (!names.includes(key)) problems.push(`${path}${key} is unknown${like(key, names)}`)
  return Object.fromEntries(
    fields.map(field => {
      if (value[field.name] !== undefined)
        return [field.name, read(field.type, value[field.name], path + field.name, problems)]
      if (field.default === undefined) problems.push(`${path}${field.name} is missing`)
      return [field.name, structuredClone(field.default)]
    }),
  )
}

function readMoment(value: unknown, path: string, problems: string[]): number {
  const at = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}/.test(value) ? Date.parse(value) : value
  if (Number.isSafeInteger(at)) return at as number
  problems.push(`${path} is ${shown(value)}, wanted a moment like 2026-03-02T09:00:00Z, or milliseconds`)
  return 0
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const oneOf = (names: Iterable<string>): string => [...names].join(', ').replace(/, ([^,]*)$/, ' or $1')

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'missing')
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
