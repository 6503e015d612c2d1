// The whole base ranked: every customer's eligible items in the order of the policy, file by file. Read-only towards the
// line. What the manifest names is whole, so a ranking that was interrupted, or killed, goes on with the next file.
import { join } from 'node:path'
import { isSold, type Playbook, promotionsInUse } from '@offerstream/catalogue'
import type { ItemKind } from '@offerstream/contracts'
import { fingerprint } from '@offerstream/features'
import { ModelRefused, type Models } from '@offerstream/ranker'
import { Abandoned, Refused, retrying } from '@offerstream/streaming'
import type { Output } from '../output.ts'
import { assertSameRun, type RankedFile, type RankingManifest, readRanking, writeRanking } from './manifest.ts'
import type { BaseStates } from './states.ts'
import { createRankingThreads, type RankingThread } from './threads.ts'

export type ScoreBaseOptions = {
  readonly out: string
  /** Moment of the ranking; that of an interrupted one, else now, where null. */
  readonly at: number | null
  readonly kinds: readonly ItemKind[]
  readonly top: number | null
  /** The partitions p with p mod `of` = `index` − 1. */
  readonly shard: { readonly index: number; readonly of: number }
  readonly threads: number
  readonly fileCustomers: number
  /** Folder of the model registry. */
  readonly models: string
  readonly signal: AbortSignal
}

export type ScoreBaseAround = {
  readonly states: BaseStates
  /** As it was at a version, the newest for null. */
  playbook(version: number | null): Playbook
  readonly models: Models
  now(): number
}

export type ScoreBaseSummary = {
  readonly run: string
  readonly out: string
  readonly at: string
  readonly playbookVersion: number
  readonly customers: number
  readonly rows: number
  readonly offerable: number
  readonly refused: Readonly<Record<string, number>>
  readonly undecided: Readonly<Record<string, number>>
  readonly files: number
  readonly bytes: number
  /** Of the customers, those that an earlier run of the command had ranked. */
  readonly rankedBefore: number
  readonly seconds: number
  readonly customersPerSecond: number
  readonly complete: boolean
}

/** Read from the store at once. */
const pageCustomers = 500

