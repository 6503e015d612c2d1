// History into the journal, beside live traffic. Every row carries the cause `import:<file>@1/<partition>/<row>/0`: rows of
// one file reach a partition in the file's order, so whoever reads the journal skips a row that comes again, after a
// crash, a second run or two runs at once. No decision follows from any of it.
import { createHash } from 'node:crypto'
import { appendFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { updaterName } from '@offerstream/feature-updater'
import { followPlaybook, journalled, refusal } from '@offerstream/intake'
import { createMapper, type MappedEvent, type MappedSource, meant } from '@offerstream/mapping'
import {
  causeText,
  ensureTopics,
  type Outgoing,
  openTopic,
  partitionOf,
  Refused,
  type StoreLane,
  type Surroundings,
} from '@offerstream/streaming'
import { openRows, type RowFile } from './import-rows.ts'
import type { Output } from './output.ts'

export type ImportOptions = {
  readonly file: string
  /** How its rows are read; see `sourceFor`. */
  sourceOf(file: RowFile): Promise<MappedSource>
  /** Rows at or after this moment are left to the live topics, milliseconds. */
  readonly until: number | null
  readonly futureLimitMs: number
  /** Waits while the updater is further behind than so many journal records. */
  readonly lagRecords: number
  readonly signal: AbortSignal
}

export type ImportSummary = {
  readonly file: string
  readonly rows: number
  /** Written by this run, and by earlier ones. */
  readonly taken: number
  readonly already: number
  /** Rows that no record of the mapping is for, and those left to the live topics. */
  readonly skipped: number
  readonly refused: number
  readonly reasons: Readonly<Record<string, number>>
  /** Where refused rows are, null where there are none. */
  readonly refusedFile: string | null
  readonly seconds: number
  readonly complete: boolean
}

/** Takes one file. Interrupted, the same call goes on where it stopped; complete, it adds nothing. */
export async function importHistory(
  surroundings: Surroundings,
  options: ImportOptions,
  output: Output,
): Promise<ImportSummary> {
  const began = performance.now()
  const rows = await openRows(options.file)
  try {
    const source = await options.sourceOf(rows)
    checkColumns(options.file, source, rows.columns)
    await ensureTopics(surroundings.log, { ...surroundings, sources: false })
    const found = await take(surroundings, options, rows, source, output)
    return { file: options.file, rows: rows.rows, ...found, seconds: Math.round(performance.now() - began) / 1000 }
  } finally {
    rows.close()
  }
}

/** What the mapping reads must be columns of the file. Throws `Refused` naming each that is not, with the nearest. */
function checkColumns(file: string, source: MappedSource, columns: readonly string[] | null): void {
  const wanted = source.records.flatMap(({ when, fields }) => [
    ...(when === null ? [] : [when.field]),
    ...fields.flatMap(({ from }) => from),
  ])
  const foreign = wanted.filter(each => each.startsWith('$'))
  if (foreign.length > 0)
    throw new Refused(`${file}: the mapping of ${source.name} reads ${foreign.join(' and ')}, which only messages have`)
  if (columns === null) return
  const missing = source.records.flatMap(({ record, when, fields }) =>
    [...(when === null ? [] : [when.field]), ...fields.flatMap(({ from }) => from)]
      .filter(path => !columns.includes(path) && !columns.includes(path.split('.')[0]!))
      .map(path => `${record} reads "${path}"; ${meant(path, columns)}`),
  )
  if (missing.length > 0)
    throw new Refused(
      `${file} does not have what the mapping of ${source.name} names: ${[...new Set(missing)].join('. ')}`,
    )
}

async function take(
  surroundings: Surroundings,
  options: ImportOptions,
  file: RowFile,
  source: MappedSource,
  output: Output,
): Promise<Omit<ImportSummary, 'file' | 'rows' | 'seconds'>> {
  const { log, store, registry, prefix, clock } = surroundings
  const journal = await openTopic(registry, 'customer-events', prefix)
  const partitions = (await log.bounds(journal.path)).length
  const mappingMark = `mapping/${createHash('sha256')
    .update(JSON.stringify([source, options.until]))
    .digest('hex')
    .slice(0, 8)}`
  const lanes: Lane[] = []
  for (let partition = 0; partition < partitions; partition++)
    lanes.push(openLane(await store.open(`import.${file.fingerprint}`, partition), options.file, mappingMark))
  const playbook = await followPlaybook(surroundings)
  const map = createMapper(source)
  const pace = createPace(surroundings, journal.path, options.lagRecords, output)
  const refusedRows = createRefusedRows(options.file)
  const bar = output.bar(options.file, file.rows)
  const began = performance.now()
  let [row, taken, already, skipped] = [0, 0, 0, 0]
  let complete = true
  try {
    for await (const batch of file.read()) {
      if (options.signal.aborted) {
        complete = false
        break
      }
      await pace(options.signal)
      const journalledAt = clock.now()
      for (const value of batch) {
        const offset = row++
        const mapped = map({ value, key: null, timestamp: journalledAt })
        if (mapped.kind === 'skip') skipped++
        else if (mapped.kind === 'refuse') refusedRows.add(offset, value, mapped.reason, mapped.detail)
        else {
          const { event } = mapped
          const why = refusal(event, journalledAt, options.futureLimitMs)
          if (why !== null) refusedRows.add(offset, value, why, about(event))
          else if (options.until !== null && event.at >= options.until) skipped++
          else {
            const partition = partitionOf(event.customer, partitions)
            const lane = lanes[partition]!
            if (offset <= lane.watermark) already++
            else {
              const envelope = journalled(event, playbook.current(), { journalledAt, triggers: false })
              lane.add(offset, {
                key: event.customer,
                value: journal.codec.encode(envelope),
                cause: causeText({ topic: `import:${file.fingerprint}`, generation: 1, partition, offset, index: 0 }),
              })
              taken++
            }
          }
        }
      }
      refusedRows.write()
      await Promise.all(
        lanes.map((lane, partition) => lane.save(records => log.append(journal.path, partition, records))),
      )
      bar.update(row, `${Math.round((1000 * row) / (performance.now() - began))}/s`)
    }
  } catch (error) {
    if (error instanceof Refused)
      throw new Refused(
        `${error.message}\n${taken} rows were taken before; with the file as it was, the same command goes on from there`,
      )
    throw error
  } finally {
    bar.stop()
    await playbook.stop()
  }
  return {
    taken,
    already,
    skipped,
    refused: refusedRows.count,
    reasons: Object.fromEntries(refusedRows.reasons),
    refusedFile: refusedRows.count > 0 ? refusedRows.path : null,
    complete,
  }
}

const about = (event: MappedEvent): string => `${event.type} of ${new Date(event.at).toISOString()}`

type Lane = {
  /** Last row saved, -1 for none. */
  readonly watermark: number
  add(row: number, record: Outgoing): void
  /** Writes what was added, then saves how far it came: a crash in between repeats rows and loses none. */
  save(append: (records: readonly Outgoing[]) => Promise<void>): Promise<void>
}

function openLane(held: StoreLane, file: string, mappingMark: string): Lane {
  const marks = [...held.counts.keys()].filter(name => name.startsWith('mapping/'))
  if (marks.some(mark => mark !== mappingMark))
    throw new Refused(
      `${file} was begun with another mapping or --until, and what it took stays. Finish it with those, then import what it refused (${refusedPath(file)}) with the new mapping`,
    )
  let watermark = held.watermark
  let records: Outgoing[] = []
  let last = -1
  return {
    get watermark() {
      return watermark ?? -1
    },
    add(row, record) {
      records.push(record)
      last = row
    },
    async save(append) {
      if (records.length === 0) return
      await append(records)
      const saved = await held.save({
        from: watermark,
        to: last,
        states: [],
        causes: new Map(),
        counts: new Map([[mappingMark, 1]]),
        due: [],
        outbox: null,
      })
      if (saved !== 'saved')
        throw new Refused(
          saved === 'fenced'
            ? `another import of ${file} took over; it goes on there`
            : `the store forgot how far ${file} came; run the same command again`,
        )
      watermark = last
      records = []
    },
  }
}

const refusedPath = (file: string): string => `${file}.refused.jsonl`

/** Rows that could not be taken, as JSON lines that `import` reads again once the mapping or the rows are right. */
function createRefusedRows(file: string) {
  const path = refusedPath(file)
  const reasons = new Map<string, number>()
  let lines: string[] = []
  let count = 0
  rmSync(path, { force: true })
  return {
    path,
    reasons,
    get count() {
      return count
    },
    add(row: number, value: unknown, reason: string, detail: string): void {
      count++
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      const fields = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { $value: value }
      lines.push(`${JSON.stringify({ ...fields, $refused: { row: row + 1, reason, detail } })}\n`)
    },
    write(): void {
      if (lines.length > 0) appendFileSync(path, lines.join(''))
      lines = []
    },
  }
}

const lookEveryMs = 200
const standsStillMs = 10_000

/** Waits while the updater is too far behind, so that live events never queue up behind history; not for one that stands still. */
function createPace(
  { log, prefix }: Surroundings,
  path: string,
  lagRecords: number,
  output: Output,
): (signal: AbortSignal) => Promise<void> {
  let lookedAt = Number.NEGATIVE_INFINITY
  let standsStill = false
  const lag = async (): Promise<number> => {
    const [bounds, committed] = await Promise.all([log.bounds(path), log.committed(`${prefix}${updaterName}`, path)])
    return bounds.reduce((sum, { first, next }, partition) => sum + next - (committed[partition] ?? first), 0)
  }
  return async signal => {
    if (standsStill || performance.now() - lookedAt < lookEveryMs) return
    let least = Number.POSITIVE_INFINITY
    let fellAt = performance.now()
    for (let behind = await lag(); behind > lagRecords && !signal.aborted; behind = await lag()) {
      if (behind < least) {
        least = behind
        fellAt = performance.now()
      } else if (performance.now() - fellAt > standsStillMs) {
        output.progress('feature-updater reads nothing; going on without waiting for it')
        standsStill = true
        break
      }
      await sleep(lookEveryMs)
    }
    lookedAt = performance.now()
  }
}
