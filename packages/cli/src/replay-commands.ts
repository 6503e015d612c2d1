// The commands that look back: replay, export and backtest.
import { writeExport } from '@offerstream/evaluation'
import type { StackKind } from '@offerstream/stack'
import type { Command, Option } from 'commander'
import type { Output } from './output.ts'
import { reopenLine } from './remembered-line.ts'
import { replayCommand, replayText } from './replay.ts'
import { withPast } from './replay-past.ts'
import { type Edge, parseEdge } from './replay-range.ts'
import { surroundingsOf } from './surroundings.ts'

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
          withPast(options, output, async past => {
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
      action(async (output, options: { out: string; from?: number; to?: number; stack: StackKind }) => {
        const { stack, line } = await reopenLine(options.stack, output.progress)
        const surroundings = surroundingsOf(stack, { ...line, notice: output.progress })
        try {
          let read = 0
          const began = performance.now()
          const summary = await writeExport(surroundings, {
            dir: options.out,
            from: options.from ?? null,
            to: options.to ?? null,
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
        } finally {
          await surroundings.close()
          await stack.stop()
        }
      }),
    )
}
