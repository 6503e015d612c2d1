import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Decision } from '@offerstream/contracts'
import { createSchedule, type DatasetName, datasets, pace, spanOf } from '@offerstream/datasets'
import { ensureTopics, type Outgoing, openTopic, partitionOf, type Surroundings } from '@offerstream/streaming'
import { InvalidArgumentError } from 'commander'
import type { Output } from './output.ts'
import { createSourceWriter } from './source-writer.ts'

export type IngestOptions = {
  readonly dataset: DatasetName
  readonly dir: string
  /** Event time that passes in one unit of wall time; Infinity is as fast as it goes. */
  readonly speed: number
  /** Moves the times so that the last event falls on now. */
  readonly rebase: boolean
  readonly assumeConsent: boolean
  /** Goes on where an interrupted run stopped. */
  readonly resume: boolean
  readonly signal: AbortSignal
}

export type IngestSummary = {
  readonly dataset: string
  readonly records: number
  readonly sent: number
  readonly skipped: number
  readonly seconds: number
  readonly complete: boolean
}

type Bookmark = { readonly dir: string; readonly sent: number; readonly offsetMs: number }

const bookmarkFile = (dataset: string): string =>
  join(import.meta.dirname, '..', '..', '..', '.local', `ingest-${dataset}.json`)

/** Streams a data set onto the source topics, its catalogue onto the playbook. Interrupted, it leaves a bookmark. */
export async function ingest(
  surroundings: Surroundings,
  options: IngestOptions,
  output: Output,
): Promise<IngestSummary> {
  const { log, registry, prefix, partitions } = surroundings
  const { dir, signal } = options
  const dataset = datasets[options.dataset]
  const choices = { assumeConsent: options.assumeConsent }
  const span = await spanOf(dataset.records(dir, choices))
  if (span === undefined) throw new Error(`${dir} holds no ${dataset.name} records`)
  await ensureTopics(log, { prefix, partitions, sources: true })
  const file = bookmarkFile(dataset.name)
  const bookmark = options.resume && existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Bookmark) : null
  if (options.resume && bookmark?.dir !== dir)
    throw new Error(`there is no interrupted run of ${dataset.name} from ${dir} to resume`)

  const began = Date.now()
  const schedule = createSchedule({
    ...span,
    now: began,
    speed: options.speed,
    ...(options.rebase ? { rebase: 'last' as const } : {}),
  })
  const offsetMs = bookmark?.offsetMs ?? schedule.offsetMs
  if (bookmark === null) {
    const playbook = await openTopic(registry, 'playbook', prefix)
    const records = (await dataset.playbook(dir)).map(record => ({ ...record, at: record.at + offsetMs }))
    await log.append(
      playbook.path,
      0,
      records.map(record => ({ key: `${record.body.type}/${record.body.name}`, value: playbook.codec.encode(record) })),
    )
    await writeDecisions(surroundings, dataset.decisions?.(dir), offsetMs)
  }
  const writer = await createSourceWriter(surroundings)
  const skipped = bookmark?.sent ?? 0
  let seen = 0
  let sent = 0
  const bar = output.bar(dataset.name, span.count)
  const clock = {
    now: Date.now,
    sleep: (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined) as Promise<void>,
  }
  async function* rest() {
    for await (const record of dataset.records(dir, choices)) if (seen++ >= skipped) yield record
  }
  // Resumed, the schedule begins at the first record still to be sent.
  for await (const { record, intendedAt } of pace(rest(), { ...schedule, offsetMs }, clock)) {
    if (signal.aborted) break
    await writer.write(record.topic, record.value, options.speed === Number.POSITIVE_INFINITY ? Date.now() : intendedAt)
    sent++
    bar.update(skipped + sent, `${Math.round(sent / ((Date.now() - began + 1) / 1000))}/s`)
  }
  await writer.flush()
  bar.stop()
  const complete = !signal.aborted
  if (complete) rmSync(file, { force: true })
  else {
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, JSON.stringify({ dir, sent: skipped + sent, offsetMs } satisfies Bookmark))
    output.progress(
      `stopped after ${skipped + sent} of ${span.count}; the same command with --resume goes on from there`,
    )
  }
  return {
    dataset: dataset.name,
    records: span.count,
    sent,
    skipped,
    seconds: Math.round((Date.now() - began) / 100) / 10,
    complete,
  }
}

/** Offers that the set says were made, as the decisions behind them: what a backtest values. No service acts on them. */
async function writeDecisions(
  { log, registry, prefix }: Surroundings,
  decisions: AsyncIterable<Decision> | undefined,
  offsetMs: number,
): Promise<void> {
  if (decisions === undefined) return
  const { path, codec } = await openTopic(registry, 'decisions', prefix)
  const { length } = await log.bounds(path)
  const lanes = Array.from({ length }, (): Outgoing[] => [])
  for await (const decision of decisions) {
    const { update, expiresAt } = decision
    const at = decision.at + offsetMs
    const value = codec.encode({
      ...decision,
      at,
      update: { ...update, at, trigger: { ...update.trigger, at } },
      expiresAt: expiresAt === null ? null : expiresAt + offsetMs,
    })
    lanes[partitionOf(decision.customer, length)]!.push({ key: decision.customer, value })
  }
  for (const [partition, lane] of lanes.entries())
    for (let from = 0; from < lane.length; from += 1000)
      await log.append(path, partition, lane.slice(from, from + 1000))
}

/** `1000x`, `1000` or `max`. Throws on anything else. */
export function parseSpeed(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY
  const speed = Number(/^(\d+(?:\.\d+)?)x?$/.exec(text)?.[1])
  if (!(speed > 0))
    throw new InvalidArgumentError('wanted a number of times as fast as it happened, like 1000x, or max')
  return speed
}
