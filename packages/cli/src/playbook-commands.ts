// offerstream playbook get|put|history
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { PlaybookRecord } from '@offerstream/contracts'
import { type Change, differences } from '@offerstream/offer-scorer'
import type { StackKind } from '@offerstream/stack'
import { Refused } from '@offerstream/streaming'
import { type Command, InvalidArgumentError } from 'commander'
import { table } from './output.ts'
import { historyOf, playbookAt, putRecords, readPlaybook, recordsOf } from './playbook.ts'
import type { CommandParts } from './replay-commands.ts'
import { withLine } from './with-line.ts'

type At = { readonly version: number } | { readonly moment: number }

/** A version is an offset, a moment is a date. */
function parseAt(text: string): At {
  if (/^-?\d+$/.test(text)) return { version: Number(text) }
  const moment = Date.parse(text)
  if (Number.isNaN(moment))
    throw new InvalidArgumentError('wanted a version like 41, or a moment like 2026-03-02T09:00:00Z')
  return { moment }
}

export function addPlaybookCommands(program: Command, parts: CommandParts): void {
  const { action, stackOption, modelsOption, jsonOption, whole } = parts
  const playbook = program
    .command('playbook')
    .description('what decisions go by: items, rules, levers, budgets, experiments, models, kill switches')

  playbook
    .command('get')
    .description('print what is in it, or one record of it whole')
    .argument('[name]', 'of a record, or TYPE/NAME')
    .option('--at <version|moment>', 'as it was then', parseAt)
    .addOption(stackOption())
    .addOption(jsonOption())
    .action(
      action(async (output, name: string | undefined, options: { at?: At; stack: StackKind }) =>
        withLine(options.stack, output, async around => {
          const found = playbookAt(await readPlaybook(around), options.at ?? null)
          const records = recordsOf(found, name ?? null)
          if (name === undefined) {
            output.say(`playbook version ${found.version}, ${records.length} records`)
            if (records.length > 0)
              output.say(table([['type', 'name', 'says'], ...records.map(body => [body.type, body.name, gist(body)])]))
          } else output.say(records.map(body => JSON.stringify(body, null, 2)).join('\n'))
          return { version: found.version, records }
        }),
      ),
    )

  playbook
    .command('put')
    .description('add records, all of them or none; services go by them within a second')
    .argument('<file>', 'JSON: a record, a list, or one a line; - reads standard input')
    .option('--expect <version>', 'refuse unless the playbook is at this version', whole(0))
    .option('--by <name>', 'who changes it, for the history', userInfo().username)
    .option('--dry-run', 'check and show what would change, write nothing', false)
    .option('--force', 'also what leaves nothing to offer to anybody', false)
    .addOption(stackOption())
    .addOption(modelsOption())
    .addOption(jsonOption())
    .action(
      action(
        async (
          output,
          file: string,
          options: { expect?: number; by: string; dryRun: boolean; force: boolean; stack: StackKind; models: string },
        ) => {
          const text = readText(file)
          return withLine(options.stack, output, async around => {
            const put = await putRecords(around, text, { ...options, at: around.clock.now() })
            for (const { type, name, changes } of put.records) output.say(`${type} ${name}: ${changesText(changes)}`)
            output.say(
              options.dryRun
                ? `${put.records.length} records are right; nothing was written, the playbook is at version ${put.version}`
                : `the playbook is at version ${put.version}`,
            )
            return { ...put, dryRun: options.dryRun }
          })
        },
      ),
    )

  playbook
    .command('history')
    .description('every change with its version, when and by whom, and what was passed over and why')
    .argument('[name]', 'of a record, or TYPE/NAME')
    .option('--from <version|moment>', 'instead, what differs from this version or moment on', parseAt)
    .option('--to <version|moment>', 'to this one; the newest unless given', parseAt)
    .addOption(stackOption())
    .addOption(jsonOption())
    .action(
      action(async (output, name: string | undefined, options: { from?: At; to?: At; stack: StackKind }) =>
        withLine(options.stack, output, async around => {
          const entries = await readPlaybook(around)
          if (options.from !== undefined || options.to !== undefined) {
            const [from, to] = [
              playbookAt(entries, options.from ?? { version: -1 }),
              playbookAt(entries, options.to ?? null),
            ]
            const records = differences(from, to)
              .map(({ body, changes }) => ({ type: body.type, name: body.name, changes }))
              .filter(row => name === undefined || row.name === name)
            for (const { type, name: of, changes } of records) output.say(`${type} ${of}: ${changesText(changes)}`)
            output.say(`${records.length} records differ between version ${from.version} and ${to.version}`)
            return { from: from.version, to: to.version, records }
          }
          const rows = historyOf(entries, name ?? null)
          output.say(
            table([
              ['version', 'written', 'by', 'what'],
              ...rows.map(row => [
                `${row.version}`,
                row.at.slice(0, 19).replace('T', ' '),
                row.by ?? '',
                row.problems.length > 0
                  ? `${row.type === null ? '' : `${row.type} ${row.name} `}passed over: ${row.problems.join('; ')}`
                  : `${row.type} ${row.name}: ${changesText(row.changes)}`,
              ]),
            ]),
          )
          return { versions: rows }
        }),
      ),
    )
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new Refused(`${file} cannot be read: ${(error as Error).message}`)
  }
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

function changesText(changes: readonly Change[]): string {
  if (changes.length === 0) return 'as it was'
  if (changes.every(({ from }) => from === null))
    return changes.map(({ field, to }) => `${field} ${shown(to)}`).join(', ')
  return changes.map(({ field, from, to }) => `${field} ${shown(from)} → ${shown(to)}`).join(', ')
}

/** A record in a few words. */
function gist(body: PlaybookRecord['body']): string {
  switch (body.type) {
    case 'item':
      return `${body.kind}, ${(body.priceMinor / 100).toFixed(2)} ${body.currency}${body.stock === null ? '' : `, stock ${body.stock}`}${body.withdrawn ? ', withdrawn' : ''}${span(body.availableFrom, body.availableTo)}`
    case 'rule':
      return `${body.active ? '' : 'off: '}refuses as ${body.why} when ${body.when.length} conditions hold`
    case 'lever':
      return `${body.active ? '' : 'off: '}× ${body.factor} on ${body.item ?? body.category ?? 'everything'}`
    case 'budget':
      return `${(body.amountMinor / 100).toFixed(2)} ${body.currency} for ${body.item ?? body.category ?? 'everything'}${span(body.from, body.to)}`
    case 'experiment':
      return `${body.active ? '' : 'off: '}${body.arms.map(arm => `${arm.name} ${arm.share}`).join(', ')}${span(body.from, body.to)}`
    case 'model':
      return `version ${body.version}, ${body.stage}${body.stage === 'canary' ? ` for ${body.share}` : ''}`
    case 'kill_switch':
      return `${body.on ? 'STOPS' : 'off:'} ${body.scope}${body.target === null ? '' : ` ${body.target}`}`
    case 'contact_policy':
      return `${body.offersPerWeek} offers a week, quiet from ${body.quietFromHour} to ${body.quietToHour}`
  }
}

function span(from: number | null, to: number | null): string {
  const day = (at: number) => new Date(at).toISOString().slice(0, 16)
  return `${from === null ? '' : `, from ${day(from)}`}${to === null ? '' : `, until ${day(to)}`}`
}
