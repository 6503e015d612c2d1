// The commands that look back: replay, export and backtest.
import { writeFile } from 'node:fs/promises'
import { type DatasetName, datasets } from '@offerstream/datasets'
import { defaultFloors, type RewardRule, rewardRules, writeExport } from '@offerstream/evaluation'
import { fingerprint, names } from '@offerstream/features'
import { writePast } from '@offerstream/learning'
import type { StackKind } from '@offerstream/stack'
import { Refused } from '@offerstream/streaming'
import { type Command, Option } from 'commander'
import { type BacktestMode, backtest, backtestHtml, backtestModes, backtestText } from './backtest.ts'
import { datasetPast } from './backtest-dataset.ts'
import type { Output } from './output.ts'
import { replayCommand, replayText } from './replay.ts'
import { withPast } from './replay-past.ts'
import { type Edge, parseEdge } from './replay-range.ts'
import { withLine } from './with-line.ts'

/** What every command of the program is made with. */
export type CommandParts = {
  action<Args extends unknown[]>(
    work: (output: Output, ...args: Args) => Promise<unknown>,
  ): (...args: Args) => Promise<void>
  stackOption(): Option
  modelsOption(): Option
  jsonOption(): Option
  whole(least: number): (text: string) => number
  moment(text: string): number
  readonly stopping: AbortSignal
}

export function addReplayCommands(program: Command, parts: CommandParts): void {
  const { action, stackOption, modelsOption, jsonOption, whole, moment, stopping } = parts

  program
    .command('replay')
    .description('decide the journal again through the same folds and compare with what is recorded')
    .option('--from <moment>', 'compare from here on: a moment, or an offset of the journal', parseEdge)
    .option('--to <moment>', 'and before this', parseEdge)
    .option('--batch <n>', 'records per batch; the result is the same for any', whole(1), 2000)
    .option('--export <dir>', 'from an export on disk instead of the stack')
    .addOption(stackOption())
    .addOption(modelsOption())
    .addOption(jsonOption())
    .action(
      action(
        async (
          output,
          options: { from?: Edge; to?: Edge; batch: number; export?: string; stack: StackKind; models: string },
        ) =>
          withPast(options, output, stopping, async past => {
            const summary = await replayCommand(past, options, output)
            output.say(replayText(summary))
            if (summary.differingBytes > 0) process.exitCode = 1
            return summary
          }),
      ),
    )

  program
    .command('export')
    .description('write journal, decisions and playbook to Parquet, a folder a day; goes on where it stopped')
    .requiredOption('--out <dir>', 'folder of the export')
    .option('--from <moment>', 'from the first record of this moment on; such an export cannot be replayed', moment)
    .option('--to <moment>', 'before the first record of this moment', moment)
    .addOption(stackOption())
    .addOption(jsonOption())
    .action(
      action((output, options: { out: string; from?: number; to?: number; stack: StackKind }) =>
        withLine(options.stack, output, async surroundings => {
          let read = 0
          const began = performance.now()
          const summary = await writeExport(surroundings, {
            dir: options.out,
            from: options.from ?? null,
            to: options.to ?? null,
            features: { [fingerprint]: names },
            signal: stopping,
            onRecords: count => {
              read += count
            },
          })
          const { records, files, bytes, complete } = summary
          output.say(
            `${records['customer-events']} events, ${records.decisions} decisions and ${records.playbook} playbook records in ${files} files, ${Math.round(bytes / 1024)} KB, under ${options.out}${complete ? '' : '; interrupted, the same command goes on from there'}`,
          )
          if (!complete) process.exitCode = 130
          return { ...summary, eventsPerSecond: Math.round((1000 * read) / (performance.now() - began)) }
        }),
      ),
    )

  program
    .command('vectors')
    .description('write the choices of an export as a table to learn from, its vectors replayed')
    .requiredOption('--export <dir>', 'folder of an export from the beginning of the journal')
    .requiredOption('--out <dir>', 'new or empty folder')
    .addOption(jsonOption())
    .action(
      action(async (output, options: { export: string; out: string }) => {
        const summary = await writePast({ dir: options.export, out: options.out, progress: output.progress })
        const { rows, offers, accepted, organic, leftOut } = summary
        output.say(
          `${rows} rows, ${offers} offers with ${accepted} accepted, ${organic} unasked purchases in ${options.out}; left out ${leftOut.notRipe} offers that could still be accepted, ${leftOut.noPlanOffered} decisions that offered no plan, ${leftOut.ofAnotherSystem} of another system`,
        )
        return summary
      }),
    )

  program
    .command('backtest')
    .description('what other policies would have been worth on the decisions logged, or what they would have sent')
    .addOption(
      new Option('--mode <mode>', 'one-step gives values, roll-out volumes, caps and budgets')
        .choices(backtestModes)
        .default('one-step'),
    )
    .option(
      '--arm <policy...>',
      'logging, best-fixed, fixed:ITEM, or an arm of the line: champion, no_levers, propensity_only, rules_only, random_eligible, no_offer',
      [],
    )
    .option('--playbook <file>', 'records to put on top of the playbook, JSON, a list or one a line')
    .option('--model <name/version>', 'model of the registry folder to promote on top')
    .option('--from <moment>', 'decisions from here on; best-fixed learns from those before', moment)
    .option('--to <moment>', 'and before this', moment)
    .addOption(new Option('--reward <rule>', 'what a decision is worth').choices(rewardRules).default('accepted'))
    .option('--window-days <n>', 'how long an answer counts', whole(1), 7)
    .option(
      '--floor <n>',
      'least effective sample size that carries a value',
      whole(1),
      defaultFloors.effectiveSampleSize,
    )
    .option('--report <file>', 'write an HTML page')
    .option('--export <dir>', 'from an export on disk instead of the stack')
    .addOption(
      new Option('--dataset <name>', 'on a data set instead, from the files of --dir').choices(Object.keys(datasets)),
    )
    .option('--dir <dir>', 'folder that holds the files of the data set')
    .addOption(stackOption())
    .addOption(modelsOption())
    .addOption(jsonOption())
    .action(
      action(async (output, options: BacktestFlags) => {
        const { dataset, dir, report } = options
        if (dataset !== undefined && dir === undefined)
          throw new Refused(`--dataset ${dataset} wants --dir DIR, with its files`)
        const wanted = {
          ...options,
          arms: options.arm,
          from: options.from ?? null,
          to: options.to ?? null,
          playbook: options.playbook ?? null,
          model: options.model ?? null,
        }
        const summary =
          dataset !== undefined
            ? await backtest(await datasetPast(dataset, dir!), wanted, output)
            : await withPast(options, output, stopping, past => backtest(past, wanted, output))
        output.say(backtestText(summary))
        if (report !== undefined) {
          await writeFile(report, backtestHtml(summary))
          output.progress(`report in ${report}`)
        }
        return summary
      }),
    )
}

type BacktestFlags = {
  readonly mode: BacktestMode
  readonly arm: readonly string[]
  readonly playbook?: string
  readonly model?: string
  readonly from?: number
  readonly to?: number
  readonly reward: RewardRule
  readonly windowDays: number
  readonly floor: number
  readonly report?: string
  readonly export?: string
  readonly dataset?: DatasetName
  readonly dir?: string
  readonly stack: StackKind
  readonly models: string
}
