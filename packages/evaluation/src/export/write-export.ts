// Journal, decisions and playbook to Parquet, a folder a day. Whatever the manifest names is whole: an export that was
// interrupted goes on where its manifest ends.
import { mkdir, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { avroCodec, type RecordOf, topics } from '@offerstream/contracts'
import { type Bounds, type Message, openTopic, Refused, read, type Surroundings } from '@offerstream/streaming'
import { columnsOf, dayMoment } from './columns.ts'
import {
  type ExportedFile,
  type ExportedTopic,
  exportedTopics,
  type FeatureLists,
  type Manifest,
  readManifest,
  sha256Of,
  writeManifest,
} from './manifest.ts'

export type ExportOptions = {
  readonly dir: string
  /** From the first record of this moment on: of journal time for the journal, of decision for decisions. */
  readonly from: number | null
  /** Before the first record of this moment. */
  readonly to: number | null
  /** Names that go with the vectors of this version. */
  readonly features?: FeatureLists
  /** Records held in memory at most. */
  readonly fileRecords?: number
  readonly onRecords?: (count: number) => void
  readonly signal?: AbortSignal
}

export type ExportSummary = {
  /** Records written now, by topic. */
  readonly records: Readonly<Record<ExportedTopic, number>>
  readonly files: number
  readonly bytes: number
  /** Records that nobody can read; replay passes them over as the line did. */
  readonly unreadable: number
  readonly complete: boolean
}

/** Throws `Refused` where the folder holds an export of other records or of another range. */
export async function writeExport(
  { log, registry, prefix }: Pick<Surroundings, 'log' | 'registry' | 'prefix'>,
  options: ExportOptions,
): Promise<ExportSummary> {
  const { dir, from, to, signal } = options
  const found = await readManifest(dir)
  if (found !== null && found.from !== from)
    throw new Refused(
      `${dir} holds an export from ${momentText(found.from)}, not from ${momentText(from)}: take another folder, or leave --from as it was`,
    )
  const parts = { playbook: [], 'customer-events': [], decisions: [] } as Record<ExportedTopic, Bounds[]>
  const ends = {} as Record<ExportedTopic, readonly Bounds[]>
  for (const name of exportedTopics) {
    ends[name] = await log.bounds(prefix + name)
    for (const [partition, { first, next }] of ends[name].entries()) {
      const before = found?.topics[name].partitions[partition]
      if (before !== undefined && (before.next > next || before.next < first))
        throw new Refused(
          `${dir} holds ${name}/${partition} up to offset ${before.next}, the topic holds ${first} to ${next}: it was recreated, or records went before they were exported. Take another folder.`,
        )
      parts[name][partition] = before ?? { first, next: first }
    }
  }
  let manifest: Manifest = {
    format: 1,
    from,
    topics: {
      playbook: { schema: avroCodec('playbook').schema, partitions: parts.playbook },
      'customer-events': { schema: avroCodec('customer-event').schema, partitions: parts['customer-events'] },
      decisions: { schema: avroCodec('decision').schema, partitions: parts.decisions },
    },
    features: { ...found?.features, ...options.features },
    files: found?.files ?? [],
  }
  for (const name of exportedTopics)
    if (found !== null && found.files.length > 0 && found.topics[name].schema !== manifest.topics[name].schema)
      throw new Refused(
        `${dir} holds ${name} by another version of its schema: take another folder, or export with the version that began it`,
      )

  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1GB' })
  const connection = await instance.connect()
  const records: Record<ExportedTopic, number> = { playbook: 0, 'customer-events': 0, decisions: 0 }
  const summary = { files: 0, bytes: 0, unreadable: 0, complete: true }

  const exportTopic = async <Name extends ExportedTopic>(name: Name): Promise<void> => {
    const topic = await openTopic(registry, name, prefix)
    const codec = avroCodec(topics[name].records[0]) as unknown as { encode(value: RecordOf<Name>): Buffer }
    for (const [partition, { next: end }] of ends[name].entries()) {
      let rows: Row<RecordOf<Name>>[] = []
      let bytes = 0
      let at = parts[name][partition]!
      const flush = async (next: number): Promise<void> => {
        const files =
          rows.length === 0 ? [] : await writeFiles(connection, dir, name, partition, { first: at.next, next }, rows)
        at = { first: at.first, next }
        parts[name][partition] = at
        manifest = { ...manifest, files: [...manifest.files, ...files] }
        await writeManifest(dir, manifest)
        summary.files += files.length
        summary.bytes += files.reduce((sum, { bytes }) => sum + bytes, 0)
        records[name] += rows.length
        rows = []
        bytes = 0
      }
      // The playbook is small and every version may be named: it is always whole.
      const since = name === 'playbook' || at.next > at.first ? null : from
      const until = name === 'playbook' ? null : to
      let begun = since === null
      let next = at.next
      reading: for await (const messages of log.read(topic.path, partition, at.next, end)) {
        await topic.codec.learn(messages.map(message => message.value))
        for (const message of messages) {
          // What no reader takes has no place in an export: its headers stay behind.
          const reading = read(topic.codec, message)
          if ('outcome' in reading) {
            summary.unreadable++
            continue
          }
          const value = reading.value as RecordOf<Name>
          const moment = dayMoment[name](value as never)
          if (!begun && moment < since!) continue
          if (!begun) {
            begun = true
            at = { first: message.offset, next: message.offset }
          }
          if (until !== null && moment >= until) {
            next = message.offset
            break reading
          }
          const record = codec.encode(value)
          rows.push({ value, message, record, day: new Date(moment).toISOString().slice(0, 10) })
          bytes += record.length
          next = message.offset + 1
        }
        options.onRecords?.(messages.length)
        if (rows.length >= (options.fileRecords ?? 50_000) || bytes >= fileBytes) await flush(next)
        if (signal?.aborted) {
          summary.complete = false
          break
        }
      }
      if (begun) await flush(next)
      if (!summary.complete) return
    }
  }

  try {
    for (const name of exportedTopics) if (summary.complete) await exportTopic(name)
    await writeManifest(dir, manifest)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
  return { records, ...summary }
}

/** Of records held in memory before they are written; decoded they take several times as much. */
const fileBytes = 64 << 20

type Row<T> = { readonly value: T; readonly message: Message; readonly record: Buffer; readonly day: string }

async function writeFiles<Name extends ExportedTopic>(
  connection: DuckDBConnection,
  dir: string,
  name: Name,
  partition: number,
  offsets: Bounds,
  rows: readonly Row<RecordOf<Name>>[],
): Promise<ExportedFile[]> {
  const columns = columnsOf(name)
  const files: ExportedFile[] = []
  for (const [day, ofDay] of Map.groupBy(rows, row => row.day)) {
    await connection.run(
      `create or replace temp table rows (${columns.map(({ name: column, type }) => `"${column}" ${type}`).join(', ')})`,
    )
    const appender = await connection.createAppender('rows')
    for (const { value, message, record } of ofDay) {
      for (const { name: column, type, of } of columns) {
        const cell = of(value, message, record)
        if (cell === null) appender.appendNull()
        else if (column === 'record') appender.appendBlob(record)
        else appender.appendValue(cell, type)
      }
      appender.endRow()
    }
    appender.closeSync()
    const first = String(ofDay[0]!.message.offset).padStart(12, '0')
    const path = join(name, day, `${String(partition).padStart(3, '0')}-${first}.parquet`)
    const file = join(dir, path)
    await mkdir(dirname(file), { recursive: true })
    await connection.run(
      `copy (select * from rows order by "offset") to '${`${file}.next`.replaceAll("'", "''")}' (format parquet, compression zstd)`,
    )
    await rename(`${file}.next`, file)
    files.push({
      path,
      topic: name,
      partition,
      offsets,
      day,
      records: ofDay.length,
      bytes: (await stat(file)).size,
      sha256: await sha256Of(file),
    })
  }
  return files
}

const momentText = (at: number | null): string => (at === null ? 'the beginning' : new Date(at).toISOString())
