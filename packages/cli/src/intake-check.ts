// What intake would make of a topic's newest messages, without a service running and without writing anything.
import { type TopicName, topics } from '@offerstream/contracts'
import { foreignCodec, refusal } from '@offerstream/intake'
import {
  createMapper,
  type Draft,
  draftMapping,
  type Format,
  fieldNames,
  type Message as Mappable,
  type MappedEvent,
  type MappedSource,
  type Mapping,
  readMapping,
  shown,
  valueAt,
} from '@offerstream/mapping'
import { type Message, nearest, openTopic, Refused, type Surroundings, Undecodable } from '@offerstream/streaming'
import { contractTopics } from './import-source.ts'
import { table } from './output.ts'

export type IntakeCheck = {
  readonly topic: string
  /** What the messages were read with: the mapping's source, the contract, or a draft made of the messages themselves. */
  readonly readBy: 'mapping' | 'contract' | 'draft'
  readonly format: Format['kind']
  readonly sampled: number
  /** By record. */
  readonly taken: Readonly<Record<string, number>>
  readonly skipped: number
  readonly fields: readonly FieldRead[]
  readonly refused: readonly Refusal[]
  /** Share of those sampled. */
  readonly refusedShare: number
  /** Fields of the messages that nothing reads. */
  readonly unread: readonly string[]
  /** A mapping file to begin with, where there is no mapping for the topic. */
  readonly draft: object | null
  readonly because: readonly string[]
}

type FieldRead = {
  readonly record: string
  readonly to: string
  readonly from: string
  /** In messages this record is for, how many have nothing there. */
  readonly absent: number
  readonly there: string
  readonly read: string
}

type Refusal = {
  readonly reason: string
  readonly count: number
  /** `partition/offset` of the first. */
  readonly example: string
  readonly detail: string
}

export type CheckOptions = { readonly sample: number; readonly futureLimitMs: number; readonly mapping: Mapping | null }

type Sampled = Mappable & { readonly where: string; readonly wrong: string | null }

/** Reads the newest messages of every partition. Throws `Refused` where there is no such topic or nothing in it. */
export async function checkIntake(
  surroundings: Surroundings,
  topic: string,
  options: CheckOptions,
): Promise<IntakeCheck> {
  const messages = await newest(surroundings, topic, options.sample)
  const source = options.mapping?.sources.find(({ kind, name }) => kind === 'topic' && name === topic)
  if (source !== undefined)
    return report(surroundings, topic, 'mapping', source, await decoded(surroundings, source.format, messages), options)
  const contract = contractTopics.find(name => surroundings.prefix + name === topic)
  if (contract !== undefined) return checkContract(surroundings, contract, messages, options)

  const format = await formatOf(surroundings, topic, messages)
  const sampled = await decoded(surroundings, format, messages)
  const draft = draftMapping(sampled.filter(({ wrong }) => wrong === null))
  if (draft === null) throw new Refused(`${topic}: its messages are ${format.kind}, but none is an object with fields`)
  const file = fileOf(topic, format, draft)
  if (draft.missing.length > 0)
    return {
      ...empty(topic, 'draft', format, sampled.length),
      draft: file,
      because: [...reasonsOf(draft), ...draft.missing.map(each => `${each}: nothing found, map it by hand`)],
    }
  const guessed = readMapping(JSON.stringify(file)).sources[0]!
  return {
    ...(await report(surroundings, topic, 'draft', guessed, sampled, options)),
    draft: file,
    because: reasonsOf(draft),
  }
}

const empty = (topic: string, readBy: IntakeCheck['readBy'], format: Format, sampled: number): IntakeCheck => ({
  topic,
  readBy,
  format: format.kind,
  sampled,
  taken: {},
  skipped: 0,
  fields: [],
  refused: [],
  refusedShare: 0,
  unread: [],
  draft: null,
  because: [],
})

async function newest({ log }: Surroundings, topic: string, sample: number): Promise<readonly Message[]> {
  const names = await log.topicNames()
  if (!names.includes(topic))
    throw new Refused(
      `there is no topic ${topic}; ${names.length > 0 ? `the nearest is ${nearest(topic, names)}` : 'there is none at all'}`,
    )
  const bounds = await log.bounds(topic)
  const filled = bounds.filter(({ first, next }) => next > first).length
  if (filled === 0) throw new Refused(`${topic} holds no messages to look at`)
  const messages: Message[] = []
  for (const [partition, { first, next }] of bounds.entries()) {
    const from = Math.max(first, next - Math.ceil(sample / filled))
    if (next > from) for await (const batch of log.read(topic, partition, from, next)) messages.push(...batch)
  }
  return messages
}

