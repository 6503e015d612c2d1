// A mapping file, held against the record schemas before anything is read with it: every problem at once, each with its
// place and the nearest right name.
import { nearest } from '@offerstream/catalogue'
import { codecOf } from '@offerstream/contracts'
import { currencyCodes, minorDigits } from './currencies.ts'
import {
  durationUnits,
  type FieldMapping,
  type Format,
  formats,
  type MappedSource,
  type Mapping,
  messageFields,
  moneyUnits,
  type RecordMapping,
  type Unit,
  volumeUnits,
} from './mapping.ts'
import { isZone, timeUnits } from './moments.ts'
import { type RecordName, recordNames, type Target, type TargetKind, targets } from './targets.ts'

/** Thrown with every problem, one a line. */
export class BadMapping extends Error {
  override name = 'BadMapping'
}

type Fields = Readonly<Record<string, unknown>>

const unitsOf: Readonly<Partial<Record<TargetKind, readonly Unit[]>>> = {
  moment: timeUnits,
  money: moneyUnits,
  volume: volumeUnits,
  duration: durationUnits,
}

/** Reads the text of a mapping file. Throws `BadMapping`. */
export function readMapping(text: string): Mapping {
  const problems: string[] = []
  const say = (where: string, what: string): void => void problems.push(where === '' ? what : `${where}: ${what}`)
  const mapping = createReader(say).mapping(parsed(text))
  if (problems.length > 0) throw new BadMapping(problems.join('\n'))
  return mapping
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new BadMapping(`a mapping is JSON, and this is not: ${(error as Error).message}`)
  }
}

