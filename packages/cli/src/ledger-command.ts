import type { StackKind } from '@offerstream/stack'
import type { Command } from 'commander'
import { ledgerReport, ledgerText } from './ledger.ts'
import type { CommandParts } from './replay-commands.ts'
import { withLine } from './with-line.ts'

/** `opened` opens the line it looks at: the last one, unless another is given. */
export function addLedgerCommand(program: Command, parts: CommandParts, opened: typeof withLine = withLine): void {
  const { action, stackOption, jsonOption, moment } = parts
  program
    .command('ledger')
    .description(
      'what became of the offers to a customer, with the caps in use, or of one offer with its deliveries; how many are in which state where none is named',
    )
    .argument('[customer-or-offer]')
    .option('--at <moment>', 'caps as they stand then; now unless given', moment)
    .addOption(stackOption())
    .addOption(jsonOption())
    .action(
      action((output, name: string | undefined, { at, stack }: { at?: number; stack: StackKind }) =>
        opened(stack, output, async surroundings => {
          const report = await ledgerReport(surroundings, name, at ?? surroundings.clock.now())
          if (report === null) {
            output.say(`${name} is no customer with a ledger, and no delivery tells of an offer of that name`)
            process.exitCode = 1
          } else output.say(ledgerText(report))
          return report
        }),
      ),
    )
}
