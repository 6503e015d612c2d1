import { readFile, writeFile } from 'node:fs/promises'
import type { StackKind } from '@offerstream/stack'
import { Refused } from '@offerstream/streaming'
import type { Command } from 'commander'
import { explainCustomer } from './explain.ts'
import { sectionsOf } from './explain-sections.ts'
import { sectionsHtml, sectionsText } from './explain-text.ts'
import type { CommandParts } from './replay-commands.ts'
import { withLine } from './with-line.ts'

type Options = {
  at?: number
  decision?: string
  days: number
  again: boolean
  playbook?: string
  html?: string
  stack: StackKind
  models: string
}

/** `opened` opens the line it looks at: the last one, unless another is given. */
export function addExplainCommand(
  program: Command,
  parts: Omit<CommandParts, 'stopping'>,
  opened: typeof withLine = withLine,
): void {
  const { action, stackOption, modelsOption, jsonOption, whole, moment } = parts
  program
    .command('explain')
    .description(
      'why a decision was taken: features, every candidate with its verdict, limits, playbook, and what followed; of a customer without one, why no trigger fired',
    )
    .argument('<customer>')
    .option('--at <moment>', 'the newest decision at or before it, instead of the newest', moment)
    .option('--decision <id>', 'this decision')
    .option('--days <n>', 'how far to look back', whole(1), 30)
    .option('--again', "decide it again by today's playbook, and show what differs and which records do it", false)
    .option('--playbook <file>', 'decide it again with these records on top, as `playbook put` takes them')
    .option('--html <file>', 'write it as a page too')
    .addOption(stackOption())
    .addOption(modelsOption())
    .addOption(jsonOption())
    .action(
      action(async (output, customer: string, { html, playbook, ...options }: Options) => {
        const records = playbook === undefined ? {} : { records: await textOf(playbook) }
        return opened(options.stack, output, async surroundings => {
          const explained = await explainCustomer(surroundings, customer, { ...options, ...records })
          const sections = sectionsOf(explained)
          const { isTTY, columns } = process.stdout
          output.say(sectionsText(sections, isTTY ? { columns } : null))
          if (html !== undefined) await writeFile(html, sectionsHtml(sections))
          if (explained.explanation === null && explained.known === null) process.exitCode = 1
          return explained
        })
      }),
    )
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new Refused(`${file} cannot be read: ${(error as Error).message}`)
  }
}
