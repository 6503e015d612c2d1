// Transactions from disk through the feature engine, shard by shard, and the aggregates DuckDB can compute of the same files.

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { ItemStamp } from '@offerstream/contracts'
import { apply, empty, type FeatureName, names, read } from '@offerstream/features'
import type { Bench, Progress } from './bench.ts'

const dayMs = 86_400_000
/** Fourteen months, so that the oldest is beyond every window. */
const start = Date.UTC(2024, 10, 1)
const end = Date.UTC(2026, 0, 1) - 1
/** As in a base of 7.7 million with 52 million transactions. */
const rowsPerCustomer = 6.75
/** Customers of a file. */
const customersPerShard = 20_000
const items = 300

const itemKinds = ['package', 'package', 'package', 'plan', 'sale']
const serviceTypes = ['mobile-data', 'mobile-data', 'voice', 'streaming', 'roaming', 'retail', 'mobile-data']
const channels = ['app', 'web', 'shop', 'call-centre']

export const transactions: Bench = {
  says: 'transactions from disk through the feature engine: time, peak memory, growth; DuckDB beside it, values equal',
  options: {
    counts: {
      fallback: '100000,500000,1000000',
      says: 'transactions of each run, thousands of them, in the order given',
    },
  },
  async run(settings, progress) {
    const counts = settings['counts']!.split(',').map(Number)
    if (counts.some(count => !Number.isInteger(count) || count < 1_000))
      throw new Error(
        `--counts is "${settings['counts']}", wanted whole numbers from 1000 on, with commas between them`,
      )
    const runs: Run[] = []
    for (const count of counts) runs.push(await runOnce(count, progress))
    const [first] = runs
    const last = runs.at(-1)!
    const times = (value: (run: Run) => number): string => (value(last) / value(first!)).toFixed(2)
    return {
      title: `transactions from disk, ${names.length} features of every customer; DuckDB computes ${compared.length} of them`,
      rows: [
        [
          'transactions',
          'customers',
          'seconds',
          'CPU-s',
          'transactions/CPU-s',
          'peak MB',
          'DuckDB seconds',
          'values compared',
          'different',
        ],
        ...runs.map(run => [
          run.transactions.toLocaleString('en'),
          run.customers,
          run.seconds,
          run.cpuSeconds,
          run.transactions / run.cpuSeconds,
          run.peakMb,
          run.duckdbSeconds,
          run.compared,
          run.different,
        ]),
      ],
      remarks: [
        `${last.transactions / first!.transactions} times the transactions: ${times(run => run.cpuSeconds)} times the CPU time, ${times(run => run.peakMb)} times the memory`,
        `a shard holds ${customersPerShard.toLocaleString('en')} customers; both read the same Parquet files, DuckDB with one thread`,
      ],
      figures: { runs, features: names.length },
    }
  },
}

type Run = {
  readonly transactions: number
  readonly customers: number
  /** Reading the files, folding every transaction, reading every customer's features. */
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMb: number
  readonly duckdbSeconds: number
  readonly compared: number
  readonly different: number
}

async function runOnce(count: number, progress: Progress): Promise<Run> {
  const dir = join(import.meta.dirname, '../../.local/bench-transactions')
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '500MB' })
  const connection = await instance.connect()
  const shards = Math.ceil(count / rowsPerCustomer / customersPerShard)
  const files = Array.from({ length: shards }, (_, shard) => join(dir, `shard-${shard}.parquet`))
  const total = { customers: 0, seconds: 0, cpuSeconds: 0, peakMb: 0, duckdbSeconds: 0, compared: 0, different: 0 }
  try {
    await describeItems(connection)
    for (const [shard, file] of files.entries()) {
      progress(`${count.toLocaleString('en')} transactions: writing`, (shard + 1) / shards)
      await writeShard(connection, file, shard, shards, count)
    }
    for (const [shard, file] of files.entries()) {
      progress(`${count.toLocaleString('en')} transactions: folding`, (shard + 1) / shards)
      const began = performance.now()
      const cpu = process.cpuUsage()
      const vectors = await foldShard(connection, file, mb => {
        total.peakMb = Math.max(total.peakMb, mb)
      })
      const { user, system } = process.cpuUsage(cpu)
      total.seconds += (performance.now() - began) / 1_000
      total.cpuSeconds += (user + system) / 1e6
      total.customers += vectors.size

      const asked = performance.now()
      await connection.run(aggregates(file))
      total.duckdbSeconds += (performance.now() - asked) / 1_000
      const differing = await differences(connection, vectors)
      total.compared += vectors.size * compared.length
      total.different += differing
    }
  } finally {
    connection.closeSync()
    instance.closeSync()
    await rm(dir, { recursive: true, force: true })
  }
  return { transactions: count, ...total }
}

const stamps = Array.from(
  { length: items },
  (_, item): ItemStamp => ({
    known: true,
    kind: itemKinds[item % itemKinds.length]!,
    serviceType: serviceTypes[item % serviceTypes.length]!,
    category: 'any',
    brand: 'main',
    recurring: item % 2 === 0,
    validityDays: item % 3 === 0 ? null : 30,
    listPriceMinor: 1_000,
    quotaKb: null,
  }),
)

async function describeItems(connection: DuckDBConnection): Promise<void> {
  const rows = stamps.map(({ kind, serviceType }, item) => `(${item}, '${kind}', '${serviceType}')`)
  await connection.run(`create table items as select * from (values ${rows.join()}) as t(item, kind, service_type)`)
}

