// A first mapping of messages nobody described, guessed from names and values. Every guess says what it rests on; the
// person who knows the data corrects it.
import { minorDigits } from './currencies.ts'
import { fieldNames, likelyTimeUnit, type Message, valueAt } from './mapper.ts'
import type { Unit } from './mapping.ts'
import { numberOf } from './moments.ts'

/** A field as it stands in a mapping file, and why it was guessed. */
type Guess = { readonly field: Readonly<Record<string, unknown>>; readonly because: string }

export type Draft = {
  readonly record: 'purchase' | 'usage' | 'engagement'
  readonly because: string
  readonly guesses: readonly Guess[]
  /** Fields that the record needs and no guess was found for. */
  readonly missing: readonly string[]
}

type Column = {
  readonly path: string
  /** Of the messages that have one. */
  readonly values: readonly unknown[]
  readonly inEvery: boolean
  readonly distinct: number
}

/** Null where the messages are no objects. */
export function draftMapping(messages: readonly Message[]): Draft | null {
  const columns = columnsOf(messages)
  if (columns.length === 0) return null
  const taken = new Set<string>()
  const guesses: Guess[] = []
  const add = (field: Guess['field'], because: string): void => {
    for (const path of [field['from']].flat()) taken.add(path as string)
    guesses.push({ field, because })
  }
  const free = (fits: (column: Column) => boolean): Column | undefined =>
    columns.find(column => column.inEvery && !taken.has(column.path) && fits(column)) ??
    columns.find(column => !taken.has(column.path) && fits(column))
  const named =
    (pattern: RegExp, fits: (column: Column) => boolean = () => true) =>
    (column: Column): boolean =>
      pattern.test(column.path) && fits(column)

  const time = free(named(/time|date|[_.]at$|At$|^at$|^ts$|when|created|paid/, isTime)) ?? free(isTime)
  const unit = time === undefined ? null : timeUnitOf(time.values)
  if (time !== undefined)
    add(
      { to: 'at', from: time.path, unit, ...(unit === 'iso' && hasNoOffset(time) ? { zone: 'UTC' } : {}) },
      `the values are moments in ${unit}${unit === 'iso' && hasNoOffset(time) ? ', without an offset: give the zone they are in' : ''}`,
    )
  else
    add(
      { to: 'at', from: '$timestamp', unit: 'milliseconds' },
      "no field holds moments, so it is the message's own time",
    )

  const isKey = ({ values }: Column): boolean =>
    messages.every(({ key }, i) => key !== null && String(values[i]) === key) && values.length === messages.length
  const people = /customer|client|user|buyer|subscriber|account|member|msisdn|shopper|person/i
  const customer = free(isKey) ?? free(named(people, isText))
  if (customer !== undefined)
    add({ to: 'customer', from: customer.path }, isKey(customer) ? "it equals each message's key" : 'of its name')
  else if (messages.every(({ key }) => key !== null))
    add({ to: 'customer', from: '$key' }, 'no field looks like a customer, and every message has a key')

  const unique = (column: Column): boolean => isText(column) && column.distinct === messages.length
  const id = free(named(/id$|uuid|no$|nr$|number$|ref$/i, unique)) ?? free(unique)
  if (id !== undefined) add({ to: 'id', from: id.path }, 'no two of the messages sampled share one')

  const volume = free(
    named(/(^|[_.\d])(bytes|kb|mb|gb)($|[_.])|(Bytes|Kb|Mb|Gb|KB|MB|GB)$|^(bytes|kb|mb|gb)$/i, isNumber),
  )
  const duration = free(named(/duration|seconds|minutes/i, isNumber))
  const amount = free(named(/price|amount|total|paid|cost|sum|cents|value/i, isNumber))
  const action = free(named(/action|event|kind|type/i, isText))
  const record =
    amount !== undefined ? 'purchase' : volume !== undefined || duration !== undefined ? 'usage' : 'engagement'
  const because =
    record === 'purchase'
      ? `${amount!.path} looks like an amount`
      : record === 'usage'
        ? `${(volume ?? duration)!.path} looks like something used`
        : 'neither an amount nor anything used is there'

  if (record === 'purchase') {
    const item = free(named(/item|sku|product|plan|package|article/i, isText))
    if (item !== undefined) add({ to: 'item', from: item.path }, 'of its name')
    const inMinor = /cent|minor|pence/i.test(amount!.path)
    const whole = amount!.values.every(value => Number.isInteger(numberOf(value) ?? 0))
    add(
      { to: 'priceMinor', from: amount!.path, unit: inMinor ? 'minor' : 'major' },
      inMinor
        ? 'of its name'
        : whole
          ? 'all are whole numbers: if they are cents, write minor'
          : 'amounts have decimals',
    )
    const currency = free(({ values }) =>
      values.every(value => typeof value === 'string' && minorDigits(value) !== null),
    )
    if (currency !== undefined) add({ to: 'currency', from: currency.path }, 'every value is an ISO 4217 code')
    else add({ to: 'currency', constant: 'EUR' }, 'no field holds currency codes: write yours')
    const quantity = free(named(/quantity|qty|pieces|count/i, isNumber))
    if (quantity !== undefined) add({ to: 'quantity', from: quantity.path }, 'of its name')
    const channel = free(named(/channel|via|medium|source|till/i, isText))
    if (channel !== undefined) add({ to: 'channel', from: channel.path }, 'of its name')
  } else if (record === 'usage') {
    add({ to: 'kind', constant: volume !== undefined ? 'data' : 'voice' }, 'of what is used')
    if (volume !== undefined) {
      const size = /gb/i.test(volume.path)
        ? 'GB'
        : /mb/i.test(volume.path)
          ? 'MB'
          : /kb/i.test(volume.path)
            ? 'KB'
            : 'bytes'
      add({ to: 'dataKb', from: volume.path, unit: size }, 'of its name')
    }
    if (duration !== undefined)
      add(
        { to: 'seconds', from: duration.path, unit: /min/i.test(duration.path) ? 'minutes' : 'seconds' },
        'of its name',
      )
  } else if (action !== undefined) {
    const seen = [...new Set(action.values.map(String))].slice(0, 20)
    add(
      { to: 'kind', from: action.path, values: Object.fromEntries(seen.map(each => [each, engagementOf(each)])) },
      'of its name; say what each value means',
    )
  }
  const needed = {
    purchase: ['id', 'customer', 'at', 'item', 'priceMinor', 'currency'],
    usage: ['id', 'customer', 'at', 'kind'],
    engagement: ['id', 'customer', 'at', 'kind'],
  }[record]
  const found = guesses.map(({ field }) => field['to'])
  if (!found.includes('id') && found.includes('customer')) {
    const parts = guesses.filter(({ field }) => ['customer', 'at', 'item'].includes(field['to'] as string))
    add(
      { to: 'id', from: parts.map(({ field }) => field['from']) },
      'no field tells messages apart, so what they say does',
    )
    found.push('id')
  }
  return { record, because, guesses, missing: needed.filter(each => !found.includes(each)) }
}

