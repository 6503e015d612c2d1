// Marketing's rules as data: typed comparisons and groups of them, no code and no regular expressions. A value that is
// missing makes neither a comparison nor its opposite hold, so that a rule never refuses for what nobody knows, unless it
// asks for `missing`. Negation is therefore pushed down to the comparisons when a rule is compiled.
import {
  type CatalogueItem,
  type CustomerFacts,
  type Predicate,
  type PredicateOperator,
  type PredicateSubject,
  type Rule,
  schemas,
  type Trigger,
} from '@offerstream/contracts'
import { like } from './nearest.ts'

/** Where the customer is. */
export type LocalTime = {
  /** 0 to 23. */
  readonly hour: number
  /** 1 is Monday, 7 Sunday. */
  readonly weekday: number
}

/** What a rule may ask about beside the item. */
export type Asking = {
  readonly facts: CustomerFacts
  /** Feature values in the order of the list; missing is NaN. */
  readonly vector: ArrayLike<number>
  readonly trigger: Trigger
  readonly local: LocalTime
  /** What models of customers say of this one, by the model's name. Null before they were asked: rules that ask for one then wait. */
  readonly scores: ReadonlyMap<string, number> | null
}

/** Holds where both parts do: what asks nothing of the item is asked once for all of a decision's candidates. */
export type CompiledRule = {
  concerns(asking: Asking): boolean
  holdsFor(item: CatalogueItem, asking: Asking): boolean
}

/** Throws naming what is wrong; `checkRecord` says the same at the door. */
export function compileRule(rule: Rule, features: readonly string[]): CompiledRule {
  const problems = ruleProblems(rule.when, features)
  if (problems.length > 0) throw new Error(`rule ${rule.name}: ${problems.join('; ')}`)
  const { about = [], beside = [] } = Object.groupBy(rule.when, each => (asks(each, 'item') ? 'about' : 'beside'))
  const concerns = every(beside.map(predicate => compile(predicate, features, false)))
  const holdsFor = every(about.map(predicate => compile(predicate, features, false)))
  return { concerns: asking => concerns(noItem, asking), holdsFor }
}

const noItem = {} as CatalogueItem

/** True only where a rule holds whoever the customer is and whatever the trigger. */
export function compileForAnybody(rule: Rule): (item: CatalogueItem, local: LocalTime) => boolean {
  const holds = every(rule.when.map(predicate => compile(predicate, null, false)))
  return (item, local) => holds(item, { local } as Asking)
}

/** Whether a rule asks for the customer's local time. */
export const asksForTime = (rule: Rule): boolean => rule.when.some(predicate => asks(predicate, 'time'))

/** Whether a rule asks what a model says of the customer. */
export const asksForScore = (rule: Rule): boolean => rule.when.some(predicate => asks(predicate, 'score'))

const asks = (predicate: Predicate, subject: PredicateSubject): boolean =>
  predicate.subject === subject || predicate.of.some(member => asks(member, subject))

const mostPredicates = 100
const deepest = 8

/**
 * What is wrong with a rule's predicates, empty where nothing is. `items` and `models` are the names there are, where they
 * are known.
 */
export function ruleProblems(
  when: readonly Predicate[],
  features: readonly string[],
  items: Iterable<string> | null = null,
  models: Iterable<string> | null = null,
): string[] {
  const known: Known = { features, items: items && new Set(items), models: models && new Set(models) }
  const problems: string[] = []
  let count = 0
  const visit = (predicate: Predicate, depth: number): void => {
    if (++count > mostPredicates || depth > deepest) return
    problems.push(...(predicate.subject === 'group' ? groupProblems(predicate) : comparisonProblems(predicate, known)))
    if (depth === deepest && predicate.of.length > 0) problems.push(`groups are nested deeper than ${deepest}`)
    for (const member of predicate.of) visit(member, depth + 1)
  }
  for (const predicate of when) visit(predicate, 1)
  if (count > mostPredicates) problems.push(`it has more than ${mostPredicates} predicates`)
  return [...new Set(problems)]
}

/** Names a comparison may use, null where any. */
type Known = {
  readonly features: readonly string[]
  readonly items: ReadonlySet<string> | null
  readonly models: ReadonlySet<string> | null
}

const groups: readonly PredicateOperator[] = ['all', 'any', 'none']
const isGroup = (operator: PredicateOperator): boolean => groups.includes(operator)

