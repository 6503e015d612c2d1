// One message of a source to one record of the contract, or why not.

import { nearest } from '@offerstream/catalogue'
import type { Records } from '@offerstream/contracts'
import { minorDigits } from './currencies.ts'
import type { FieldMapping, MappedSource, RecordMapping, Unit } from './mapping.ts'
import { momentOf, numberOf, type TimeUnit, timeUnits } from './moments.ts'
import { shown } from './read-mapping.ts'
import { type RecordName, type Target, targets } from './targets.ts'

export type MappedEvent = Records[RecordName]

export type Message = {
  /** As decoded: objects, lists, texts, numbers. */
  readonly value: unknown
  readonly key: string | null
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/** Reasons are short and fixed, `<field>-<problem>`, as they are counted; the detail is for people. */
export type Mapped =
  | { readonly kind: 'record'; readonly event: MappedEvent }
  | { readonly kind: 'skip'; readonly reason: 'not-mapped' }
  | { readonly kind: 'refuse'; readonly reason: string; readonly detail: string }

export type Mapper = (message: Message) => Mapped

/** Compiles a source's mapping, which must have passed `readMapping`. Pure: the same message is always the same event. */
export function createMapper(source: Pick<MappedSource, 'records'>): Mapper {
  const builders = source.records.map(createBuilder)
  return message => {
    if (typeof message.value !== 'object' || message.value === null || Array.isArray(message.value))
      return { kind: 'refuse', reason: 'not-an-object', detail: `wanted an object, found ${shown(message.value)}` }
    for (const { fits, build } of builders) if (fits(message)) return build(message)
    return { kind: 'skip', reason: 'not-mapped' }
  }
}

class Unreadable extends Error {
  readonly problem: string
  constructor(problem: string, detail: string) {
    super(detail)
    this.problem = problem
  }
}

function createBuilder({ record, when, fields }: RecordMapping): {
  fits(message: Message): boolean
  build(message: Message): Mapped
} {
  const known = targets[record]
  const given = new Map(fields.map(field => [field.to, field]))
  const plain = [...known.values()]
    .filter(({ kind }) => kind !== 'flags')
    // Amounts last: what a major unit is worth depends on the currency.
    .sort((a, b) => Number(a.kind === 'money') - Number(b.kind === 'money'))
  const flags = [...known.values()].filter(({ kind }) => kind === 'flags')
  const type = record.replaceAll('-', '_')
  const asked = when === null ? null : pathOf(when.field)
  return {
    fits: message => {
      if (asked === null) return true
      const text = plainText(asked(message))
      return text !== null && when!.is.includes(text)
    },
    build(message) {
      const event: Record<string, unknown> = { type }
      let at: FieldMapping | undefined
      try {
        for (const target of plain) {
          at = given.get(target.name)
          event[target.name] = at === undefined ? target.fallback : contractValue(at, target, message, event)
        }
        for (const target of flags) {
          const entries: Record<string, boolean> = { ...(target.fallback as Record<string, boolean>) }
          for (const field of fields) {
            if (!field.to.startsWith(`${target.name}.`)) continue
            at = field
            const value = contractValue(
              field,
              { ...target, kind: 'flag', fallback: undefined, required: false },
              message,
              event,
            )
            if (typeof value === 'boolean') entries[field.to.slice(target.name.length + 1)] = value
          }
          event[target.name] = entries
        }
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error
        return {
          kind: 'refuse',
          reason: `${at!.to}-${error.problem}`,
          detail: `${at!.to} from ${at!.from.join(' and ')}: ${error.message}`,
        }
      }
      return { kind: 'record', event: event as MappedEvent }
    },
  }
}

/** What a field of the mapping reads, in the contract's unit. */
function contractValue(
  field: FieldMapping,
  target: Target,
  message: Message,
  event: Readonly<Record<string, unknown>>,
): unknown {
  if (field.from.length === 0) return field.constant ?? target.fallback
  const found = field.from.length === 1 ? valueAt(field.from[0]!, message) : joined(field.from, message)
  const translation = translated(field, found)
  if (translation !== null) return translation.to ?? target.fallback
  if (found === undefined || found === null || found === '') {
    if (!target.required) return target.fallback
    throw new Unreadable('missing', absent(field.from, message))
  }
  switch (target.kind) {
    case 'text':
      return textOf(found, target.name)
    case 'choice':
      if (target.choices.includes(found as string)) return found
      throw new Unreadable(
        'unknown',
        `${shown(found)} is none of ${target.choices.join(', ')}; say what it means under "values"${alike(plainText(found) ?? '', target.choices)}`,
      )
    case 'flag':
      return flagOf(found)
    case 'texts':
      return textsOf(found)
    case 'moment': {
      const moment = momentOf(found, field.unit as TimeUnit, field.zone)
      if (typeof moment === 'number') return moment
      throw new Unreadable(moment, aboutTime(found, field, moment))
    }
    default:
      return wholeOf(numeric(found), scaleOf(field, target, event), target)
  }
}

/** What the mapping itself says of a value, in the contract's terms; null where it says nothing. */
function translated({ values, otherwise }: FieldMapping, found: unknown): { readonly to: unknown } | null {
  const key = plainText(found)
  if (values === null || key === null) return null
  if (Object.hasOwn(values, key)) return { to: values[key] }
  return otherwise === null ? null : { to: otherwise }
}

function textOf(value: unknown, name: string): string {
  const text = plainText(value)
  if (text === null) throw new Unreadable('not-a-text', `found ${shown(value)}; name the field inside it, with a dot`)
  // Two numbers that JSON cannot tell apart would be one id.
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new Unreadable('not-exact', `${text} is too large a number to be read exactly; send it as a text`)
  if (name === 'currency' && minorDigits(text) === null)
    throw new Unreadable('unknown', `${shown(text)} is no ISO 4217 currency`)
  return text
}

/** A text, number or flag as text, null for anything nested. */
const plainText = (value: unknown): string | null =>
  typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : null

const flagTexts: Readonly<Record<string, boolean>> = { true: true, false: false, '1': true, '0': false }

function flagOf(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  const known = flagTexts[plainText(value)?.toLowerCase() ?? '']
  if (known !== undefined) return known
  throw new Unreadable('not-a-flag', `${shown(value)} is neither true nor false; say what it means under "values"`)
}

function textsOf(value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every(each => typeof each === 'string')) return value
  if (typeof value === 'string') return [value]
  throw new Unreadable('not-a-list', `wanted a list of texts, found ${shown(value)}`)
}

