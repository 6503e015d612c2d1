// One file of a ranking: a row for each customer and eligible item, customers in order, the best first.

import { createHash } from 'node:crypto'
import { mkdir, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBValue,
  FLOAT,
  INTEGER,
  VARCHAR,
} from '@duckdb/node-api'
import type { Ranked } from './rank.ts'

export type RankingParquet = {
  /** Whole or not at all; the same rows give the same bytes. */
  write(file: string, ranked: Ranked): Promise<{ readonly bytes: number; readonly sha256: string }>
  close(): void
}

type Column = { readonly name: string; readonly type: DuckDBType; readonly values: readonly (DuckDBValue | null)[] }

/** DuckDB's own size of a chunk. */
const chunkRows = 2048

export async function createRankingParquet(
  playbookVersion: number,
  models: readonly { readonly name: string; readonly version: string; readonly sha256: string }[],
): Promise<RankingParquet> {
  // One thread: the order of rows, and so the bytes, hang on nothing else.
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '512MB' })
  const connection = await instance.connect()
  await fill(connection, 'models', [
    { name: 'place', type: INTEGER, values: models.map((_, place) => place) },
    { name: 'model', type: VARCHAR, values: models.map(({ name, version }) => `${name}/${version}`) },
    { name: 'sha256', type: VARCHAR, values: models.map(({ sha256 }) => sha256) },
  ])
  return {
    async write(file, ranked) {
      const items = [...new Set(ranked.items)]
      const codes = new Map(items.map((item, code) => [item, code]))
      const refusals = [...new Set(ranked.refused)]
      const refusalCodes = new Map(refusals.map((text, code) => [text, code]))
      await fill(connection, 'items', [
        { name: 'code', type: INTEGER, values: items.map((_, code) => code) },
        { name: 'item', type: VARCHAR, values: items },
      ])
      await fill(connection, 'refusals', [
        { name: 'code', type: INTEGER, values: refusals.map((_, code) => code) },
        { name: 'refused', type: VARCHAR, values: refusals },
      ])
      await fill(connection, 'people', [
        { name: 'person', type: INTEGER, values: ranked.customers.map((_, person) => person) },
        { name: 'customer', type: VARCHAR, values: ranked.customers },
        { name: 'moment', type: DOUBLE, values: ranked.ats },
        { name: 'refusal', type: INTEGER, values: ranked.refused.map(text => refusalCodes.get(text)!) },
      ])
      await fill(connection, 'ranking', [
        { name: 'person', type: INTEGER, values: ranked.of },
        { name: 'place', type: INTEGER, values: ranked.of.map((_, place) => place) },
        { name: 'rank', type: INTEGER, values: ranked.ranks },
        { name: 'code', type: INTEGER, values: ranked.items.map(item => codes.get(item)!) },
        { name: 'score', type: FLOAT, values: ranked.scores },
        { name: 'value_minor', type: DOUBLE, values: ranked.values },
        { name: 'propensity', type: DOUBLE, values: ranked.propensities },
        { name: 'model_place', type: INTEGER, values: ranked.models },
      ])
      await mkdir(dirname(file), { recursive: true })
      const part = `${file}.part`
      await connection.run(
        `copy (
          select customer, epoch_ms(moment::bigint)::timestamp_ms as "at", rank, item, score, value_minor, propensity,
            refused, ${playbookVersion}::bigint as playbook_version, model, sha256
          from people left join ranking using (person)
          left join items using (code)
          left join refusals on refusals.code = refusal
          left join models on models.place = model_place
          order by person, ranking.place
        ) to '${part.replaceAll("'", "''")}' (format parquet, compression zstd)`,
      )
      const written = await readFile(part)
      await rename(part, file)
      return { bytes: written.length, sha256: createHash('sha256').update(written).digest('hex') }
    },
    close() {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

async function fill(connection: DuckDBConnection, table: string, columns: readonly Column[]): Promise<void> {
  await connection.run(
    `create or replace temp table ${table} (${columns.map(({ name, type }) => `"${name}" ${type}`).join(', ')})`,
  )
  const rows = columns[0]!.values.length
  const appender = await connection.createAppender(table)
  const types = columns.map(({ type }) => type)
  for (let from = 0; from < rows; from += chunkRows) {
    const to = Math.min(rows, from + chunkRows)
    const chunk = DuckDBDataChunk.create(types, to - from)
    for (const [place, { values }] of columns.entries()) chunk.setColumnValues(place, values.slice(from, to))
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
}