/** Throws `Refused` where there is nobody or nothing to rank, and where the folder holds another ranking. */
export async function scoreBase(
  { states, playbook: playbookAt, models, now }: ScoreBaseAround,
  options: ScoreBaseOptions,
  output: Output,
): Promise<ScoreBaseSummary> {
  const { out, kinds, top, shard, fileCustomers, signal } = options
  const { partitions } = states
  if (shard.of > partitions) throw new Refused(`${partitions} partitions cannot be split into ${shard.of} shards`)
  const found = await readRanking(out)
  const playbook = playbookOf(playbookAt, found, out)
  const at = options.at ?? found?.at ?? Math.floor(now())
  await assertRankable(playbook, at, kinds, models)
  const run = `base/${new Date(at).toISOString()}/${playbook.version}`
  const asked = {
    run,
    at,
    playbookVersion: playbook.version,
    states: states.from,
    fingerprint,
    kinds,
    top,
    shard,
    partitions,
    fileCustomers,
  }
  if (found !== null) assertSameRun(out, found, asked)
  let manifest: RankingManifest = found ?? { ...asked, format: 1, done: [], files: [] }
  const own = Array.from({ length: partitions }, (_, at) => at).filter(at => at % shard.of === shard.index - 1)
  const sizes = await Promise.all(own.map(partition => states.size(partition)))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total === 0)
    throw new Refused(
      `no customer has a state in ${shard.of === 1 ? '' : 'this shard of '}${states.from === 'store' ? 'the store: is a feature-updater of this version running?' : 'the snapshot'}`,
    )
  await writeRanking(out, manifest)

  const began = performance.now()
  const rankedBefore = sum(manifest.files, 'customers')
  const bar = output.bar(`ranking by playbook ${playbook.version}`, total)
  let read = rankedBefore
  const advance = (customers: number): void => {
    read += customers
    const perSecond = ((read - rankedBefore) / (performance.now() - began)) * 1000
    bar.update(
      Math.min(read, total),
      `${Math.round(perSecond)} customers/s, ${timeText((total - read) / perSecond)} left`,
    )
  }
  const rankOptions = { run, at, playbook, kinds, top, models: options.models }
  const threads = createRankingThreads(options.threads, rankOptions)
  // Files are written side by side, and named in the manifest in their order: what it names has no gap before it.
  let named: Promise<void> = Promise.resolve()
  const name = (change: (manifest: RankingManifest) => Promise<RankingManifest>): void => {
    named = named.then(async () => {
      manifest = await change(manifest)
      await writeRanking(out, manifest)
    })
    named.catch(() => {})
  }
  try {
    for (const partition of own) {
      if (manifest.done.includes(partition)) continue
      const before = manifest.files.filter(file => file.partition === partition)
      const customers = after(await retried(() => states.customers(partition), signal, output), before.at(-1)?.last)
      for (let from = 0, index = before.length; from < customers.length; from += fileCustomers, index++) {
        const slice = customers.slice(from, from + fileCustomers)
        const path = join(`partition=${pad(partition, 3)}`, `${pad(index, 5)}.parquet`)
        const { done } = await threads.with(async thread => {
          await feed(thread, partition, slice)
          const written = await thread.write(join(out, path))
          return { path, partition, last: slice.at(-1)!, ...written } satisfies RankedFile
        })
        name(async all => ({ ...all, files: [...all.files, await done] }))
        // What went wrong in a file ends the run at the next one, not at the last.
        await Promise.race([named, Promise.resolve()])
        if (signal.aborted) break
      }
      if (signal.aborted) break
      name(async all => ({ ...all, done: [...all.done, partition] }))
    }
    await named
  } catch (error) {
    if (!(error instanceof Abandoned)) throw error
  } finally {
    bar.stop()
    await threads.close()
  }
  const { files } = manifest
  const complete = own.every(partition => manifest.done.includes(partition))
  const customers = sum(files, 'customers')
  const seconds = (performance.now() - began) / 1000
  return {
    run,
    out,
    at: new Date(at).toISOString(),
    playbookVersion: playbook.version,
    customers,
    rows: sum(files, 'rows'),
    offerable: sum(files, 'offerable'),
    refused: merged(files.map(file => file.refused)),
    undecided: merged(files.map(file => file.undecided)),
    files: files.length,
    bytes: sum(files, 'bytes'),
    rankedBefore,
    seconds: Math.round(seconds * 10) / 10,
    customersPerSecond: Math.round((customers - rankedBefore) / seconds),
    complete,
  }

  async function feed(thread: RankingThread, partition: number, customers: readonly string[]): Promise<void> {
    for (let from = 0; from < customers.length; from += pageCustomers) {
      if (signal.aborted) throw new Abandoned()
      const page = customers.slice(from, from + pageCustomers)
      await thread.page(page, await retried(() => states.read(partition, page), signal, output))
      advance(page.length)
    }
  }
}

/** The playbook of the ranking that the folder holds, though others came after it. */
function playbookOf(playbookAt: ScoreBaseAround['playbook'], found: RankingManifest | null, out: string): Playbook {
  try {
    return playbookAt(found?.playbookVersion ?? null)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new Refused(`${out} holds another ranking: ${error.message}. Take another folder`)
  }
}

async function assertRankable(
  playbook: Playbook,
  at: number,
  kinds: readonly ItemKind[],
  models: Models,
): Promise<void> {
  const scored = new Set<string>()
  for (const promotion of promotionsInUse(playbook)) {
    const model = await models.load(promotion).catch(error => {
      throw error instanceof ModelRefused ? new Refused(error.message) : error
    })
    if (promotion.stage !== 'shadow') scored.add(model.manifest.kind)
  }
  for (const kind of kinds) {
    if (![...playbook.items.values()].some(item => item.kind === kind && isSold(item, at)))
      throw new Refused(`playbook version ${playbook.version} has no ${kind} on sale at ${new Date(at).toISOString()}`)
    if (!scored.has(kind))
      throw new Refused(
        `playbook version ${playbook.version} promotes no model that scores a ${kind}: there is nothing to rank by`,
      )
  }
}

const retried = <T>(work: () => Promise<T>, signal: AbortSignal, output: Output): Promise<T> =>
  retrying(work, { signal, onRetry: error => output.progress(error.message) })

/** Those that come after one in order; all of them after none. */
const after = (customers: readonly string[], last: string | undefined): readonly string[] =>
  last === undefined ? customers : customers.filter(customer => customer > last)

const sum = (files: readonly RankedFile[], what: 'customers' | 'rows' | 'offerable' | 'bytes'): number =>
  files.reduce((total, file) => total + file[what], 0)

function merged(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const each of all) for (const [name, count] of Object.entries(each)) counts[name] = (counts[name] ?? 0) + count
  return Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a))
}

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0')

const timeText = (seconds: number): string =>
  !Number.isFinite(seconds) ? '?' : seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`