function columnsOf(messages: readonly Message[]): readonly Column[] {
  const paths = new Set(messages.flatMap(({ value }) => fieldNames(value)))
  return [...paths].map(path => {
    const values = messages
      .map(message => valueAt(path, message))
      .filter(value => value !== undefined && value !== null)
    return {
      path,
      values,
      inEvery: values.length === messages.length,
      distinct: new Set(values.map(value => (typeof value === 'object' ? '' : String(value)))).size,
    }
  })
}

/** Two values of three: what the others are, the check then says. */
const mostly = (values: readonly unknown[], fits: (value: unknown) => boolean): boolean =>
  values.length > 0 && 3 * values.filter(fits).length >= 2 * values.length

const isText = ({ values }: Column): boolean =>
  mostly(values, value => typeof value === 'string' || Number.isSafeInteger(value))
const isNumber = ({ values }: Column): boolean => mostly(values, value => numberOf(value) !== null)
const isTime = ({ values }: Column): boolean => {
  const unit = timeUnitOf(values)
  return unit !== null && mostly(values, value => likelyTimeUnit(value) === unit)
}
const timeUnitOf = (values: readonly unknown[]): Unit | null =>
  values.map(likelyTimeUnit).find(unit => unit !== null) ?? null
const hasNoOffset = ({ values }: Column): boolean =>
  values.some(
    value => typeof value === 'string' && !/(Z|[+-]\d\d(:?\d\d)?)$/i.test(value.replace(/^\d{4}-\d\d-\d\d$/, '')),
  )

const engagementOf = (value: string): string => {
  if (/open|launch|login|start/i.test(value)) return 'app_opened'
  if (/click|tap/i.test(value)) return 'clicked'
  if (/dismiss|close/i.test(value)) return 'dismissed'
  if (/reject|declin/i.test(value)) return 'rejected'
  return /view|seen|shown|display|impression/i.test(value) ? 'displayed' : 'interaction'
}
