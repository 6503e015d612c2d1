import {
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBDoubleVector,
  type DuckDBFloatVector,
  type DuckDBIntegerVector,
  type DuckDBType,
  type DuckDBValue,
  FLOAT,
  INTEGER,
} from '@duckdb/node-api'

export type Columns = readonly (readonly [name: string, type: DuckDBType])[]

/** Rows on their way into a table, column by column, a list for each by kind, in the order of the table's columns of that kind. */
export type Appender = {
  readonly integers: readonly Int32Array[]
  readonly doubles: readonly Float64Array[]
  readonly floats: readonly Float32Array[]
  readonly others: readonly DuckDBValue[][]
  /** Begins another row and answers its place in all lists. */
  next(): number
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
  const placesOf = (is: (type: DuckDBType) => boolean): number[] =>
    types.flatMap((type, index) => (is(type) ? [index] : []))
  const [integerAt, doubleAt, floatAt] = [INTEGER, DOUBLE, FLOAT].map(kind => placesOf(type => type === kind))
  const otherAt = placesOf(type => type !== INTEGER && type !== DOUBLE && type !== FLOAT)
  const integers = integerAt!.map(() => new Int32Array(chunkRows))
  const doubles = doubleAt!.map(() => new Float64Array(chunkRows))
  const floats = floatAt!.map(() => new Float32Array(chunkRows))
  const others = otherAt.map(() => new Array<DuckDBValue>(chunkRows).fill(null))
  let rows = 0
  const flush = (): void => {
    if (rows === 0) return
    const chunk = DuckDBDataChunk.create(types, rows)
    // A loop for each kind of vector: one for all is many times as slow.
    for (const [index, place] of integerAt!.entries())
      setIntegers(chunk.getColumnVector(place) as DuckDBIntegerVector, integers[index]!, rows)
    for (const [index, place] of doubleAt!.entries())
      setDoubles(chunk.getColumnVector(place) as DuckDBDoubleVector, doubles[index]!, rows)
    for (const [index, place] of floatAt!.entries())
      setFloats(chunk.getColumnVector(place) as DuckDBFloatVector, floats[index]!, rows)
    for (const [index, place] of otherAt.entries()) chunk.setColumnValues(place, others[index]!.slice(0, rows))
    appender.appendDataChunk(chunk)
    rows = 0
  }
  return {
    integers,
    doubles,
    floats,
    others,
    next() {
      if (rows === chunkRows) flush()
      return rows++
    },
    close() {
      flush()
      appender.closeSync()
    },
  }
}

function setIntegers(vector: DuckDBIntegerVector, values: Int32Array, rows: number): void {
  for (let row = 0; row < rows; row++) vector.setItem(row, values[row]!)
  vector.flush()
}

function setDoubles(vector: DuckDBDoubleVector, values: Float64Array, rows: number): void {
  for (let row = 0; row < rows; row++) vector.setItem(row, values[row]!)
  vector.flush()
}

function setFloats(vector: DuckDBFloatVector, values: Float32Array, rows: number): void {
  for (let row = 0; row < rows; row++) vector.setItem(row, values[row]!)
  vector.flush()
}
