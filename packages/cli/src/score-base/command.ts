// offerstream score-base
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { checkRecord, type Playbook } from '@offerstream/catalogue'
import type { ItemKind } from '@offerstream/contracts'
import type { FanOutSummary } from '@offerstream/feature-updater'
import { names } from '@offerstream/features'
import { createPast, followPlaybook } from '@offerstream/offer-scorer'
import { createModels, type Models } from '@offerstream/ranker'
import type { StackKind } from '@offerstream/stack'
import { openTopic, Refused, type Surroundings } from '@offerstream/streaming'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Output } from '../output.ts'
import { parseRecords } from '../playbook-records.ts'
import type { CommandParts } from '../replay-commands.ts'
import { withLine } from '../with-line.ts'
import { publishRanking } from './publish.ts'
import { type ScoreBaseOptions, type ScoreBaseSummary, scoreBase } from './score-base.ts'
import { statesInSnapshot, statesInStore } from './states.ts'

export type ScoreBaseRequest = ScoreBaseOptions & {
  /** Folder of snapshots to read the states from; the store of the line where null. */
  readonly snapshot: string | null
  /** Records to go by, JSON; the playbook of the line where null. */
  readonly playbook: string | null
  readonly publish: boolean
  /** Customers reached per second at most. */
  readonly rate: number
}

export type PublishedSummary = ScoreBaseSummary & {
  readonly published: Pick<FanOutSummary, 'concerned' | 'reachedBefore' | 'sent' | 'complete'> | null
}

const itemKinds = ['plan', 'package', 'sale', 'discount'] as const satisfies readonly ItemKind[]

/** Ranks, then publishes where that is asked for and the ranking is whole. `line` is null where nothing of it is needed. */
export async function rankBase(
  line: Surroundings | null,
  request: ScoreBaseRequest,
  output: Output,
): Promise<PublishedSummary> {
  const models = createModels(request.models)
  try {
    const playbook =
      request.playbook === null ? await playbookOfLine(line!, models, output) : await playbookOfFile(request.playbook)
    try {
      const states =
        request.snapshot === null
          ? await statesInStore(line!.store, line!.partitions)
          : await statesInSnapshot(request.snapshot)
      const around = { states, playbook: playbook.at, models, now: line?.clock.now ?? Date.now }
      const summary = await scoreBase(around, request, output)
      output.say(rankedText(summary))
      if (!request.publish || !summary.complete) return { ...summary, published: null }
      const { concerned, reachedBefore, sent, complete } = await publishRanking(line!, request.out, request, output)
      output.say(
        `${summary.run}: ${concerned} customers have something to be offered, ${reachedBefore} reached before, ${sent} reached${complete ? '' : '; interrupted, the same command goes on from there'}`,
      )
      return { ...summary, published: { concerned, reachedBefore, sent, complete } }
    } finally {
      await playbook.stop()
    }
  } finally {
    await models.close()
  }
}

type PlaybookVersions = { at(version: number | null): Playbook; stop(): Promise<void> }

async function playbookOfLine(
  { log, registry, prefix }: Surroundings,
  models: Models,
  output: Output,
): Promise<PlaybookVersions> {
  const followed = await followPlaybook(log, await openTopic(registry, 'playbook', prefix), models, output.progress)
  return {
    at: version => (version === null ? followed.current() : followed.at(version)),
    stop: () => followed.stop(),
  }
}

async function playbookOfFile(file: string): Promise<PlaybookVersions> {
  const text = await readFile(file, 'utf8').catch(error => {
    throw new Refused(`${file} cannot be read: ${(error as Error).message}`)
  })
  const past = createPast()
  const problems: string[] = []
  for (const [offset, parsed] of parseRecords(text, 0).entries()) {
    const wrong = 'problems' in parsed ? parsed.problems : checkRecord(parsed.record, names, past.current())
    problems.push(...wrong)
    past.add('record' in parsed && wrong.length === 0 ? parsed.record : null, offset)
  }
  if (problems.length > 0) throw new Refused(`${file}:\n${problems.join('\n')}`)
  return { at: version => (version === null ? past.current() : past.at(version)), stop: async () => {} }
}