function groupProblems({ operator, of, field, number, text, numbers, texts }: Predicate): string[] {
  if (!isGroup(operator))
    return [
      `subject is missing for ${field === '' ? 'a comparison' : field}, wanted ${Object.keys(fixedFields).join(', ')}, score or feature`,
    ]
  if (of.length === 0) return [`${operator} has no members: of is empty`]
  return field !== '' || number !== null || text !== null || numbers.length + texts.length > 0
    ? [`${operator} is a group: it has members and nothing else`]
    : []
}

function comparisonProblems(predicate: Predicate, names: Known): string[] {
  const { subject, field, operator, number, text, numbers, texts, of } = predicate
  if (isGroup(operator)) return [`${operator} is for groups: subject is ${subject}, wanted group`]
  const fields = fieldsOf(subject, names)
  const known = subject === 'score' && names.models === null ? aScore : fields.get(field)
  if (known === undefined)
    return [`unknown ${subject === 'score' ? 'model' : subject} ${field}${like(field, fields.keys())}`]
  if (of.length > 0) return [`${field} is compared: of is for groups`]
  const given = (number === null ? 0 : 1) + (text === null ? 0 : 1) + numbers.length + texts.length
  if (operator === 'missing')
    return given > 0
      ? [`${field} is asked for missing: no value, please`]
      : known.always
        ? [`${field} is never missing`]
        : []
  const listed = operator === 'in' || operator === 'not_in'
  if (known.type === 'text' && !listed && operator !== 'eq' && operator !== 'ne')
    return [`${field} is a text: eq, ne, in, not_in or missing, not ${operator}`]
  const values: readonly (number | string)[] = listed
    ? known.type === 'number'
      ? numbers
      : texts
    : [(known.type === 'number' ? number : text) ?? []].flat()
  if (
    values.length === 0 ||
    values.length !== given ||
    values.some(value => Number.isNaN(Number(value)) && known.type === 'number')
  )
    return [
      listed
        ? `${field} with ${operator} wants ${known.type === 'number' ? 'numbers' : 'texts'}, at least one, and nothing else`
        : `${field} is compared with a ${known.type}, and only with one`,
    ]
  return values.flatMap(value => valueProblems(subject, field, value, known, names.items))
}

function valueProblems(
  subject: PredicateSubject,
  field: string,
  value: number | string,
  { least, most, symbols }: Field,
  items: ReadonlySet<string> | null,
): string[] {
  if (typeof value === 'number')
    return Number.isFinite(value) && value >= least && value <= most
      ? []
      : [`${field} is compared with ${value}, wanted ${Number.isFinite(least) ? `${least} to ${most}` : 'a number'}`]
  if (symbols !== null && !symbols.includes(value)) return [`${field} is never ${value}${like(value, symbols)}`]
  if (subject === 'item' && field === 'name' && items !== null && !items.has(value))
    return [`item ${value} is unknown${like(value, items)}`]
  return []
}

type Test = (item: CatalogueItem, asking: Asking) => boolean

const every =
  (tests: readonly Test[]): Test =>
  (item, asking) => {
    for (const test of tests) if (!test(item, asking)) return false
    return true
  }

const some =
  (tests: readonly Test[]): Test =>
  (item, asking) => {
    for (const test of tests) if (test(item, asking)) return true
    return false
  }

const never: Test = () => false

/** Without `features` nothing is known of customer and trigger: what asks about them does not hold for certain. */
function compile(predicate: Predicate, features: readonly string[] | null, negated: boolean): Test {
  const { subject, operator, of } = predicate
  if (subject === 'group') {
    const members = of.map(member => compile(member, features, negated !== (operator === 'none')))
    return (operator === 'any') === negated ? every(members) : some(members)
  }
  if (features === null && subject !== 'item' && subject !== 'time') return never
  const test = testOf(predicate, negated ? opposites[operator as Comparison] : (operator as Comparison))
  const { field } = predicate
  switch (subject) {
    case 'feature': {
      const index = features!.indexOf(field)
      return (_item, { vector }) => test(vector[index]!)
    }
    case 'score':
      return (_item, { scores }) => test(scores?.get(field) ?? null)
    case 'time': {
      const part = field as keyof LocalTime
      return (_item, { local }) => test(local[part])
    }
    case 'trigger': {
      const part = field as 'kind'
      return (_item, { trigger }) => test(trigger[part])
    }
    case 'item': {
      const part = field as 'name'
      return item => test(item[part])
    }
    case 'customer': {
      const part = field as 'plan'
      return (_item, { facts }) => test(facts[part])
    }
  }
}

type Comparison = Exclude<PredicateOperator, 'all' | 'any' | 'none'> | 'known'

const opposites: Readonly<Record<Comparison, Comparison>> = {
  lt: 'ge',
  ge: 'lt',
  le: 'gt',
  gt: 'le',
  eq: 'ne',
  ne: 'eq',
  in: 'not_in',
  not_in: 'in',
  missing: 'known',
  known: 'missing',
}

