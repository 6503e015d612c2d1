import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { parse } from 'csv-parse'

/** One row by column, with where it stands for messages. */
export type Row<Column extends string> = {
  readonly values: Readonly<Record<Column, string>>
  readonly where: string
}

/** Streams a CSV file with a header; the file may have `.gz` after its name. */
export async function* readRows<Column extends string>(
  dir: string,
  dataset: string,
  name: string,
  columns: readonly Column[],
): AsyncGenerator<Row<Column>> {
  const file = await findFile(dir, dataset, name)
  const parser = parse({
    bom: true,
    skip_empty_lines: true,
    columns: (header: string[]) => {
      const missing = columns.filter(column => !header.includes(column))
      if (missing.length > 0)
        throw new Error(`columns ${missing.join(', ')} are wanted, the file has ${header.join(', ')}`)
      return header
    },
  })
  const rows = pipeline(open(file), parser, ignore) as AsyncIterable<Record<Column, string>>
  let row = 0
  try {
    for await (const values of rows) yield { values, where: `${file}, row ${++row}` }
  } catch (error) {
    throw named(file, error)
  }
}

/** Streams a file of one JSON value a line; blank lines are passed over. */
export async function* readJsonLines(
  dir: string,
  dataset: string,
  name: string,
): AsyncGenerator<{ readonly value: unknown; readonly where: string }> {
  const file = await findFile(dir, dataset, name)
  let line = 0
  try {
    for await (const text of lines(open(file))) {
      line++
      if (text.trim() !== '') yield { value: JSON.parse(text), where: `${file}, line ${line}` }
    }
  } catch (error) {
    throw error instanceof SyntaxError ? named(`${file}, line ${line},`, error) : named(file, error)
  }
}

async function* lines(source: Readable): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of source.setEncoding('utf8')) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop()!
    yield* parts
  }
  if (rest !== '') yield rest
}

/** `name`, or `name.gz`; if neither is there, says what the directory holds. */
async function findFile(dir: string, dataset: string, name: string): Promise<string> {
  let held: string[]
  try {
    held = await readdir(dir)
  } catch (error) {
    throw new Error(`${dataset} wants ${name} or ${name}.gz, but ${dir} cannot be listed: ${(error as Error).message}`)
  }
  const found = [name, `${name}.gz`].find(candidate => held.includes(candidate))
  if (found !== undefined) return join(dir, found)
  const holds = held.length === 0 ? 'nothing' : held.sort().slice(0, 20).join(', ')
  throw new Error(`${dataset} wants ${name} or ${name}.gz in ${dir}, which holds ${holds}`)
}

function open(file: string): Readable {
  const source = createReadStream(file)
  return file.endsWith('.gz') ? pipeline(source, createGunzip(), ignore) : source
}

/** `pipeline` hands an error on to its last stream, whose reader gets it. */
const ignore = (): void => {}

const named = (where: string, error: unknown): Error =>
  new Error(`${where} cannot be read: ${(error as Error).message}`, { cause: error })

export function numberOf<Column extends string>(row: Row<Column>, column: Column): number {
  const text = row.values[column]
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value))
    throw new Error(`${row.where}: ${column} is ${JSON.stringify(text)}, wanted a number`)
  return value
}

/** Midnight, UTC, of a day written 2018-12-27, or the moment of 2018-12-27 13:14:15. The sets name no time zone. */
export function timeOf<Column extends string>(row: Row<Column>, column: Column): number {
  const text = row.values[column]
  const at = /^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?$/.test(text)
    ? Date.parse(`${text.replace(' ', 'T')}${text.length > 10 ? 'Z' : ''}`)
    : Number.NaN
  if (Number.isNaN(at)) throw new Error(`${row.where}: ${column} is ${JSON.stringify(text)}, wanted a date`)
  return at
}
