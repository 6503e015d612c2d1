// A ranking on its way to the customers: whoever it has something for is reached by a campaign of the run's name, and the
// scorer decides each of them with history, stock and budgets at that moment. So every offer has its decision, and a run
// published again reaches nobody twice.

import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { hash } from '@offerstream/contracts'
import { type FanOutSummary, fanOut } from '@offerstream/feature-updater'
import type { Surroundings } from '@offerstream/streaming'
import type { Output } from '../output.ts'
import { readRanking } from './manifest.ts'

/** Throws `Refused` as `fanOut` does. `rate` is of customers reached per second. */
export async function publishRanking(
  around: Surroundings,
  out: string,
  { rate, signal }: { readonly rate: number; readonly signal: AbortSignal },
  output: Output,
): Promise<FanOutSummary> {
  const { run, files } = (await readRanking(out))!
  const isOfferable = await offerableIn(files.map(({ path }) => join(out, path)))
  let bar: ReturnType<Output['bar']> | null = null
  return fanOut(around, {
    campaign: { campaign: run, kind: 'campaign', item: null, fromMinor: null, toMinor: null },
    concerns: ({ customer }) => isOfferable(customer),
    perSecond: rate,
    paces: 'sent',
    signal,
    onProgress({ total, customers, sent }) {
      bar ??= output.bar(`publishing ${run}`, total)
      bar.update(Math.min(customers, total), `${sent} reached`)
    },
  }).finally(() => bar?.stop())
}

/** Whether a ranking might offer a customer something. By hash, eight bytes a customer; one taken for another is decided by the scorer all the same. */
async function offerableIn(files: readonly string[]): Promise<(customer: string) => boolean> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '512MB' })
  const connection = await instance.connect()
  const hashes: number[] = []
  try {
    for (const file of files) {
      const found = await connection.runAndReadAll(
        `select distinct customer from read_parquet('${file.replaceAll("'", "''")}', hive_partitioning = false) where propensity > 0`,
      )
      for (const [customer] of found.getRows()) hashes.push(hash(customer as string))
    }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
  const sorted = Float64Array.from(hashes).sort()
  return customer => {
    const wanted = hash(customer)
    let low = 0
    for (let high = sorted.length; low < high; ) {
      const middle = (low + high) >> 1
      if (sorted[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return sorted[low] === wanted
  }
}
