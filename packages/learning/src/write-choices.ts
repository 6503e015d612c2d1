import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { BIGINT, BOOLEAN, DOUBLE, DuckDBInstance, FLOAT, INTEGER, VARCHAR } from '@duckdb/node-api'
import type { CatalogueItem } from '@offerstream/contracts'
import { type Columns, openAppender } from './appender.ts'
import type { Block } from './block.ts'
import type { Vectors } from './vectors.ts'

export type ChoiceCounts = {
  readonly rows: number
  readonly offers: number
  /** Of the offers. */
  readonly accepted: number
  /** Plans bought unasked. */
  readonly organic: number
}

export const noChoices: ChoiceCounts = { rows: 0, offers: 0, accepted: 0, organic: 0 }

export const sumOfCounts = (one: ChoiceCounts, other: ChoiceCounts): ChoiceCounts => ({
  rows: one.rows + other.rows,
  offers: one.offers + other.offers,
  accepted: one.accepted + other.accepted,
  organic: one.organic + other.organic,
})

export type ChoiceWriter = {
  /** Writes a settled block as a file of its own, and one for judges where there is a truth. Months count from `start`. */
  write(block: Block, start: number, name: string): Promise<ChoiceCounts>
  close(): void
}

/** Writes files of a choice table into a folder. */
export async function createChoiceWriter(
  folder: string,
  { features, pairs }: Pick<Vectors, 'features' | 'pairs'>,
): Promise<ChoiceWriter> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  const groupColumns: Columns = [...keysOfGroups, ...features.map(name => [name, FLOAT] as const)]
  const rowColumns: Columns = [...keysOfRows, ...pairs.map(name => [name, FLOAT] as const)]
  const vector = [...features, ...pairs].map(name => `"${name}"`).join(', ')
  const codes = new Map<CatalogueItem, number>()

  const codeOf = (item: CatalogueItem): number => {
    let code = codes.get(item)
    if (code === undefined) {
      code = codes.size
      codes.set(item, code)
    }
    return code
  }
  /** What the catalogue says of the item of a row. */
  const said = (of: (item: CatalogueItem) => string): string => `[${[...codes.keys()].map(of).join(', ')}][item + 1]`
  const copy = async (select: string, file: string): Promise<void> => {
    // A small dictionary is given up sooner where values hardly repeat; it takes a third off the time, and of the bytes.
    await connection.run(
      `COPY (${select}) TO ${quoted(file)} (FORMAT parquet, COMPRESSION zstd, DICTIONARY_SIZE_LIMIT 2000)`,
    )
  }

  return {
    async write(block, start, name) {
      const counts = { ...noChoices }
      codes.clear()
      const groups = await openAppender(connection, 'groups', groupColumns)
      const rows = await openAppender(connection, 'choices', rowColumns)
      let next = 0
      let hasTruth = false
      for (const [g, group] of block.groups.entries()) {
        const { items, source, accepted, propensities, truth } = group
        const first = next
        next += items.length
        const organic = source === 'organic'
        if (!group.kept) continue
        hasTruth ||= truth !== null
        counts.rows += items.length
        counts[organic ? 'organic' : 'offers']++
        counts.accepted += Number(accepted && !organic)
        const own = groups.next()
        groups.integers[0]![own] = g
        groups.integers[1]![own] = Math.floor((group.at - start) / monthMs)
        groups.integers[2]![own] = group.chosen
        groups.floats[0]![own] = truth?.attending ?? Number.NaN
        const others = [
          group.id,
          group.customer.name,
          BigInt(group.at),
          group.current,
          organic,
          group.control,
          group.opened,
          accepted,
          group.rejected,
        ]
        for (let c = 0; c < others.length; c++) groups.others[c]![own] = others[c]!
        for (let f = 0; f < features.length; f++) groups.floats[1 + f]![own] = block.features[g * features.length + f]!
        for (let k = 0; k < items.length; k++) {
          const row = rows.next()
          rows.integers[0]![row] = g
          rows.integers[1]![row] = k
          rows.integers[2]![row] = codeOf(items[k]!)
          rows.doubles[0]![row] = organic ? Number.NaN : propensities[k]!
          rows.floats[0]![row] = truth === null ? Number.NaN : truth.accept[k]!
          for (let p = 0; p < pairs.length; p++) rows.floats[1 + p]![row] = block.pairs[(first + k) * pairs.length + p]!
        }
      }
      groups.close()
      rows.close()
      const file = `part-${name}.parquet`
      // One thread, and each row finds one group: the rows keep their order.
      const joined = 'FROM choices JOIN groups USING (g)'
      const item = `${said(({ name }) => quoted(name))} AS item`
      await copy(
        `SELECT decision, customer, "at", "month", CASE WHEN organic THEN 'organic' ELSE 'offer' END AS source, ${item},
         current, ${said(({ priceMinor }) => `${priceMinor}`)} AS price_minor,
         ${said(({ marginMinor }) => `${marginMinor}`)} AS margin_minor, k = chosen AND NOT organic AS offered, propensity,
         k = chosen AND was_opened AS opened, k = chosen AND was_accepted AS accepted,
         k = chosen AND was_rejected AS rejected, control, ${vector} ${joined}`,
        join(folder, file),
      )
      if (!hasTruth) return counts
      mkdirSync(join(folder, 'oracle'), { recursive: true })
      await copy(
        `SELECT decision, ${item}, attending, accept ${joined} WHERE NOT organic`,
        join(folder, 'oracle', file),
      )
      return counts
    },
    close() {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

const keysOfGroups: Columns = [
  ['g', INTEGER],
  ['month', INTEGER],
  ['chosen', INTEGER],
  ['attending', FLOAT],
  ['decision', VARCHAR],
  ['customer', VARCHAR],
  ['at', BIGINT],
  ['current', VARCHAR],
  ['organic', BOOLEAN],
  ['control', BOOLEAN],
  ['was_opened', BOOLEAN],
  ['was_accepted', BOOLEAN],
  ['was_rejected', BOOLEAN],
]
const keysOfRows: Columns = [
  ['g', INTEGER],
  ['k', INTEGER],
  ['item', INTEGER],
  ['propensity', DOUBLE],
  ['accept', FLOAT],
]

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
const monthMs = 30 * 86_400_000

/** In names of files: their order is that of numbers. */
export const threeDigits = (number: number): string => String(number).padStart(3, '0')