function numeric(value: unknown): number {
  const number = numberOf(value)
  if (number === null) throw new Unreadable('not-a-number', `wanted a number, found ${shown(value)}`)
  return number
}

/** Whole units of the contract; a half is rounded away from zero. Decimal fractions such as 0.29 × 100 come out exact. */
function wholeOf(number: number, scale: number, { most }: Target): number {
  const exact = Number((Math.abs(number) * scale).toPrecision(15))
  const whole = Math.sign(number) * Math.round(exact)
  if (Math.abs(whole) > most) throw new Unreadable('too-large', `${number} is more than the field holds`)
  return whole === 0 ? 0 : whole
}

/** How many units of the contract one unit of the source is; kilobytes are 1,024 bytes. */
const scales: Readonly<Record<string, number>> = {
  bytes: 1 / 1024,
  KB: 1,
  MB: 1024,
  GB: 1024 * 1024,
  milliseconds: 1 / 1000,
  seconds: 1,
  minutes: 60,
  hours: 3600,
  minor: 1,
}

function scaleOf(field: FieldMapping, { kind }: Target, event: Readonly<Record<string, unknown>>): number {
  if (kind === 'count') return 1
  if (field.unit !== 'major') return scales[field.unit!]!
  const code = field.currency ?? (event['currency'] as string)
  return 10 ** minorDigits(code)!
}

type Path = (message: Message) => unknown
const paths = new Map<string, Path>()

/** A reader of a dotted path. A field whose own name has dots is found by its whole name first. */
function pathOf(path: string): Path {
  if (path === '$key') return ({ key }) => key
  if (path === '$timestamp') return ({ timestamp }) => timestamp
  const steps = path.split('.')
  return ({ value }) => {
    let here: unknown = value
    if (steps.length > 1 && Object.hasOwn(value as object, path)) return (value as Record<string, unknown>)[path]
    for (const step of steps) {
      if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined
      here = (here as Record<string, unknown>)[step]
    }
    return here
  }
}

/** What a path of a mapping finds in a message, undefined for nothing. */
export function valueAt(path: string, message: Message): unknown {
  let reader = paths.get(path)
  if (reader === undefined) {
    reader = pathOf(path)
    paths.set(path, reader)
  }
  return reader(message)
}

/** Of several fields one text; undefined where one is missing, as an id of half its parts is none. */
function joined(from: readonly string[], message: Message): string | undefined {
  const parts = from.map(path => valueAt(path, message))
  return parts.some(part => part === undefined || part === null || part === '')
    ? undefined
    : parts.map(part => textOf(part, '')).join('/')
}

function absent(from: readonly string[], message: Message): string {
  const missing = from.filter(path => {
    const value = valueAt(path, message)
    return value === undefined || value === null || value === ''
  })
  const there = fieldNames(message.value)
  return missing
    .map(path =>
      there.includes(path)
        ? `"${path}" is empty`
        : `there is no "${path}"${alike(path, there) || `; there are ${there.slice(0, 12).join(', ')}`}`,
    )
    .join(', ')
}

const alike = (name: string, known: readonly string[]): string => {
  const near = nearest(name, known)
  return near === null ? '' : `; the nearest is "${near}"`
}

/** Paths of every value in a message, nested ones with dots. */
export function fieldNames(value: unknown, before = '', depth = 0): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > 4)
    return before === '' ? [] : [before]
  return Object.entries(value).flatMap(([name, inner]) =>
    fieldNames(inner, before === '' ? name : `${before}.${name}`, depth + 1),
  )
}

function aboutTime(value: unknown, { unit, zone }: FieldMapping, problem: string): string {
  const what = typeof value === 'string' ? 'text' : typeof value
  if (problem === 'no-zone') return `${shown(value)} has no offset; give the "zone" that it is in`
  const fits = likelyTimeUnit(value)
  const advice =
    fits === null || fits === unit ? 'it looks like no moment that a unit fits' : `"unit": "${fits}" would fit`
  return `the ${what} ${shown(value)} is no moment in ${unit}${zone === null ? '' : ` of ${zone}`}; ${advice}`
}

/** The unit in which a value is a moment between 1995 and 2100, null for none. */
export function likelyTimeUnit(value: unknown): Unit | null {
  for (const unit of timeUnits) {
    const moment = momentOf(value, unit, 'UTC')
    if (typeof moment === 'number' && moment >= 788_918_400_000 && moment < 4_102_444_800_000) return unit
  }
  return null
}
