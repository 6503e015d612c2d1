import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMarket, play, type Written, writeMarket } from '../src/index.ts'

const root = mkdtempSync(join(tmpdir(), 'market-'))
const options = { seed: 3, customers: 300, months: 2, upsellRows: 500 }
const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
const connection = await instance.connect()
const rows = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson()
let written: Written

beforeAll(async () => {
  written = await writeMarket({ ...options, out: join(root, 'one') })
})

afterAll(() => {
  connection.closeSync()
  rmSync(root, { recursive: true, force: true })
})

const counted = (): number => {
  let count = 0
  for (const { topics } of play(createMarket(options), options))
    for (const table of Object.values(topics)) count += table.rows
  return count
}

describe('a market on disk', () => {
  test('holds every event, in order of arrival, with names for codes', async () => {
    const all = await rows(
      `SELECT count(*)::INT FROM read_parquet('${root}/one/events/*/*/*.parquet', union_by_name = true)`,
    )
    expect(all).toEqual([[counted()]])
    expect(written.events).toBe(counted())
    const usage = `read_parquet('${root}/one/events/usage/month=00/*.parquet')`
    expect(
      await rows(
        `SELECT count(*)::INT FROM (SELECT arrived, lag(arrived) OVER () AS before FROM ${usage}) WHERE before > arrived`,
      ),
    ).toEqual([[0]])
    expect(await rows(`SELECT DISTINCT kind FROM ${usage} ORDER BY 1`)).toEqual([['data'], ['text'], ['voice']])
    const purchases = `read_parquet('${root}/one/events/purchases/*/*.parquet')`
    expect(await rows(`SELECT count(*)::INT FROM ${purchases} WHERE item IS NULL`)).toEqual([[0]])
    const orphans = await rows(
      `SELECT count(*)::INT FROM ${purchases} r LEFT JOIN ${purchases} p ON p.id = r.purchase WHERE r.type = 'purchase_retracted' AND p.id IS NULL`,
    )
    expect(orphans).toEqual([[0]])
  })

  test('joins its oracle by id, and keeps it in a folder of its own', async () => {
    const joined = await rows(
      `SELECT count(*)::INT FROM read_parquet('${root}/one/oracle/offers/*/*.parquet') o JOIN (SELECT DISTINCT id FROM read_parquet('${root}/one/events/offers/*/*.parquet')) e ON e.id = o.id`,
    )
    const offers = await rows(
      `SELECT count(DISTINCT id)::INT FROM read_parquet('${root}/one/events/offers/*/*.parquet')`,
    )
    expect(joined).toEqual(offers)
    expect(readdirSync(join(root, 'one')).sort()).toEqual(
      [
        'competitor.json',
        'events',
        'oracle',
        'packages.json',
        'plans.json',
        'sales.json',
        'tables',
        'world.json',
      ].sort(),
    )
    const plans = readFileSync(join(root, 'one', 'plans.json'), 'utf8')
    const sales = readFileSync(join(root, 'one', 'sales.json'), 'utf8')
    expect(`${plans}${sales}`).not.toMatch(/style|popularity/)
    expect(
      await rows(
        `SELECT count(*)::INT FROM '${root}/one/tables/upsell-B/*.parquet' t JOIN '${root}/one/oracle/upsell-B/*.parquet' o USING (row)`,
      ),
    ).toEqual([[500]])
  })

  test('is the same bytes when written again', async () => {
    await writeMarket({ ...options, out: join(root, 'two') })
    for (const file of [
      'events/usage/month=01/part-000.parquet',
      'oracle/people/month=00/part-000.parquet',
      'world.json',
    ])
      expect(readFileSync(join(root, 'two', file)).equals(readFileSync(join(root, 'one', file)))).toBe(true)
  })

  test('is refused in a folder that holds something, and leaves nothing half written', async () => {
    const out = join(root, 'full')
    mkdirSync(out)
    writeFileSync(join(out, 'mine.txt'), 'kept')
    await expect(writeMarket({ ...options, out })).rejects.toThrow('is not empty')
    expect(readdirSync(out)).toEqual(['mine.txt'])
    const broken = join(root, 'broken')
    const failing = () => {
      throw new Error('no room')
    }
    await expect(writeMarket({ ...options, out: broken, progress: failing })).rejects.toThrow('no room')
    expect(existsSync(broken) || existsSync(`${broken}.partial`)).toBe(false)
  })
})