async function decoded(
  { registry }: Surroundings,
  format: Format,
  messages: readonly Message[],
): Promise<readonly Sampled[]> {
  const codec = foreignCodec(registry, format)
  await codec.learn(messages.map(({ value }) => value))
  return messages
    .filter(({ value }) => value !== null)
    .map(({ key, value, timestamp, partition, offset }) => {
      const where = `${partition}/${offset}`
      try {
        return { key, timestamp, where, value: codec.decode(value!), wrong: null }
      } catch (error) {
        if (!(error instanceof Undecodable)) throw error
        return { key, timestamp, where, value: undefined, wrong: error.reason }
      }
    })
}

/** Framed by a registry, JSON, or neither; what most messages are. */
async function formatOf(surroundings: Surroundings, topic: string, messages: readonly Message[]): Promise<Format> {
  const readable = async (format: Format): Promise<number> =>
    (await decoded(surroundings, format, messages)).filter(({ wrong }) => wrong === null).length
  const [json, avro] = await Promise.all([readable({ kind: 'json' }), readable({ kind: 'avro' })])
  if (Math.max(json, avro) === 0)
    throw new Refused(
      `${topic}: no message is JSON or Avro framed by the schema registry. Plain Avro needs a mapping with the format avro-plain and its schema`,
    )
  return { kind: json >= avro ? 'json' : 'avro' }
}

const fileOf = (topic: string, format: Format, { record, guesses }: Draft): object => ({
  company: 'name of the company',
  sources: [{ topic, format: format.kind, records: [{ record, fields: guesses.map(({ field }) => field) }] }],
})

const reasonsOf = ({ record, because, guesses }: Draft): readonly string[] => [
  `record ${record}: ${because}`,
  ...guesses.map(({ field, because: why }) => `${field['to']}: ${why}`),
]

async function report(
  { clock }: Surroundings,
  topic: string,
  readBy: IntakeCheck['readBy'],
  source: MappedSource,
  sampled: readonly Sampled[],
  options: CheckOptions,
): Promise<IntakeCheck> {
  const map = createMapper(source)
  const taken: Record<string, number> = {}
  const refused = new Map<string, Refusal>()
  const refuse = (reason: string, example: string, detail: string): void => {
    const known = refused.get(reason)
    refused.set(reason, known ? { ...known, count: known.count + 1 } : { reason, count: 1, example, detail })
  }
  const fields = source.records.flatMap(record =>
    record.fields.map(field => ({ record, field, absent: 0, there: '', read: '' })),
  )
  let skipped = 0
  for (const message of sampled) {
    if (message.wrong !== null) {
      refuse(message.wrong, message.where, `its bytes are not ${source.format.kind}`)
      continue
    }
    const mapped = map(message)
    if (mapped.kind === 'skip') {
      skipped++
      continue
    }
    const event = mapped.kind === 'record' ? mapped.event : null
    if (mapped.kind === 'refuse') refuse(mapped.reason, message.where, mapped.detail)
    else {
      const why = refusal(mapped.event, clock.now(), options.futureLimitMs)
      if (why === null) taken[mapped.event.type] = (taken[mapped.event.type] ?? 0) + 1
      else refuse(why, message.where, detailOf(mapped.event))
    }
    for (const each of fields) {
      if (event !== null ? each.record.record.replaceAll('-', '_') !== event.type : source.records.length > 1) continue
      const values = each.field.from.map(path => valueAt(path, message))
      if (values.some(value => value === undefined || value === null || value === '')) each.absent++
      else if (event !== null && each.read === '') {
        each.there = values.map(shown).join(', ')
        each.read = readAs(event, each.field.to)
      } else if (each.there === '') each.there = values.map(shown).join(', ')
    }
  }
  const reads = new Set(fields.flatMap(({ field }) => field.from))
  const refusals = [...refused.values()].sort((a, b) => b.count - a.count)
  return {
    ...empty(topic, readBy, source.format, sampled.length),
    taken,
    skipped,
    fields: fields.map(({ record, field, absent, there, read }) => ({
      record: record.record,
      to: field.to,
      from: field.from.length === 0 ? `constant ${shown(field.constant)}` : field.from.join(' + '),
      absent,
      there,
      read: field.from.length === 0 ? shown(field.constant) : read,
    })),
    refused: refusals,
    refusedShare: sampled.length === 0 ? 0 : refusals.reduce((sum, { count }) => sum + count, 0) / sampled.length,
    unread: [...new Set(sampled.flatMap(({ value }) => fieldNames(value)))].filter(path => !reads.has(path)),
  }
}

