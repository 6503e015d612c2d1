import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBValue,
  FLOAT,
  INTEGER,
  UTINYINT,
} from '@duckdb/node-api'
import { catalogueOf } from './catalogue.ts'
import { definitionHash } from './hash.ts'
import { itemName } from './items.ts'
import { createMarket, type Market, type MarketOptions } from './market.ts'
import { play } from './play.ts'
import type { PlayOptions } from './playing.ts'
import type { Column, Table } from './table.ts'
import type { ColumnKind, TableColumns } from './topics.ts'
import { type UpsellPreset, upsellRows } from './upsell.ts'

export type WriteOptions = MarketOptions &
  PlayOptions & {
    /** A folder that does not exist yet, or is empty. */
    readonly out: string
    /** Rows of each upsell table; none unless told. */
    readonly upsellRows?: number
    /** What is being written, and which share of the whole is done. */
    readonly progress?: (line: string, share: number) => void
  }

export type Written = {
  readonly events: number
  /** Rows by topic. */
  readonly topics: Readonly<Record<string, number>>
  readonly seconds: number
  /** Playing and writing events, without the people's birth and the upsell tables. */
  readonly eventsPerSecond: number
  readonly definition: string
}

/**
 * Writes a market's months as Parquet: `events/<topic>/month=MM/*.parquet` in order of arrival, `tables/` for upsell, the
 * catalogue and `world.json`; what only a judge may see is in `oracle/`, same names. It comes whole or not at all: written
 * beside and renamed at the end. Throws where `out` already holds something.
 */
export async function writeMarket(options: WriteOptions): Promise<Written> {
  const { out, months, progress = () => undefined } = options
  if (isFull(out)) throw new Error(`${out} is not empty; name a folder that is, or that does not exist yet`)
  const partial = `${out}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  try {
    const began = performance.now()
    await connection.run('CREATE TABLE items (code INTEGER, name VARCHAR)')
    await connection.run(
      `INSERT INTO items VALUES ${itemCodes.map(code => `(${code}, '${itemName(code)}')`).join(', ')}`,
    )
    const market = createMarket(options)
    const files = createFiles(connection, partial)
    const topics: Record<string, number> = {}
    const played = performance.now()
    let month = 0
    for (const batch of play(market, options)) {
      if (batch.month !== month) {
        await files.close(month)
        month = batch.month
      }
      for (const [topic, table] of Object.entries(batch.topics)) {
        topics[topic] = (topics[topic] ?? 0) + table.rows
        await files.append(`events/${topic}`, table as unknown as Table, month)
      }
      for (const [name, table] of Object.entries(batch.oracle))
        await files.append(`oracle/${name}`, table as unknown as Table, month)
      progress(`month ${month + 1} of ${months}`, (month + 0.5) / months)
    }
    await files.close(month)
    const playing = (performance.now() - played) / 1000
    if (options.upsellRows !== undefined && options.upsellRows > 0)
      await writeUpsell(connection, partial, market, options.upsellRows, progress)
    const events = Object.values(topics).reduce((sum, rows) => sum + rows, 0)
    const definition = definitionHash()
    const { seed, customers, preset, start, parameters } = market
    writeFileSync(
      join(partial, 'world.json'),
      `${JSON.stringify({ definition, preset, seed, customers, months, start, parameters, topics, events }, null, 2)}\n`,
    )
    for (const [name, rows] of Object.entries(catalogueOf(market, months)))
      writeFileSync(join(partial, `${name}.json`), `${JSON.stringify(rows)}\n`)
    // Only an empty folder goes: what came into it meanwhile stays, and the rename says so.
    if (existsSync(out)) rmdirSync(out)
    renameSync(partial, out)
    const seconds = (performance.now() - began) / 1000
    return { events, topics, seconds, eventsPerSecond: Math.round(events / playing), definition }
  } finally {
    connection.closeSync()
    instance.closeSync()
    rmSync(partial, { recursive: true, force: true })
  }
}

function isFull(folder: string): boolean {
  try {
    return readdirSync(folder).length > 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

async function writeUpsell(
  connection: DuckDBConnection,
  folder: string,
  market: Market,
  rows: number,
  progress: (line: string, share: number) => void,
): Promise<void> {
  const presets: readonly UpsellPreset[] = market.preset === 'null' ? ['null'] : ['A', 'B', 'C']
  for (const preset of presets) {
    progress(`upsell table ${preset}`, 1)
    const files = createFiles(connection, folder)
    for (let from = 0; from < rows; from += upsellPiece) {
      const piece = upsellRows(preset, market.seed, Math.min(upsellPiece, rows - from), from)
      await files.append(`tables/upsell-${preset}`, piece.rows)
      await files.append(`oracle/upsell-${preset}`, piece.oracle)
    }
    await files.close()
  }
}

const upsellPiece = 100_000
/** Rows held before a file is written. */
const rowsPerFile = 1_000_000
/** DuckDB's own size of a chunk. */
const chunkRows = 2_048

/** Collects rows by folder and writes them as Parquet files of at most about a million rows. */
function createFiles(connection: DuckDBConnection, root: string) {
  type Held = { readonly specification: TableColumns; readonly name: string; rows: number; files: number }
  const held = new Map<string, Held>()

  async function append(folder: string, table: Table, month?: number): Promise<void> {
    let into = held.get(folder)
    if (into === undefined) {
      into = { specification: table.specification, name: `"${folder}"`, rows: 0, files: 0 }
      held.set(folder, into)
      const columns = Object.entries(table.specification).map(([name, kind]) => `"${name}" ${typeOf(kind).toString()}`)
      await connection.run(`CREATE OR REPLACE TEMP TABLE ${into.name} (${columns.join(', ')})`)
    }
    const types = Object.values(table.specification).map(typeOf)
    const columns: readonly Column[] = Object.values(table.columns)
    const appender = await connection.createAppender(`${folder}`)
    for (let from = 0; from < table.rows; from += chunkRows) {
      const to = Math.min(table.rows, from + chunkRows)
      const chunk = DuckDBDataChunk.create(types, to - from)
      columns.forEach((column, c) => {
        chunk.setColumnValues(c, column.subarray(from, to) as unknown as DuckDBValue[])
      })
      appender.appendDataChunk(chunk)
    }
    appender.closeSync()
    into.rows += table.rows
    if (into.rows >= rowsPerFile) await write(folder, into, month)
  }

  async function write(folder: string, into: Held, month: number | undefined): Promise<void> {
    if (into.rows === 0) return
    const place = join(root, folder, month === undefined ? '' : `month=${String(month).padStart(2, '0')}`)
    mkdirSync(place, { recursive: true })
    const file = join(place, `part-${String(into.files++).padStart(3, '0')}.parquet`)
    await connection.run(
      `COPY (${selectOf(into.name, into.specification)}) TO '${file.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`,
    )
    await connection.run(`TRUNCATE ${into.name}`)
    into.rows = 0
  }

  return {
    append,
    async close(month?: number): Promise<void> {
      for (const [folder, into] of held) {
        await write(folder, into, month)
        into.files = 0
      }
    },
  }
}

