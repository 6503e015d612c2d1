// The playbook from the command line: what is in it, what it was, and the door by which records come in.
import { randomUUID } from 'node:crypto'
import { applyRecord, checkRecord, emptyPlaybook, nearest, type Playbook, passOver } from '@offerstream/catalogue'
import type { PlaybookRecord } from '@offerstream/contracts'
import { names, triggers } from '@offerstream/features'
import { bodiesOf, type Change, changesOf, impedimentsText } from '@offerstream/offer-scorer'
import { neverOffers } from '@offerstream/policy'
import { createModels, ModelRefused } from '@offerstream/ranker'
import { expectsOffset, openTopic, Refused, read, type Surroundings } from '@offerstream/streaming'
import { parseRecords } from './playbook-records.ts'

type Body = PlaybookRecord['body']
type Around = Pick<Surroundings, 'log' | 'registry' | 'prefix'>

/** One offset of the topic, and the playbook it led to. */
type Entry = {
  readonly version: number
  /** When it was written, milliseconds, and by whom; null where it does not say. */
  readonly at: number
  readonly by: string | null
  readonly record: PlaybookRecord | null
  /** Why it was passed over; empty where it holds. */
  readonly problems: readonly string[]
  readonly playbook: Playbook
}

/** The whole topic in order, judged as the services judge it. */
export async function readPlaybook({ log, registry, prefix }: Around): Promise<readonly Entry[]> {
  const topic = await openTopic(registry, 'playbook', prefix)
  const entries: Entry[] = []
  let playbook = emptyPlaybook
  const [bounds] = await log.bounds(topic.path)
  for await (const messages of log.read(topic.path, 0, bounds!.first, bounds!.next)) {
    await topic.codec.learn(messages.map(message => message.value))
    for (const message of messages) {
      const reading = read(topic.codec, message)
      const record = 'value' in reading ? reading.value : null
      const problems = 'value' in reading ? checkRecord(reading.value, names, playbook) : [reading.outcome.reason]
      playbook =
        record === null || problems.length > 0
          ? passOver(playbook, message.offset)
          : applyRecord(playbook, record, message.offset)
      const by = message.headers['by'] ?? null
      entries.push({ version: message.offset, at: message.timestamp, by, record, problems, playbook })
    }
  }
  return entries
}

/** The playbook at a version, or as it stood at a moment; the newest where neither is named. */
export function playbookAt(entries: readonly Entry[], at: { version: number } | { moment: number } | null): Playbook {
  const newest = entries.at(-1)?.playbook ?? emptyPlaybook
  if (at === null) return newest
  if ('moment' in at) return entries.findLast(entry => entry.at <= at.moment)?.playbook ?? emptyPlaybook
  if (at.version === -1) return emptyPlaybook
  const found = entries.find(entry => entry.version === at.version)
  if (found === undefined) throw new Refused(`the playbook has no version ${at.version}, it is at ${newest.version}`)
  return found.playbook
}

/** Its records, of one name where it is given: `NAME` or `TYPE/NAME`. Refuses a name there is not, with the nearest. */
export function recordsOf(playbook: Playbook, name: string | null): readonly Body[] {
  const all = bodiesOf(playbook)
  if (name === null) return all
  const found = all.filter(body => body.name === name || `${body.type}/${body.name}` === name)
  if (found.length > 0) return found
  const known = all.flatMap(body => [body.name, `${body.type}/${body.name}`])
  const like = nearest(name, known)
  throw new Refused(
    `nothing in version ${playbook.version} of the playbook is called ${name}${like === null ? '' : `, nearest is ${like}`}`,
  )
}

type PutOptions = {
  /** The version the records were made for; the put is refused when it is another one by now. */
  readonly expect?: number
  readonly by: string
  /** Milliseconds, for records that do not say when. */
  readonly at: number
  /** Folder of the model registry, for promotions. */
  readonly models: string
  readonly dryRun?: boolean
  /** Also what leaves nothing to be offered to anybody. */
  readonly force?: boolean
}

type Put = {
  readonly version: number
  readonly records: readonly { readonly type: string; readonly name: string; readonly changes: readonly Change[] }[]
}

/**
 * Adds records given as JSON: one, a list, or one a line. All are checked first, each against the playbook with those
 * before it, and every problem is told; then all are written at once, or none. They only hold where the playbook is still
 * the one they were checked against.
 */
export async function putRecords(around: Around, text: string, options: PutOptions): Promise<Put> {
  const entries = await readPlaybook(around)
  const before = playbookAt(entries, null)
  if (options.expect !== undefined && options.expect !== before.version)
    throw new Refused(
      `the playbook is at version ${before.version}, not at ${options.expect}: look at \`offerstream playbook history\`, then put again. Nothing was written`,
    )
  const { records, after } = await checkAll(text, before, options)
  const put = {
    version: options.dryRun ? before.version : after.version,
    records: records.map(({ body }) => ({ type: body.type, name: body.name, changes: changesOf(before, body) })),
  }
  if (!options.dryRun) await append(around, records, before.version, options.by)
  return put
}