function readAs(event: MappedEvent, to: string): string {
  const [name, entry] = to.split('.') as [string, string | undefined]
  const whole = (event as unknown as Record<string, unknown>)[name]
  const value = entry === undefined ? whole : (whole as Record<string, unknown>)[entry]
  const isMoment = typeof value === 'number' && (/^at$/.test(name) || /(At|Since)$/.test(name))
  return isMoment ? new Date(value).toISOString() : Array.isArray(value) ? JSON.stringify(value) : shown(value)
}

const detailOf = (event: MappedEvent): string => {
  const amounts = Object.entries(event).filter(([name]) =>
    /Minor$|^quantity$|Kb$|^seconds$|^texts$|^currency$|^zone$/.test(name),
  )
  return `at ${new Date(event.at).toISOString()}${amounts.map(([name, value]) => `, ${name} ${shown(value)}`).join('')}`
}

/** A topic in the contract's own shape. */
async function checkContract(
  surroundings: Surroundings,
  name: TopicName,
  messages: readonly Message[],
  options: CheckOptions,
): Promise<IntakeCheck> {
  const { codec, path } = await openTopic(surroundings.registry, name, surroundings.prefix)
  await codec.learn(messages.map(({ value }) => value))
  const taken: Record<string, number> = {}
  const refused = new Map<string, Refusal>()
  let sampled = 0
  let first: MappedEvent | null = null
  for (const { key, value, partition, offset } of messages) {
    if (value === null && topics[name].kept === 'compacted') continue
    sampled++
    let why: string | null = key === null ? 'null-key' : value === null ? 'null-value' : null
    let detail = 'the contract needs a key and a value'
    if (why === null)
      try {
        const event = codec.decode(value!) as MappedEvent
        why = refusal(event, surroundings.clock.now(), options.futureLimitMs)
        detail = detailOf(event)
        if (why === null) {
          first ??= event
          taken[event.type] = (taken[event.type] ?? 0) + 1
        }
      } catch (error) {
        if (!(error instanceof Undecodable)) throw error
        why = error.reason
        detail = `its bytes are no ${name} in the registry's framing; a company's own format needs a mapping`
      }
    if (why !== null) {
      const known = refused.get(why)
      refused.set(
        why,
        known
          ? { ...known, count: known.count + 1 }
          : { reason: why, count: 1, example: `${partition}/${offset}`, detail },
      )
    }
  }
  const refusals = [...refused.values()]
  const count = refusals.reduce((sum, each) => sum + each.count, 0)
  const { type, ...fields } = first ?? { type: '' }
  return {
    ...empty(path, 'contract', { kind: 'avro' }, sampled),
    taken,
    fields: Object.keys(fields).map(to => ({
      record: type,
      to,
      from: to,
      absent: 0,
      there: shown((fields as Record<string, unknown>)[to]),
      read: readAs(first!, to),
    })),
    refused: refusals,
    refusedShare: sampled === 0 ? 0 : count / sampled,
  }
}

export function checkText(check: IntakeCheck): string {
  const percent = (count: number): string => `${((100 * count) / check.sampled).toFixed(1)} %`
  const how = {
    mapping: 'read by the mapping',
    contract: "in the contract's own shape",
    draft: 'no mapping names it: read by a draft made of what is there',
  }[check.readBy]
  const count = check.refused.reduce((sum, each) => sum + each.count, 0)
  const took = Object.entries(check.taken).map(([record, number]) => `${number} ${record.replaceAll('_', '-')}`)
  const lines = [
    `${check.topic}: ${check.sampled} messages sampled, ${check.format}, ${how}`,
    `  taken ${took.join(', ') || 'none'}; of no record ${check.skipped}; refused ${count} (${percent(count)})`,
  ]
  if (check.fields.length > 0)
    lines.push(
      '',
      table([
        ['field', 'from', 'absent in', 'read as', 'example there'],
        ...check.fields.map(each => [each.to, each.from, String(each.absent), each.read, each.there]),
      ]),
    )
  if (check.refused.length > 0)
    lines.push(
      '',
      table([
        ['refused', 'messages', 'first at', 'why'],
        ...check.refused.map(each => [each.reason, String(each.count), each.example, each.detail]),
      ]),
    )
  if (check.unread.length > 0) lines.push('', `nothing reads: ${check.unread.join(', ')}`)
  if (check.draft !== null)
    lines.push(
      '',
      'a draft of a mapping; correct what it cannot know:',
      ...check.because.map(each => `  ${each}`),
      '',
      JSON.stringify(check.draft, null, 2),
    )
  return lines.join('\n')
}