/** A value as a message shows it, short; nested ones only by what they are, as they may be deeper than a stack. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null)
    return `an object with ${Object.keys(value).slice(0, 5).join(', ') || 'nothing'}`
  const text = value === undefined ? 'nothing' : typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

export const meant = (name: string, known: Iterable<string>): string => {
  const all = [...known]
  const near = nearest(name, all)
  return near === null ? `there are ${all.join(', ')}` : `did you mean ${near}?`
}

function createReader(say: (where: string, what: string) => void) {
  const fieldsOf = (value: unknown, where: string, known: readonly string[]): Fields => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      say(where, `wanted an object with ${known.join(', ')}, found ${shown(value)}`)
      return {}
    }
    for (const name of Object.keys(value))
      if (!known.includes(name)) say(where, `"${name}" is not known here; ${meant(name, known)}`)
    return value as Fields
  }
  const text = (value: unknown, where: string): string => {
    if (typeof value === 'string' && value !== '') return value
    say(where, `wanted a text, found ${shown(value)}`)
    return ''
  }
  const oneOf = <T extends string>(value: unknown, known: readonly T[], where: string): T => {
    if (known.includes(value as T)) return value as T
    say(
      where,
      `wanted ${known.join(', ')}, found ${shown(value)}${typeof value === 'string' ? `; ${meant(value, known)}` : ''}`,
    )
    return known[0]!
  }
  const list = (value: unknown, where: string): readonly unknown[] => {
    if (Array.isArray(value) && value.length > 0) return value
    say(where, `wanted a list with at least one entry, found ${shown(value)}`)
    return []
  }

  const field = (value: unknown, where: string, known: ReadonlyMap<string, Target>): FieldMapping | null => {
    const given = fieldsOf(value, where, ['to', 'from', 'constant', 'unit', 'zone', 'currency', 'values', 'otherwise'])
    const to = text(given['to'], `${where}.to`)
    const [name, ...entry] = to.split('.') as [string, ...string[]]
    const target = known.get(name)
    if (target === undefined) {
      if (to !== '') say(`${where}.to`, `"${to}" is no field of the record; ${meant(name, known.keys())}`)
      return null
    }
    const at = `${where} (to ${to})`
    if (target.kind === 'flags' ? entry.length === 0 : entry.length > 0)
      say(at, target.kind === 'flags' ? `name the entry, as ${name}.push` : `${name} has no entries`)
    const isConstant = 'constant' in given
    if (isConstant === 'from' in given) say(at, 'wanted either "from" or "constant"')
    const from = isConstant
      ? []
      : (Array.isArray(given['from']) ? given['from'] : [given['from']]).map((each, i) =>
          text(each, `${at}.from[${i}]`),
        )
    for (const each of from)
      if (each.startsWith('$') && !(messageFields as readonly string[]).includes(each))
        say(at, `"${each}" is nothing a message has beside its fields; ${meant(each, messageFields)}`)
    if (from.length > 1 && target.kind !== 'text') say(at, `only a text is joined of several fields, ${name} is none`)
    const units = unitsOf[target.kind]
    let unit: Unit | null = null
    if (units === undefined) {
      if ('unit' in given) say(at, `${name} has no unit`)
    } else if (!isConstant || 'unit' in given) {
      if (given['unit'] === undefined) say(at, `"unit" is missing: one of ${units.join(', ')}`)
      else unit = oneOf(given['unit'], units, `${at}.unit`)
    }
    const zone = given['zone'] === undefined ? null : text(given['zone'], `${at}.zone`)
    if (zone !== null && unit !== 'iso') say(at, '"zone" is for the unit iso only')
    else if (zone !== null && zone !== '' && !isZone(zone)) say(`${at}.zone`, `"${zone}" is no IANA time zone`)
    const currency = given['currency'] === undefined ? null : text(given['currency'], `${at}.currency`)
    if (currency !== null && target.kind !== 'money') say(at, `"currency" is for amounts only`)
    else if (currency) checkCurrency(currency, `${at}.currency`)
    let values: Fields | null = null
    if (given['values'] !== undefined) {
      values = given['values'] as Fields
      if (typeof values !== 'object' || values === null || Array.isArray(values)) {
        say(`${at}.values`, `wanted an object from what is there to what it means, found ${shown(values)}`)
        values = null
      }
    }
    const outcomes: [string, unknown][] =
      values === null ? [] : Object.entries(values).map(([key, value]) => [`values.${key}`, value])
    if ('otherwise' in given) {
      if (values === null) say(at, '"otherwise" goes with "values"')
      outcomes.push(['otherwise', given['otherwise']])
    }
    if (isConstant) outcomes.push(['constant', given['constant']])
    for (const [place, outcome] of outcomes) checkOutcome(outcome, target, `${at}.${place}`)
    if (isConstant && name === 'id')
      say(at, 'one id for every message would make them all one event; name the fields it follows from')
    return {
      to,
      kind: target.kind,
      from,
      constant: given['constant'],
      unit,
      zone,
      currency,
      values,
      otherwise: given['otherwise'] ?? null,
    }
  }

  const checkCurrency = (code: string, where: string): void => {
    if (minorDigits(code) === null) say(where, `"${code}" is no ISO 4217 currency; ${meant(code, near(code))}`)
  }
  /** What a mapping itself says a value is must be one the field can hold. */
  const checkOutcome = (value: unknown, target: Target, where: string): void => {
    if (value === null && !target.required) return
    switch (target.kind) {
      case 'choice':
        oneOf(value, target.choices, where)
        return
      case 'flag':
      case 'flags':
        if (typeof value !== 'boolean') say(where, `wanted true or false, found ${shown(value)}`)
        return
      case 'text':
        if (typeof value !== 'string') say(where, `wanted a text, found ${shown(value)}`)
        else if (target.name === 'currency') checkCurrency(value, where)
        return
      case 'texts':
        say(where, `${target.name} is a list and takes no fixed value`)
        return
      default:
        if (!Number.isSafeInteger(value)) say(where, `wanted a whole number, found ${shown(value)}`)
        else if (Math.abs(value as number) > target.most) say(where, `${value} is more than the field holds`)
    }
  }

  const record = (value: unknown, where: string): RecordMapping => {
    const given = fieldsOf(value, where, ['record', 'when', 'fields'])
    const name: RecordName = oneOf(given['record'], recordNames, `${where}.record`)
    const known = targets[name]
    let when: RecordMapping['when'] = null
    if (given['when'] !== undefined) {
      const asked = fieldsOf(given['when'], `${where}.when`, ['field', 'is'])
      when = {
        field: text(asked['field'], `${where}.when.field`),
        is: (Array.isArray(asked['is']) ? asked['is'] : [asked['is']]).map((each, i) => {
          if (typeof each !== 'string' && typeof each !== 'number' && typeof each !== 'boolean')
            say(`${where}.when.is[${i}]`, `wanted a value, found ${shown(each)}`)
          return String(each)
        }),
      }
    }
    const fields = list(given['fields'], `${where}.fields`).flatMap(
      (each, i) => field(each, `${where}.fields[${i}]`, known) ?? [],
    )
    const by = new Map<string, FieldMapping>()
    for (const each of fields) {
      const other = by.get(each.to)
      if (other !== undefined) say(where, `two fields give "${each.to}": ${source(other)} and ${source(each)}`)
      by.set(each.to, each)
    }
    for (const target of known.values())
      if (target.required && !by.has(target.name))
        say(where, `nothing gives "${target.name}", which every ${name} needs`)
    for (const each of fields)
      if (each.unit === 'major' && each.currency === null && !by.has('currency'))
        say(
          where,
          `${each.to} is in major units, so its currency must be known: map "currency", or give one beside the unit`,
        )
    return { record: name, when, fields }
  }

  const source_ = (value: unknown, where: string): MappedSource => {
    const given = fieldsOf(value, where, ['topic', 'file', 'format', 'schema', 'records'])
    const kind = 'file' in given ? 'file' : 'topic'
    if ('file' in given && 'topic' in given) say(where, 'wanted either "topic" or "file"')
    const name = text(given[kind], `${where}.${kind}`)
    let format: Format = { kind: 'json' }
    if (kind === 'file') {
      if ('format' in given) say(where, 'a file tells its own format')
    } else {
      const chosen = oneOf(given['format'], formats, `${where}.format`)
      const schema = given['schema']
      if ((chosen === 'avro-plain') !== (schema !== undefined))
        say(where, '"schema" goes with the format avro-plain, and that format with a schema')
      if (chosen === 'avro-plain') {
        format = { kind: chosen, schema: JSON.stringify(schema ?? 'null') }
        const wrong = schemaProblem(format.schema)
        if (wrong !== null) say(`${where}.schema`, wrong)
      } else format = { kind: chosen }
    }
    const records = list(given['records'], `${where}.records`).map((each, i) => record(each, `${where}.records[${i}]`))
    const always = records.findIndex(({ when }) => when === null)
    if (always >= 0 && always < records.length - 1)
      say(where, `records[${always}] has no "when" and takes every message, so what follows it takes none`)
    return { name, kind, format, records }
  }

  return {
    mapping(value: unknown): Mapping {
      const given = fieldsOf(value, '', ['company', 'sources'])
      const company = text(given['company'], 'company')
      const sources = list(given['sources'], 'sources').map((each, i) => source_(each, `sources[${i}]`))
      const names = sources.map(({ name }) => name)
      for (const name of new Set(names.filter((each, i) => each !== '' && names.indexOf(each) !== i)))
        say('sources', `"${name}" is there twice; give one source several records`)
      return { company, sources }
    },
  }
}

function schemaProblem(schema: string): string | null {
  try {
    codecOf(schema)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

const source = ({ from, constant }: FieldMapping): string =>
  from.length === 0 ? `the constant ${shown(constant)}` : from.join(' and ')

/** Of all currencies those that share a letter's place with the code, so that a message need not list them all. */
const near = (code: string): readonly string[] => {
  const upper = code.toUpperCase()
  const alike = currencyCodes.filter(each => [...each].filter((letter, i) => letter === upper[i]).length >= 2)
  return alike.length > 0 ? alike : ['EUR', 'USD', 'GBP']
}