function typeOf(kind: ColumnKind): DuckDBType {
  switch (kind) {
    case 'f64':
      return DOUBLE
    case 'f32':
      return FLOAT
    case 'i32':
      return INTEGER
    default:
      return UTINYINT
  }
}

/** Names instead of codes; events in order of arrival. */
function selectOf(table: string, specification: TableColumns): string {
  const event = 'arrived' in specification
  const columns = Object.entries(specification).map(([name, kind]) => {
    const column = `t."${name}"`
    if (Array.isArray(kind)) return `([${kind.map(label => `'${label}'`).join(', ')}])[${column} + 1] AS "${name}"`
    if (name === 'customer') return `${customerSql} AS customer`
    if (name === 'serial') return `${customerSql} || '/' || t.serial AS id`
    if (name === 'offer' || name === 'purchase')
      return `CASE WHEN ${column} >= 0 THEN ${customerSql} || '/' || ${column} END AS "${name}"`
    if (name === 'item')
      return `coalesce(items.name, CASE WHEN t.item >= 1000 THEN 'sale-' || (t.item - 1000) END) AS item`
    if (kind === 'f64' && timeColumns.has(name)) return `CAST(${column} AS BIGINT) AS "${name}"`
    return column
  })
  const joined = 'item' in specification ? ' LEFT JOIN items ON items.code = t.item' : ''
  return `SELECT ${columns.join(', ')} FROM ${table} t${joined}${event ? ' ORDER BY t.arrived, t.customer, t.serial' : ''}`
}

const customerSql = `printf('m%07d', t.customer)`
const timeColumns = new Set(['at', 'arrived', 'purchasedAt', 'customerSince', 'bindingEndsAt'])
const itemCodes = Array.from({ length: 400 }, (_, code) => code).filter(code => {
  try {
    return itemName(code) !== null
  } catch {
    return false
  }
})
