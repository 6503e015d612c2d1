// The commands that keep states: snapshot and rebuild.
import type { StackKind } from '@offerstream/stack'
import { failPoint, readSettings, type Surroundings } from '@offerstream/streaming'
import { type Command, Option } from 'commander'
import { rebuild, rebuildText } from './rebuild.ts'
import type { CommandParts } from './replay-commands.ts'
import { type SnapshotFold, snapshotFolds, takeSnapshot } from './snapshot.ts'
import { withLine } from './with-line.ts'

const foldNames = Object.keys(snapshotFolds) as SnapshotFold[]

export function addStateCommands(program: Command, parts: CommandParts): void {
  const { action, stackOption, jsonOption, stopping } = parts

  program
    .command('snapshot')
    .description('write the states of the folds with their watermarks to disk while the line goes on')
    .requiredOption('--out <dir>', 'folder of the snapshots; an interrupted one goes on')
    .addOption(new Option('--fold <name>', 'of this fold only').choices(foldNames))
    .addOption(stackOption())
    .addOption(jsonOption())
    .action(
      action((output, { out, fold, stack }: { out: string; fold?: SnapshotFold; stack: StackKind }) =>
        withLine(stack, output, async surroundings => {
          const snapshots = []
          for (const of of fold === undefined ? foldNames : [fold]) {
            const taken = await takeSnapshot(surroundings, { of, out, signal: stopping }, output)
            snapshots.push(taken)
            output.say(
              `${taken.fold}: ${taken.customers} customers, ${Math.round(taken.bytes / 1024)} KB in ${taken.seconds} s, in ${taken.dir}${taken.complete ? '' : '; interrupted, the same command goes on from there'}`,
            )
          }
          if (snapshots.some(({ complete }) => !complete)) process.exitCode = 130
          return { snapshots }
        }),
      ),
    )

  program
    .command('rebuild')
    .description(
      'build the states of a fold anew: from the journal beside the running line, whose place they take, or from decisions',
    )
    .addOption(new Option('--fold <name>', 'whose states').choices(foldNames).default('feature-updater'))
    .option('--from-snapshot <dir>', 'begin from the newest fitting snapshot below this folder')
    .option('--from-export <dir>', 'take what the journal does not hold any more from this export')
    .option('--again', 'forget the states of this version first; stop its services before', false)
    .option('--leave', 'end as soon as the states have taken over, though no service of this version runs yet', false)
    .addOption(stackOption())
    .addOption(jsonOption())
    .action(
      action(
        (
          output,
          options: {
            fold: SnapshotFold
            fromSnapshot?: string
            fromExport?: string
            again: boolean
            leave: boolean
            stack: StackKind
          },
        ) =>
          withLine(options.stack, output, async surroundings => {
            const settings = readSettings(process.env)
            const reach = failPoint(settings.text('OFFERSTREAM_FAIL_POINT'))
            const around: Surroundings = {
              ...surroundings,
              batchRecords: settings.number('OFFERSTREAM_BATCH_RECORDS'),
              sessionTimeoutMs: settings.number('OFFERSTREAM_SESSION_TIMEOUT_MS'),
              ...(reach === null ? {} : { reach }),
            }
            const summary = await rebuild(around, { ...options, of: options.fold, signal: stopping }, output)
            output.say(rebuildText(summary))
            if (!summary.complete) process.exitCode = 130
            return summary
          }),
      ),
    )
}
