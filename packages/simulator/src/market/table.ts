import type { ColumnKind, TableColumns } from './topics.ts'

export type Column = Float64Array | Float32Array | Int32Array | Uint8Array

/** Rows in columns of typed arrays. The first `rows` of each column count; the rest is room. */
export type Table<Columns extends TableColumns = TableColumns> = {
  readonly specification: Columns
  readonly columns: { readonly [Name in keyof Columns]: Column }
  readonly capacity: number
  rows: number
}

export function createTable<Columns extends TableColumns>(specification: Columns, capacity: number): Table<Columns> {
  const columns = Object.fromEntries(
    Object.entries(specification).map(([name, kind]) => [name, columnOf(kind, capacity)]),
  )
  return { specification, columns: columns as Table<Columns>['columns'], capacity, rows: 0 }
}

function columnOf(kind: ColumnKind, capacity: number): Column {
  switch (kind) {
    case 'f64':
      return new Float64Array(capacity)
    case 'f32':
      return new Float32Array(capacity)
    case 'i32':
      return new Int32Array(capacity)
    default:
      return new Uint8Array(capacity)
  }
}

/** Row numbers in the order in which the rows arrive; equal times keep their order. */
export function byArrival(table: Table<{ readonly arrived: 'f64' }>): Uint32Array {
  const { arrived } = table.columns
  return Uint32Array.from({ length: table.rows }, (_, row) => row).sort((a, b) => arrived[a]! - arrived[b]! || a - b)
}
