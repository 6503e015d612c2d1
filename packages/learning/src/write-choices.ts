import { mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BIGINT, BOOLEAN, DOUBLE, DuckDBInstance, type DuckDBValue, FLOAT, INTEGER, VARCHAR } from '@duckdb/node-api'
import { type Appender, type Columns, openAppender } from './appender.ts'
import type { Block } from './block.ts'
import { entriesIn } from './folder.ts'
import type { Vectors } from './vectors.ts'

export type ChoiceCounts = {
  readonly rows: number
  readonly offers: number
  readonly organic: number
  readonly accepted: number
}

export type ChoiceFiles = {
  /** Writes a settled block as a file of its own, and one for the judges where there is a truth. Months count from `start`. */
  write(block: Block, start: number): Promise<void>
  /** Ends the folder with its `columns.json` and gives it its name. */
  finish(world: object | null): ChoiceCounts
  /** Always; what was not finished leaves nothing. */
  close(): void
}

/** The choice table of a folder: it comes whole or not at all. Throws where `out` already holds something. */
export async function createChoiceFiles(
  out: string,
  { features, pairs }: Pick<Vectors, 'features' | 'pairs'>,
): Promise<ChoiceFiles> {
  if ((entriesIn(out) ?? 0) > 0)
    throw new Error(`${out} is not empty; name a folder that is, or that does not exist yet`)
  const partial = `${out}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  const groupColumns: Columns = [...keysOfGroups, ...features.map(name => [name, FLOAT] as const)]
  const rowColumns: Columns = [...keysOfRows, ...pairs.map(name => [name, FLOAT] as const)]
  const codes = new Map<string, number>()
  const counts = { rows: 0, offers: 0, organic: 0, accepted: 0 }
  let files = 0

  const copy = async (select: string, file: string): Promise<void> => {
    await connection.run(`COPY (${select}) TO '${file.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`)
  }
  const codeOf = (name: string): number => {
    const code = codes.get(name) ?? codes.size
    codes.set(name, code)
    return code
  }

  return {
    async write(block, start) {
      const groups = await openAppender(connection, 'groups', groupColumns)
      const rows = await openAppender(connection, 'choices', rowColumns)
      let row = 0
      let hasTruth = false
      for (const [g, group] of block.groups.entries()) {
        const { id, items, customer, at, source, current, control, chosen, propensities, truth } = group
        const first = row
        row += items.length
        const organic = source === 'organic'
        if (organic && !group.accepted) continue
        hasTruth ||= truth !== null
        counts[organic ? 'organic' : 'offers']++
        counts.rows += items.length
        counts.accepted += Number(group.accepted)
        const month = Math.floor((at - start) / monthMs)
        const attending = truth?.attending ?? Number.NaN
        put(groups, [g, id, customer.name, BigInt(at), month, organic, current, control, attending])
        putFloats(groups, keysOfGroups.length, block.features, g * features.length, features.length)
        for (const [index, { name, priceMinor, marginMinor }] of items.entries()) {
          const shown = index === chosen
          const propensity = organic ? Number.NaN : propensities[index]!
          const became = [shown && group.opened, shown && group.accepted, shown && group.rejected]
          const accept = truth?.accept[index] ?? Number.NaN
          put(rows, [g, codeOf(name), priceMinor, marginMinor, shown && !organic, propensity, ...became, accept])
          putFloats(rows, keysOfRows.length, block.pairs, (first + index) * pairs.length, pairs.length)
        }
      }
      groups.close()
      rows.close()
      const file = `part-${String(files++).padStart(3, '0')}.parquet`
      const names = [...codes.keys()].map(name => `'${name.replaceAll("'", "''")}'`).join(', ')
      // One thread, and each row finds one group: the rows keep their order.
      const joined = 'FROM choices JOIN groups USING (g)'
      const vector = [...features, ...pairs].map(name => `"${name}"`).join(', ')
      await copy(
        `SELECT decision, customer, "at", "month", CASE WHEN organic THEN 'organic' ELSE 'offer' END AS source,
         [${names}][item + 1] AS item, current, price_minor, margin_minor, offered, propensity, opened, accepted, rejected,
         control, ${vector} ${joined}`,
        join(partial, file),
      )
      if (!hasTruth) return
      mkdirSync(join(partial, 'oracle'), { recursive: true })
      await copy(
        `SELECT decision, [${names}][item + 1] AS item, attending, accept ${joined} WHERE NOT organic`,
        join(partial, 'oracle', file),
      )
    },
    finish(world) {
      writeFileSync(join(partial, 'columns.json'), `${JSON.stringify({ features, pairs, world })}\n`)
      // Only an empty folder goes: what came into it meanwhile stays, and the rename says so.
      if (entriesIn(out) !== null) rmdirSync(out)
      renameSync(partial, out)
      return counts
    },
    close() {
      connection.closeSync()
      instance.closeSync()
      rmSync(partial, { recursive: true, force: true })
    },
  }
}

const keysOfGroups: Columns = [
  ['g', INTEGER],
  ['decision', VARCHAR],
  ['customer', VARCHAR],
  ['at', BIGINT],
  ['month', INTEGER],
  ['organic', BOOLEAN],
  ['current', VARCHAR],
  ['control', BOOLEAN],
  ['attending', FLOAT],
]
const keysOfRows: Columns = [
  ['g', INTEGER],
  ['item', INTEGER],
  ['price_minor', INTEGER],
  ['margin_minor', INTEGER],
  ['offered', BOOLEAN],
  ['propensity', DOUBLE],
  ['opened', BOOLEAN],
  ['accepted', BOOLEAN],
  ['rejected', BOOLEAN],
  ['accept', FLOAT],
]

/** Begins a row with its first cells. */
function put(appender: Appender, values: readonly DuckDBValue[]): void {
  appender.next()
  for (let column = 0; column < values.length; column++) appender.cells[column]![appender.row] = values[column]!
}

function putFloats({ cells, row }: Appender, column: number, values: Float32Array, from: number, count: number): void {
  for (let i = 0; i < count; i++) cells[column + i]![row] = values[from + i]!
}

const monthMs = 30 * 86_400_000
