// The commands that connect a company: intake check, intake send, import.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { BadMapping, type Mapping, readMapping } from '@offerstream/mapping'
import type { StackKind } from '@offerstream/stack'
import { Refused, readSettings } from '@offerstream/streaming'
import { type Command, InvalidArgumentError } from 'commander'
import { importHistory } from './import-history.ts'
import { contractTopics, sourceFor } from './import-source.ts'
import { checkIntake, checkText } from './intake-check.ts'
import { sendLines } from './intake-send.ts'
import type { CommandParts } from './replay-commands.ts'
import { withLine } from './with-line.ts'

export const mappingHelp = "file that says how the company's own messages are read (OFFERSTREAM_MAPPING)"

/** The mapping of a file, of OFFERSTREAM_MAPPING without one, null without both. Throws `Refused` naming every fault. */
export function mappingOf(file: string | undefined): Mapping | null {
  const path = file ?? readSettings(process.env).text('OFFERSTREAM_MAPPING')
  if (path === '') return null
  try {
    return readMapping(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof BadMapping) throw new Refused(`${path} is no mapping to go by:\n${error.message}`)
    throw new Refused(`the mapping ${path} cannot be read: ${(error as Error).message}`)
  }
}

const share = (text: string): number => {
  const value = Number(text)
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('wanted a share between 0 and 1, like 0.01')
  return value
}

export function addConnectCommands(program: Command, parts: CommandParts): void {
  const { action, whole, moment, stackOption, jsonOption, stopping } = parts
  const intake = program.command('intake').description("look at the company's own topics, before or beside the service")

  intake
    .command('check')
    .description('sample a topic and show what intake reads of it, field by field, and what it refuses and why')
    .argument('<topic>', 'its whole name')
    .option('--mapping <file>', mappingHelp)
    .option('--sample <n>', 'newest messages to look at', whole(1), 1000)
    .option('--allow-refused <share>', 'exit code 1 only above this share of refused messages', share, 0)
    .option('--draft <file>', 'where no mapping names the topic, write the draft of one here')
    .addOption(stackOption())
    .addOption(jsonOption())
    .action(
      action(
        async (
          output,
          topic: string,
          options: { mapping?: string; sample: number; allowRefused: number; draft?: string; stack: StackKind },
        ) => {
          const mapping = mappingOf(options.mapping)
          if (options.draft !== undefined && existsSync(options.draft))
            throw new Refused(`${options.draft} is there already; a draft never replaces a file`)
          return withLine(options.stack, output, async surroundings => {
            const { sample } = options
            const check = await checkIntake(surroundings, topic, { sample, futureLimitMs: futureLimitMs(), mapping })
            if (options.draft !== undefined && check.draft !== null)
              writeFileSync(options.draft, `${JSON.stringify(check.draft, null, 2)}\n`)
            const isIncomplete = check.readBy === 'draft' && check.fields.length === 0
            if (check.refusedShare > options.allowRefused || isIncomplete) process.exitCode = 1
            output.say(checkText(check))
            return check
          })
        },
      ),
    )

  intake
    .command('send')
    .description("write the lines of a file onto a topic, as a company's own system would; makes the topic")
    .argument('<topic>', 'its whole name')
    .argument('<file>', 'one message a line')
    .option('--key <field>', 'JSON field whose value is the key of each message')
    .addOption(stackOption())
    .addOption(jsonOption())
    .action(
      action(async (output, topic: string, file: string, options: { key?: string; stack: StackKind }) => {
        if (!existsSync(file)) throw new Refused(`${file}: there is no such file`)
        return withLine(options.stack, output, async surroundings => {
          const sent = await sendLines(surroundings, topic, file, options.key ?? null)
          output.say(`${sent} messages sent to ${topic}`)
          return { topic, sent }
        })
      }),
    )

  program
    .command('import')
    .description('history into the journal, beside live traffic; no decision follows from it')
    .argument('<files...>', 'Parquet, CSV or JSON lines')
    .option('--mapping <file>', mappingHelp)
    .option(
      '--source <name>',
      `source of the mapping that the rows are like; without a mapping one of ${contractTopics.join(', ')}`,
    )
    .option('--until <moment>', 'leave rows from this moment on to the live topics', moment)
    .option('--lag <n>', 'wait while feature-updater is further behind than so many records', whole(0), 50_000)
    .addOption(stackOption())
    .addOption(jsonOption())
    .action(
      action(
        async (
          output,
          files: string[],
          options: { mapping?: string; source?: string; until?: number; lag: number; stack: StackKind },
        ) => {
          const mapping = mappingOf(options.mapping)
          return withLine(options.stack, output, async surroundings => {
            const summaries = []
            for (const file of files) {
              if (stopping.aborted) break
              const summary = await importHistory(
                surroundings,
                {
                  file,
                  sourceOf: rows => sourceFor(rows, mapping, options.source ?? null),
                  until: options.until ?? null,
                  futureLimitMs: futureLimitMs(),
                  lagRecords: options.lag,
                  signal: stopping,
                },
                output,
              )
              summaries.push(summary)
              output.say(
                `${file}: ${summary.rows} rows, ${summary.taken} taken, ${summary.already} taken before, ${summary.skipped} left out, ${summary.refused} refused in ${summary.seconds} s`,
              )
              if (summary.refusedFile !== null)
                output.say(
                  `  refused: ${Object.entries(summary.reasons)
                    .map(([reason, count]) => `${reason} ${count}`)
                    .join(', ')}; the rows are in ${summary.refusedFile}`,
                )
              if (!summary.complete) output.say('  stopped; the same command goes on from there')
            }
            const complete = summaries.length === files.length && summaries.every(each => each.complete)
            if (!complete) process.exitCode = 130
            else if (summaries.some(({ refused }) => refused > 0)) process.exitCode = 1
            return { files: summaries, complete }
          })
        },
      ),
    )
}

const futureLimitMs = (): number => readSettings(process.env).number('OFFERSTREAM_FUTURE_LIMIT_MS')