type Value = number | string | boolean | null
const isKnown = (value: Value): boolean => value !== null && !Number.isNaN(value)
/** A boolean is compared as 0 or 1. */
const plain = (value: Value): number | string | null => (typeof value === 'boolean' ? Number(value) : value)

function testOf({ number, text, numbers, texts }: Predicate, comparison: Comparison): (value: Value) => boolean {
  const wanted = (number ?? text)!
  const list = new Set<Value>(numbers.length > 0 ? numbers : texts)
  switch (comparison) {
    case 'lt':
      return value => value !== null && plain(value)! < wanted
    case 'le':
      return value => value !== null && plain(value)! <= wanted
    case 'ge':
      return value => value !== null && plain(value)! >= wanted
    case 'gt':
      return value => value !== null && plain(value)! > wanted
    case 'eq':
      return value => plain(value) === wanted
    case 'ne':
      return value => isKnown(value) && plain(value) !== wanted
    case 'in':
      return value => list.has(plain(value))
    case 'not_in':
      return value => isKnown(value) && !list.has(plain(value))
    case 'missing':
      return value => !isKnown(value)
    case 'known':
      return isKnown
  }
}

type Field = {
  readonly type: 'number' | 'text'
  readonly least: number
  readonly most: number
  /** The only texts it may be, null for any. */
  readonly symbols: readonly string[] | null
  /** Never missing. */
  readonly always: boolean
}

const anyNumber: Field = { type: 'number', least: -Infinity, most: Infinity, symbols: null, always: false }
const aScore: Field = { ...anyNumber, least: 0, most: 1 }
const anyText: Field = { ...anyNumber, type: 'text' }

type SchemaNode = { readonly name?: string; readonly type: unknown; readonly symbols?: readonly string[] }
type SchemaRecord = { readonly fields: readonly (SchemaNode & { readonly name: string })[] }

/** Scalar fields of a record nested anywhere in a schema; a boolean compares as 0 or 1, an enum as its symbol. */
function scalarFields(schema: string, record: string): ReadonlyMap<string, Field> {
  const fields = new Map<string, Field>()
  const find = (node: unknown): SchemaRecord | undefined => {
    if (Array.isArray(node))
      return node.reduce<SchemaRecord | undefined>((found, each) => found ?? find(each), undefined)
    if (typeof node !== 'object' || node === null) return undefined
    if ((node as SchemaNode).name === record) return node as SchemaRecord
    for (const value of Object.values(node)) {
      const found = find(value)
      if (found !== undefined) return found
    }
    return undefined
  }
  for (const { name, type } of find(JSON.parse(schema))!.fields) {
    const field = scalar(type)
    if (field !== null && name !== 'type') fields.set(name, field)
  }
  return fields
}

function scalar(type: unknown): Field | null {
  if (Array.isArray(type)) {
    const field = scalar(type.find(branch => branch !== 'null'))
    return field === null ? null : { ...field, always: false }
  }
  if (typeof type === 'object' && type !== null) {
    const { type: inner, symbols } = type as SchemaNode
    if (inner === 'enum') return { ...anyText, symbols: symbols!, always: true }
    return inner === 'array' || inner === 'map' || inner === 'record' ? null : scalar(inner)
  }
  if (type === 'boolean') return { ...anyNumber, least: 0, most: 1, always: true }
  if (type === 'string') return { ...anyText, always: true }
  return type === 'int' || type === 'long' || type === 'float' || type === 'double'
    ? { ...anyNumber, always: true }
    : null
}

const fixedFields: Readonly<
  Record<Exclude<PredicateSubject, 'feature' | 'score' | 'group'>, ReadonlyMap<string, Field>>
> = {
  item: scalarFields(schemas.playbook, 'CatalogueItem'),
  customer: scalarFields(schemas['feature-update'], 'CustomerFacts'),
  trigger: new Map([
    ['kind', { ...anyText, always: true }],
    ['event', { ...anyText, always: true }],
  ]),
  time: new Map([
    ['hour', { ...anyNumber, least: 0, most: 23, always: true }],
    ['weekday', { ...anyNumber, least: 1, most: 7, always: true }],
  ]),
}

function fieldsOf(subject: PredicateSubject, { features, models }: Known): ReadonlyMap<string, Field> {
  if (subject === 'group') return new Map()
  if (subject === 'score') return new Map([...(models ?? [])].map(name => [name, aScore]))
  return subject === 'feature' ? new Map(features.map(name => [name, anyNumber])) : fixedFields[subject]
}
