// The rows of a file as objects, in its order, whatever the file is: Parquet and CSV by DuckDB, JSON lines by hand. A file
// is looked at whole before its first row is given, so that one that was cut is refused and not taken in half.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { parseJson } from '@offerstream/mapping'
import { Refused } from '@offerstream/streaming'

export type RowFile = {
  /** Of the bytes: the same content is the same file, whatever its name. 32 hexadecimal digits. */
  readonly fingerprint: string
  /** Null where rows may each have their own. */
  readonly columns: readonly string[] | null
  readonly rows: number
  /** Batches in the order of the file; a row that is no object at all is given as it is. */
  read(): AsyncIterable<readonly unknown[]>
  close(): void
}

const formats = ['.parquet', '.csv', '.jsonl', '.ndjson'] as const

/** Throws `Refused` saying what is wrong with the file; nothing of it was given then. */
export async function openRows(file: string): Promise<RowFile> {
  const plain = file.replace(/\.gz$/, '')
  const format = formats.find(each => plain.toLowerCase().endsWith(each))
  if (format === undefined || (format === '.parquet' && plain !== file))
    throw new Refused(`${file}: wanted a name that ends in ${formats.join(', ')}; text files may be gzipped (.gz)`)
  const { fingerprint, lines, last } = await survey(file)
  if (format === '.jsonl' || format === '.ndjson') return jsonLines(file, fingerprint, lines, last)
  const database = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await database.connect()
  const close = (): void => {
    connection.closeSync()
    database.closeSync()
  }
  try {
    if (format === '.csv' && last !== '')
      throw new Refused(
        `${file}: its last line has no end, so the file may be cut there: ${shortened(last)}. Nothing was taken. Get the whole file, or end its last line if it is whole`,
      )
    const source = format === '.csv' ? await csvSource(file) : `read_parquet(${quoted(file)})`
    const columns = await asked(file, connection, `DESCRIBE SELECT * FROM ${source}`)
    const counted = await asked(file, connection, `SELECT count(*)::INTEGER AS rows FROM ${source}`)
    return {
      fingerprint,
      columns: columns.map(row => String(row['column_name'])),
      rows: Number(counted[0]!['rows']),
      read: () => chunks(file, connection, `SELECT * FROM ${source}`),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
const shortened = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text)

/** One pass over the bytes: what they are, how many lines, and what stands after the last line's end. */
async function survey(file: string): Promise<{ fingerprint: string; lines: number; last: string }> {
  const hash = createHash('sha256')
  let lines = 0
  let tail: Buffer[] = []
  const hashed = async function* (): AsyncIterable<Buffer> {
    for await (const chunk of createReadStream(file)) {
      hash.update(chunk)
      yield chunk
    }
  }
  await readable(file, async () => {
    for await (const chunk of unzipped(file, Readable.from(hashed()))) {
      const bytes = chunk as Buffer
      let from = 0
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
        lines++
        tail = []
        from = end + 1
      }
      // Of a Parquet file, which has no lines, only so much is kept.
      if (tail.length < 100) tail.push(bytes.subarray(from))
    }
  })
  return { fingerprint: hash.digest('hex').slice(0, 32), lines, last: Buffer.concat(tail).toString() }
}

/** Errors of the bytes reach whoever reads what it gives. */
const unzipped = (file: string, bytes: Readable): Readable =>
  file.endsWith('.gz') ? pipeline(bytes, createGunzip(), () => {}) : bytes

async function readable<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Refused) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new Refused(`${file}: there is no such file`)
    throw new Refused(`${file} cannot be read to its end, it may be cut: ${message.split('\n').slice(0, 3).join('; ')}`)
  }
}

const asked = (file: string, connection: DuckDBConnection, sql: string): Promise<Record<string, unknown>[]> =>
  readable(file, async () => (await connection.runAndReadAll(sql)).getRowObjectsJson())

/** Strict: a row with more or fewer fields than the header stops it. Every value is read as the text it is. */
async function csvSource(file: string): Promise<string> {
  const header = await readable(file, () => firstLine(file))
  if (header === '') throw new Refused(`${file}: its first line must name the columns, and it is empty`)
  const count = (delimiter: string): number => header.split(delimiter).length
  const delimiter = [',', ';', '\t', '|'].reduce((best, each) => (count(each) > count(best) ? each : best))
  const dialect = `delim=${quoted(delimiter)}, quote='"', escape='"', header=true`
  const names = fieldsOf(header, delimiter)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Refused(`${file}: two columns are named "${twice}"`)
  const columns = names.map(name => `${quoted(name)}: 'VARCHAR'`).join(', ')
  return `read_csv(${quoted(file)}, ${dialect}, auto_detect=false, strict_mode=true, null_padding=false, columns={${columns}})`
}

/** A header's names, quoted ones without their quotes. */
const fieldsOf = (header: string, delimiter: string): readonly string[] =>
  [...header.matchAll(new RegExp(`(?:^|[${delimiter}])(?:"((?:[^"]|"")*)"|([^${delimiter}]*))`, 'g'))].map(
    ([, inQuotes, plain]) => (inQuotes === undefined ? plain! : inQuotes.replaceAll('""', '"')).trim(),
  )

async function firstLine(file: string): Promise<string> {
  const lines = createInterface({ input: unzipped(file, createReadStream(file)), crlfDelay: Number.POSITIVE_INFINITY })
  for await (const line of lines) {
    lines.close()
    return line.replace(/^\uFEFF/, '')
  }
  return ''
}

async function* chunks(
  file: string,
  connection: DuckDBConnection,
  sql: string,
): AsyncIterable<readonly Record<string, unknown>[]> {
  const result = await readable(file, () => connection.stream(sql))
  const batches = result.yieldRowObjectJson()[Symbol.asyncIterator]()
  for (;;) {
    const next = await readable(file, () => batches.next())
    if (next.done) return
    yield next.value
  }
}

const linesAtOnce = 2000

async function jsonLines(file: string, fingerprint: string, lines: number, last: string): Promise<RowFile> {
  if (last.trim() !== '' && parsed(last) === undefined)
    throw new Refused(
      `${file} is cut in its last line, after ${lines} whole ones: ${shortened(last)}. Nothing was taken. Get the whole file`,
    )
  return {
    fingerprint,
    columns: null,
    rows: lines + (last.trim() === '' ? 0 : 1),
    async *read() {
      let batch: unknown[] = []
      for await (const line of createInterface({
        input: unzipped(file, createReadStream(file)),
        crlfDelay: Number.POSITIVE_INFINITY,
      })) {
        if (line.trim() !== '') batch.push(parsed(line))
        if (batch.length < linesAtOnce) continue
        yield batch
        batch = []
      }
      if (batch.length > 0) yield batch
    },
    close() {},
  }
}

function parsed(line: string): unknown {
  try {
    return parseJson(line)
  } catch {
    return undefined
  }
}
