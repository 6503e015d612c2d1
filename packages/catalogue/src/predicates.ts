import {
  type CatalogueItem,
  type CustomerFacts,
  type Predicate,
  type PredicateSubject,
  type Rule,
  schemas,
} from '@offerstream/contracts'
import { nearest } from './nearest.ts'

type FieldType = 'number' | 'text'

/** Fields a predicate may name, by subject; those of items and customers come from the schemas. */
export const predicateFields = (
  features: readonly string[],
): Record<PredicateSubject, ReadonlyMap<string, FieldType>> => ({
  feature: new Map(features.map(name => [name, 'number'])),
  item: itemFields,
  customer: customerFields,
})

/** True where every predicate holds. A value that is missing holds in no comparison. */
export type CompiledRule = (item: CatalogueItem, facts: CustomerFacts, vector: ArrayLike<number>) => boolean

/** Throws naming what is wrong; `checkRecord` says the same at the door. */
export function compileRule(rule: Rule, features: readonly string[]): CompiledRule {
  const problems = rule.when.flatMap(predicate => problemsOf(predicate, features))
  if (problems.length > 0) throw new Error(`rule ${rule.name}: ${problems.join('; ')}`)
  const tests = rule.when.map(predicate => compilePredicate(predicate, features))
  return (item, facts, vector) => {
    for (const test of tests) if (!test(item, facts, vector)) return false
    return true
  }
}

/** What is wrong with a predicate, empty where nothing is. */
export function problemsOf(predicate: Predicate, features: readonly string[]): string[] {
  const fields = predicateFields(features)[predicate.subject]
  const type = fields.get(predicate.field)
  if (type === undefined) {
    const like = nearest(predicate.field, fields.keys())
    return [`unknown ${predicate.subject} ${predicate.field}${like === null ? '' : `, nearest is ${like}`}`]
  }
  if (type === 'number')
    return predicate.number === null || !Number.isFinite(predicate.number) || predicate.text !== null
      ? [`${predicate.field} is compared with a number, and only with one`]
      : []
  if (predicate.text === null || predicate.number !== null)
    return [`${predicate.field} is compared with a text, and only with one`]
  return predicate.operator === 'eq' || predicate.operator === 'ne'
    ? []
    : [`${predicate.field} is a text: eq or ne, not ${predicate.operator}`]
}

function compilePredicate(predicate: Predicate, features: readonly string[]): CompiledRule {
  const { field, subject } = predicate
  const wanted = predicate.number ?? predicate.text!
  const compare = operators[predicate.operator]
  if (subject === 'feature') {
    const index = features.indexOf(field)
    return (_item, _facts, vector) => compare(vector[index]!, wanted)
  }
  return (item, facts) => {
    const value = (subject === 'item' ? item : facts)[field as never] as number | string | boolean | null
    if (value === null) return false
    return compare(typeof value === 'boolean' ? Number(value) : value, wanted)
  }
}

type Comparable = number | string
const isMissing = (value: Comparable): boolean => Number.isNaN(value)
const operators: Record<Predicate['operator'], (value: Comparable, wanted: Comparable) => boolean> = {
  lt: (value, wanted) => value < wanted,
  le: (value, wanted) => value <= wanted,
  eq: (value, wanted) => value === wanted,
  ne: (value, wanted) => value !== wanted && !isMissing(value),
  ge: (value, wanted) => value >= wanted,
  gt: (value, wanted) => value > wanted,
}

type Schema = { readonly name?: string; readonly type: unknown; readonly fields?: readonly SchemaField[] }
type SchemaField = { readonly name: string; readonly type: unknown }

/** Scalar fields of a record nested anywhere in a schema; a boolean compares as 0 or 1, an enum as its symbol. */
function scalarFields(schema: string, record: string): ReadonlyMap<string, FieldType> {
  const fields = new Map<string, FieldType>()
  const find = (node: unknown): Schema | undefined => {
    if (Array.isArray(node)) return node.reduce<Schema | undefined>((found, each) => found ?? find(each), undefined)
    if (typeof node !== 'object' || node === null) return undefined
    if ((node as Schema).name === record) return node as Schema
    for (const value of Object.values(node)) {
      const found = find(value)
      if (found !== undefined) return found
    }
    return undefined
  }
  for (const field of find(JSON.parse(schema))!.fields!) {
    const type = scalarType(field.type)
    if (type !== undefined && field.name !== 'type') fields.set(field.name, type)
  }
  return fields
}

function scalarType(type: unknown): FieldType | undefined {
  if (Array.isArray(type)) return scalarType(type.find(branch => branch !== 'null'))
  if (typeof type === 'object' && type !== null) {
    const inner = (type as Schema).type
    return inner === 'enum' ? 'text' : inner === 'array' || inner === 'map' ? undefined : scalarType(inner)
  }
  if (type === 'string') return 'text'
  return type === 'int' || type === 'long' || type === 'float' || type === 'double' || type === 'boolean'
    ? 'number'
    : undefined
}

const itemFields = scalarFields(schemas.playbook, 'CatalogueItem')
const customerFields = scalarFields(schemas['feature-update'], 'CustomerFacts')