/** Records given as JSON, each checked with those before it; throws `Refused` with every problem of all of them. */
export async function checkAll(
  text: string,
  before: Playbook,
  { at, models, force = false }: Pick<PutOptions, 'at' | 'models' | 'force'>,
): Promise<{ records: readonly PlaybookRecord[]; after: Playbook }> {
  const given = parseRecords(text, at)
  const registry = createModels(models)
  const records: PlaybookRecord[] = []
  const problems: string[] = []
  let after = before
  try {
    for (const [index, parsed] of given.entries()) {
      if ('problems' in parsed) {
        problems.push(...parsed.problems)
        continue
      }
      const where = given.length === 1 ? '' : `record ${index + 1}: `
      const found = checkRecord(parsed.record, names, after, Object.keys(triggers))
      problems.push(...found.map(problem => where + problem))
      const { record } = parsed
      if (record.body.type === 'model' && record.body.stage !== 'retired' && found.length === 0)
        await registry.load(record.body).catch(error => {
          if (!(error instanceof ModelRefused)) throw error
          problems.push(`${where}model ${record.body.name}: ${error.message}`)
        })
      records.push(record)
      // What is wrong with one must not make another wrong that names it.
      after = applyRecord(after, record, after.version + 1)
    }
  } finally {
    await registry.close()
  }
  if (problems.length > 0) throw new Refused(`${problems.join('\n')}\nNothing was written`)
  const impediments = force || neverOffers(before, at) !== null ? null : neverOffers(after, at)
  const isStop = records.some(({ body }) => body.type === 'kill_switch' && body.on)
  if (impediments !== null && !isStop)
    throw new Refused(
      `with this nothing could be offered to anybody any more: ${impedimentsText(impediments)}. Nothing was written; --force puts it all the same, a kill switch says it more plainly`,
    )
  return { records, after }
}

const mostBytes = 500_000
const mostRecords = 2000

/** One append, and each record says at which offset it holds: who was faster makes all of them void, for every reader. */
async function append(
  { log, registry, prefix }: Around,
  records: readonly PlaybookRecord[],
  version: number,
  by: string,
): Promise<void> {
  const topic = await openTopic(registry, 'playbook', prefix)
  const [bounds] = await log.bounds(topic.path)
  if (bounds!.next !== version + 1) throw overtaken(version)
  const put = randomUUID()
  const outgoing = records.map((record, index) => ({
    key: record.body.name,
    value: topic.codec.encode(record),
    headers: { by, put, [expectsOffset]: `${version + 1 + index}` },
  }))
  // One request is written whole or not at all.
  const bytes = outgoing.reduce((sum, { value }) => sum + value.length, 0)
  if (bytes > mostBytes || records.length > mostRecords)
    throw new Refused(
      `${records.length} records of ${bytes} bytes cannot be written at once, at most ${mostRecords} of ${mostBytes} can: put them in parts. Nothing was written`,
    )
  await log.append(topic.path, 0, outgoing)
  // What stands there now is ours, or somebody else's who was faster.
  for await (const messages of log.read(topic.path, 0, version + 1, version + 2))
    if (messages[0]!.headers['put'] !== put) throw overtaken(version)
}

const overtaken = (version: number): Refused =>
  new Refused(`somebody else changed the playbook since version ${version}: put again. Nothing of this holds`)

type HistoryRow = {
  readonly version: number
  readonly at: string
  readonly by: string | null
  readonly type: string | null
  readonly name: string | null
  readonly changes: readonly Change[]
  readonly problems: readonly string[]
}

/** Every change in order, of one record where its name is given. */
export function historyOf(entries: readonly Entry[], name: string | null): readonly HistoryRow[] {
  const rows = entries.map(({ version, at, by, record, problems }, index): HistoryRow => {
    const before = index === 0 ? emptyPlaybook : entries[index - 1]!.playbook
    return {
      version,
      at: new Date(at).toISOString(),
      by,
      type: record?.body.type ?? null,
      name: record?.body.name ?? null,
      changes: record === null || problems.length > 0 ? [] : changesOf(before, record.body),
      problems,
    }
  })
  if (name === null) return rows
  const found = rows.filter(row => row.name === name || `${row.type}/${row.name}` === name)
  if (found.length > 0) return found
  const like = nearest(name, new Set(rows.flatMap(row => (row.name === null ? [] : [row.name]))))
  throw new Refused(`the playbook never had a ${name}${like === null ? '' : `, nearest is ${like}`}`)
}