/** The transactions of every shards-th customer in the order of time; few customers have many, as a square has it. */
async function writeShard(
  connection: DuckDBConnection,
  file: string,
  shard: number,
  shards: number,
  count: number,
): Promise<void> {
  const rows = Math.floor(count / shards) + (shard < count % shards ? 1 : 0)
  const people = Math.ceil(count / rowsPerCustomer / shards)
  await connection.run(`copy (
    select
      (${shard} + ${shards} * floor(${people} * pow((hash(i, ${shard}, 1) % 1000003) / 1000003.0, 1.5)))::integer as customer,
      (i * ${shards} + ${shard})::integer as id,
      floor(${start} + (i + (hash(i, 2) % 1000) / 1000.0) * ${(end - start) / rows})::double as happened_at,
      (hash(i, ${shard}, 3) % ${items})::integer as item,
      (hash(i, ${shard}, 4) % ${channels.length})::integer as channel,
      (100 + hash(i, ${shard}, 5) % 2900)::integer as price_minor,
      (1 + hash(i, ${shard}, 6) % 3)::integer as quantity
    from range(${rows}) as t(i)
  ) to '${file}' (format parquet)`)
}

/** The features of every customer of a shard, one customer after the other. */
async function foldShard(
  connection: DuckDBConnection,
  file: string,
  resident: (mb: number) => void,
): Promise<Map<number, Float32Array>> {
  const vectors = new Map<number, Float32Array>()
  const result = await connection.stream(
    `select customer, id, happened_at, item, channel, price_minor, quantity from read_parquet('${file}')
     order by customer, happened_at`,
  )
  let state = empty
  let current = -1
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    const [customers, ids, moments, bought, through, prices, quantities] = chunk.getColumns() as number[][]
    for (let row = 0; row < chunk.rowCount; row++) {
      const customer = customers![row]!
      if (customer !== current) {
        if (current >= 0) vectors.set(current, read(state, end))
        current = customer
        state = empty
      }
      const item = bought![row]!
      const at = moments![row]!
      state = apply(state, {
        journalledAt: at,
        triggers: false,
        item: stamps[item]!,
        event: {
          type: 'purchase',
          id: `${ids![row]}`,
          customer: `${customer}`,
          at,
          item: itemNames[item]!,
          quantity: quantities![row]!,
          priceMinor: prices![row]!,
          currency: 'EUR',
          channel: channels[through![row]!]!,
          offer: null,
        },
      })
    }
    resident(process.memoryUsage.rss() / 2 ** 20)
  }
  if (current >= 0) vectors.set(current, read(state, end))
  return vectors
}

const itemNames = stamps.map((_, item) => `item-${item}`)

/** Each feature DuckDB computes beside the engine, as SQL over `m` and `w`, months and weeks since a transaction. */
const computed: Partial<Record<FeatureName, string>> = {
  purchases_3m: 'count(*) filter (m < 3)',
  purchases_6m: 'count(*) filter (m < 6)',
  purchases_12m: 'count(*) filter (m < 12)',
  purchase_months_12m: 'count(distinct m) filter (m < 12)',
  plans_12m: "count(*) filter (m < 12 and kind = 'plan')",
  sales_12m: "count(*) filter (m < 12 and kind = 'sale')",
  packages_12m: "count(*) filter (m < 12 and kind = 'package')",
  data_packages_12m: "count(*) filter (m < 12 and kind = 'package' and service_type = 'mobile-data')",
  purchases_90d: 'count(*) filter (w < 13)',
  packages_90d: "count(*) filter (w < 13 and kind = 'package')",
  spend_minor_90d: 'coalesce(sum(price_minor) filter (w < 13), 0)',
  units_each_12m: 'sum(quantity) filter (m < 12) / nullif(count(*) filter (m < 12), 0)',
  app_purchases_share_12m: 'count(*) filter (m < 12 and channel = 0) / nullif(count(*) filter (m < 12), 0)',
  shop_purchases_share_12m: 'count(*) filter (m < 12 and channel = 2) / nullif(count(*) filter (m < 12), 0)',
  days_since_purchase: `(${end} - max(happened_at)) / ${dayMs}.0`,
}
const compared = Object.keys(computed) as FeatureName[]

const aggregates = (file: string): string => `create or replace temp table aggregates as
  with seen as (
    select *, epoch_ms(happened_at::bigint) as moment, epoch_ms(${end}::bigint) as now from read_parquet('${file}') join items using (item)
  ), aged as (
    select *, 12 * (year(now) - year(moment)) + month(now) - month(moment) as m,
      date_diff('day', date_trunc('week', moment), date_trunc('week', now)) // 7 as w
    from seen
  )
  select customer, ${compared.map(name => `(${computed[name]})::double as ${name}`).join()} from aged group by customer`

/** How many values DuckDB has otherwise, rounded to the floats that a vector holds. */
async function differences(connection: DuckDBConnection, vectors: ReadonlyMap<number, Float32Array>): Promise<number> {
  const result = await connection.stream(`select customer, ${compared.join()} from aggregates`)
  const indices = compared.map(name => names.indexOf(name))
  let different = 0
  let seen = 0
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    const [customers, ...columns] = chunk.getColumns() as (number | null)[][]
    for (let row = 0; row < chunk.rowCount; row++) {
      const vector = vectors.get(customers![row]!)
      seen++
      for (let i = 0; i < compared.length; i++) {
        const theirs = Math.fround(columns[i]![row] ?? Number.NaN)
        if (vector === undefined || !Object.is(vector[indices[i]!], theirs)) different++
      }
    }
  }
  return different + Math.abs(vectors.size - seen) * compared.length
}
