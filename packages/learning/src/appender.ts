import {
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBType,
  type DuckDBValue,
  FLOAT,
  INTEGER,
} from '@duckdb/node-api'

export type Columns = readonly (readonly [name: string, type: DuckDBType])[]

/** Rows on their way into a table, column by column. */
export type Appender = {
  /** A list for each column; `row` is the place of the newest row in all of them. */
  readonly cells: readonly { [row: number]: DuckDBValue }[]
  readonly row: number
  /** Begins another row. */
  next(): void
  close(): void
}

/** DuckDB's own size of a chunk. */
const chunkRows = 2_048

/** Makes the table anew. */
export async function openAppender(connection: DuckDBConnection, table: string, columns: Columns): Promise<Appender> {
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE ${table} (${columns.map(([name, type]) => `"${name}" ${type.toString()}`).join(', ')})`,
  )
  const appender = await connection.createAppender(table)
  const types = columns.map(([, type]) => type)
  const cells = types.map(type =>
    type === FLOAT
      ? new Float32Array(chunkRows)
      : type === DOUBLE
        ? new Float64Array(chunkRows)
        : type === INTEGER
          ? new Int32Array(chunkRows)
          : new Array<DuckDBValue>(chunkRows).fill(null),
  )
  let rows = 0
  const flush = (): void => {
    if (rows === 0) return
    const chunk = DuckDBDataChunk.create(types, rows)
    for (const [index, column] of cells.entries())
      chunk.setColumnValues(
        index,
        (rows === chunkRows
          ? column
          : Array.isArray(column)
            ? column.slice(0, rows)
            : column.subarray(0, rows)) as DuckDBValue[],
      )
    appender.appendDataChunk(chunk)
    rows = 0
  }
  return {
    cells: cells as Appender['cells'],
    get row() {
      return rows - 1
    },
    next() {
      if (rows === chunkRows) flush()
      rows++
    },
    close() {
      flush()
      appender.closeSync()
    },
  }
}
