import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance, type Json } from '@duckdb/node-api'
import { apply, empty, factsOf, names, read, type State } from '@offerstream/features'
import { atBoundary, pairContext, pairNames, pairsOf } from '@offerstream/ranker'
import { createMarket, eventId, play, recordsOf } from '@offerstream/simulator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { marketCatalogues } from '../src/market-catalogue.ts'
import { createVectors } from '../src/vectors.ts'
import { pushesPerMonth, type World, worldChoices } from '../src/world.ts'
import { writeWorld } from '../src/write-world.ts'

type Row = Record<string, Json>

const world: World = {
  seed: 7,
  customers: 400,
  preset: 'medium-taste',
  months: 3,
  exploration: 0.3,
  keepFromMonth: 0,
  sample: 1,
}

test('vectors of a world are those of the whole engine over its records, in the order of arrival', () => {
  const vectors = createVectors()
  const market = createMarket(world)
  const catalogues = marketCatalogues(market, world.months)
  const events = []
  const offers = new Map<string, number>()
  for (const batch of play(market, { ...world, pushesPerMonth })) {
    for (const arrival of recordsOf(batch)) events.push({ ...arrival, month: batch.month })
    const { customer, serial, at } = batch.topics.offers.columns
    for (let row = 0; row < batch.topics.offers.rows; row++) offers.set(eventId(customer[row]!, serial[row]!), at[row]!)
  }
  events.sort((a, b) => a.arrived - b.arrived)

  const asked = []
  for (const { block, month } of worldChoices(world, vectors)) {
    let row = 0
    for (const [index, group] of block.groups.entries()) {
      const from = row
      row += group.items.length
      if (group.source === 'organic') continue
      asked.push({
        ...group,
        month,
        own: block.features.slice(index * vectors.features.length, (index + 1) * vectors.features.length),
        pairs: block.pairs.slice(from * pairNames.length, row * pairNames.length),
      })
    }
  }
  expect(new Map(asked.map(({ id, at }) => [id, at]))).toEqual(offers)

  const states = new Map<string, State>()
  let next = 0
  for (const { at, customer, items, month, own, pairs } of asked.sort((a, b) => a.at - b.at)) {
    for (; next < events.length && events[next]!.arrived < at; next++) {
      const { record, arrived, month } = events[next]!
      const item = catalogues[month]!.stampOf('item' in record ? record.item : 'plan' in record ? record.plan : null)
      const state = states.get(record.customer) ?? empty
      states.set(record.customer, apply(state, { journalledAt: arrived, triggers: true, item, event: record }))
    }
    const state = states.get(customer.name) ?? empty
    const whole = read(state, at)
    expect(own).toEqual(Float32Array.from(vectors.features, name => whole[names.indexOf(name)]!))
    const update = {
      id: '',
      customer: customer.name,
      at,
      trigger: { kind: '', event: '', at },
      fingerprint: '',
      features: Array.from(whole),
      facts: factsOf(state),
    }
    const context = pairContext(update, at, catalogues[month]!.playbook)
    expect(pairs).toEqual(atBoundary(pairsOf(context, items, pairNames)))
  }
  expect(asked.length).toBeGreaterThan(900)
})

describe('given the folder of a small world', () => {
  let dir: string
  let rows: Row[]
  let oracle: Row[]
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'offerstream-learning-'))
    await writeWorld({ ...world, out: join(dir, 'world') })
    await writeWorld({ ...world, keepFromMonth: 1, sample: 0.5, out: join(dir, 'part') })
    rows = await rowsIn(join(dir, 'world'))
    oracle = await rowsIn(join(dir, 'world', 'oracle'))
  })
  afterAll(() => rmSync(dir, { recursive: true }))

  test('rows of a decision are on end, its candidates by price', () => {
    const groups = Map.groupBy(rows, row => row['decision'])
    expect([...groups.values()].flat()).toEqual(rows)
    for (const group of groups.values()) {
      const prices = group.map(row => row['price_minor'] as number)
      expect(prices).toEqual([...prices].sort((a, b) => a - b))
    }
    expect(groups.size).toBeGreaterThan(900)
  })

  test('propensities are those of the draw, and add up to one', () => {
    const offers = rows.filter(row => row['source'] === 'offer')
    for (const group of Map.groupBy(offers, row => row['decision']).values()) {
      expect(group.reduce((sum, row) => sum + (row['propensity'] as number), 0)).toBeCloseTo(1, 12)
      expect(group.filter(row => row['offered'])).toHaveLength(1)
      expect(group[0]!['propensity']).toBeCloseTo(0.7 + 0.3 / group.length, 12)
    }
  })

  test('the oracle stands apart, a row for each candidate of an offer, and no column of it in the table', () => {
    const offers = rows.filter(row => row['source'] === 'offer')
    expect(oracle.map(row => [row['decision'], row['item']])).toEqual(offers.map(row => [row['decision'], row['item']]))
    expect(oracle.every(row => (row['accept'] as number) >= 0 && (row['accept'] as number) <= 1)).toBe(true)
    expect(Object.keys(rows[0]!).filter(name => name === 'attending' || name === 'accept')).toEqual([])
    const { features, pairs, world: said } = JSON.parse(readFileSync(join(dir, 'world', 'columns.json'), 'utf8'))
    expect(said).toEqual(world)
    expect(Object.keys(rows[0]!).slice(-features.length - pairs.length)).toEqual([...features, ...pairs])
  })

  test('some of its customers, from some month on, have the very same rows', async () => {
    const part = await rowsIn(join(dir, 'part'))
    const chosen = new Set(part.map(row => row['customer']))
    expect(part).toEqual(rows.filter(row => chosen.has(row['customer']) && (row['month'] as number) >= 1))
    expect(chosen.size).toBeGreaterThan(150)
    expect(chosen.size).toBeLessThan(250)
  })

  test('by ranges of its customers on two threads it has the very same rows', async () => {
    const out = join(dir, 'ranges')
    await writeWorld({ ...world, out, together: 150, threads: 2 })
    expect(readdirSync(out).filter(name => name.startsWith('part-000'))).toHaveLength(3)
    expect(await rowsIn(out)).toEqual(rows)
    expect(await rowsIn(join(out, 'oracle'))).toEqual(oracle)
  })

  test('a thread that fails takes the world with it', async () => {
    const out = join(dir, 'failed')
    const failing = writeWorld({ ...world, preset: 'none' as 'null', out, together: 150, threads: 2 })
    await expect(failing).rejects.toThrow()
    expect([existsSync(out), existsSync(`${out}.partial`)]).toEqual([false, false])
  })

  test('it comes whole or not at all: a folder that holds something stays as it is', async () => {
    const out = join(dir, 'full')
    mkdirSync(out)
    writeFileSync(join(out, 'mine'), '')
    await expect(writeWorld({ ...world, out })).rejects.toThrow(`${out} is not empty`)
    expect(readdirSync(out)).toEqual(['mine'])
    await expect(writeWorld({ ...world, preset: 'none' as 'null', out: join(dir, 'never') })).rejects.toThrow()
    expect([existsSync(join(dir, 'never')), existsSync(join(dir, 'never.partial'))]).toEqual([false, false])
  })
})

async function rowsIn(folder: string): Promise<Row[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  try {
    return (await connection.runAndReadAll(`SELECT * FROM read_parquet('${folder}/*.parquet')`)).getRowObjectsJson()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