function rankedText(summary: ScoreBaseSummary): string {
  const { customers, rows, files, bytes, out, seconds, customersPerSecond, rankedBefore, complete } = summary
  const why = Object.entries(summary.refused)
    .slice(0, 5)
    .map(([reason, count]) => `${reason} ${count}`)
  const undecided = Object.entries(summary.undecided).map(([reason, count]) => `${reason} ${count}`)
  return [
    `${customers} customers, ${rows} eligible items in ${files} files, ${Math.round(bytes / 1024)} KB, under ${out}; ${seconds} s, ${customersPerSecond} customers/s${rankedBefore > 0 ? `, ${rankedBefore} ranked before` : ''}${complete ? '' : '; interrupted, the same command goes on from there'}`,
    `refused: ${why.join(', ') || 'nothing'}${undecided.length > 0 ? `; undecided: ${undecided.join(', ')}` : ''}`,
  ].join('\n')
}

function parseShard(text: string): ScoreBaseOptions['shard'] {
  const [, index, of] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number)
  if (index === undefined || of === undefined || index < 1 || index > of)
    throw new InvalidArgumentError('wanted one of several like 2/4')
  return { index, of }
}

type Flags = {
  readonly out: string
  readonly at?: number
  readonly kind: ItemKind[]
  readonly top?: number
  readonly shard: ScoreBaseOptions['shard']
  readonly threads: number
  readonly fileCustomers: number
  readonly snapshot?: string
  readonly playbook?: string
  readonly publish: boolean
  readonly rate: number
  readonly stack: StackKind
  readonly models: string
}

export function addScoreBaseCommand(program: Command, parts: CommandParts): void {
  const { action, stackOption, modelsOption, jsonOption, whole, moment, stopping } = parts
  program
    .command('score-base')
    .description('rank what every customer may be offered, to Parquet; goes on where it stopped')
    .requiredOption('--out <dir>', 'folder of the ranking')
    .option('--at <moment>', 'moment of the ranking; now unless given', moment)
    .option('--top <n>', 'write the best few of each customer only', whole(1))
    .addOption(new Option('--kind <kind...>', 'what to rank').choices(itemKinds).default(['plan']))
    .option('--shard <i/n>', 'every n-th partition from the i-th on, for several machines', parseShard, {
      index: 1,
      of: 1,
    })
    .option('--threads <n>', 'threads that score and decide', whole(1), availableParallelism())
    .option('--file-customers <n>', 'customers of a file', whole(1), 20_000)
    .option('--snapshot <dir>', 'from the newest snapshot below this folder instead of the store')
    .option('--playbook <file>', 'by these records, JSON, instead of the playbook of the line')
    .option('--publish', 'then reach whoever it has something for, so that the scorer decides and offers', false)
    .option('--rate <n>', 'customers reached per second at most', whole(1), 100)
    .addOption(stackOption())
    .addOption(modelsOption())
    .addOption(jsonOption())
    .action(
      action(async (output, flags: Flags) => {
        const { at = null, top = null, snapshot = null, playbook = null, kind, publish, stack } = flags
        if (publish && (snapshot !== null || playbook !== null))
          throw new Refused(
            '--publish goes by the states and the playbook of the line, not by --snapshot or --playbook',
          )
        const request = { ...flags, at, top, snapshot, playbook, kinds: kind, signal: stopping }
        const summary =
          snapshot !== null && playbook !== null
            ? await rankBase(null, request, output)
            : await withLine(stack, output, line => rankBase(line, request, output))
        if (!summary.complete || summary.published?.complete === false) process.exitCode = 130
        return summary
      }),
    )
}
