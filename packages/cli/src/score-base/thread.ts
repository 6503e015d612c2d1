// One of the threads that rank: takes the pages of a file, ranks them, writes the file, ends when told.
import { parentPort, workerData } from 'node:worker_threads'
import { promotionsInUse } from '@offerstream/catalogue'
import { createModels } from '@offerstream/ranker'
import type { RankedFile } from './manifest.ts'
import { type PackedPage, unpackPage } from './packed-page.ts'
import { createRankingParquet } from './parquet.ts'
import { createRank, nothingRanked, type RankOptions } from './rank.ts'

export type ThreadOptions = RankOptions & { readonly models: string }

export type ToThread =
  | { readonly kind: 'page'; readonly page: PackedPage }
  /** The file is whole: write it. */
  | { readonly kind: 'write'; readonly file: string }
  | { readonly kind: 'close' }

export type FileWritten = Pick<
  RankedFile,
  'customers' | 'rows' | 'offerable' | 'refused' | 'undecided' | 'bytes' | 'sha256'
>
export type FromThread =
  | { readonly kind: 'ranked' }
  | { readonly kind: 'written'; readonly written: FileWritten }
  | { readonly kind: 'failed'; readonly message: string }

/** Customers decided at once: their rows fill a call of the model's. */
const batchCustomers = 100

const port = parentPort!
const tell = (message: FromThread): void => port.postMessage(message)
const options = workerData as ThreadOptions
const models = createModels(options.models, { batches: true })
const rank = await createRank(options, models)
const parquet = await createRankingParquet(options.playbook.version, promotionsInUse(options.playbook))
let ranked = nothingRanked()
let turn: Promise<unknown> = Promise.resolve()

port.on('message', (message: ToThread) => {
  turn = turn.then(() => take(message)).catch(error => tell({ kind: 'failed', message: (error as Error).message }))
})

async function take(message: ToThread): Promise<void> {
  switch (message.kind) {
    case 'page': {
      const { customers, states, histories } = unpackPage(message.page)
      for (let from = 0; from < customers.length; from += batchCustomers) {
        const to = from + batchCustomers
        const page = { states: states.slice(from, to), histories: histories.slice(from, to) }
        await rank(customers.slice(from, to), page, ranked)
      }
      tell({ kind: 'ranked' })
      break
    }
    case 'write': {
      const whole = ranked
      ranked = nothingRanked()
      const { bytes, sha256 } = await parquet.write(message.file, whole)
      tell({
        kind: 'written',
        written: {
          customers: whole.customers.length,
          rows: whole.of.length,
          offerable: whole.totals.offerable,
          refused: byName(whole.totals.refused),
          undecided: byName(whole.totals.undecided),
          bytes,
          sha256,
        },
      })
      break
    }
    case 'close':
      parquet.close()
      await models.close()
      port.close()
  }
}

const byName = (counts: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
