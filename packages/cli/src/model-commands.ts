// offerstream model status|promote|retire
import { userInfo } from 'node:os'
import type { ModelPromotion } from '@offerstream/contracts'
import type { StackKind } from '@offerstream/stack'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type ModelStatus, modelStatus, promoteModel, retireModel } from './model.ts'
import { table } from './output.ts'
import type { CommandParts } from './replay-commands.ts'
import { withLine } from './with-line.ts'

function parseShare(text: string): number {
  const share = Number(text)
  if (!(share > 0 && share <= 1)) throw new InvalidArgumentError('wanted a share like 0.1, above 0 and at most 1')
  return share
}

export function addModelCommands(program: Command, parts: CommandParts): void {
  const { action, stackOption, modelsOption, jsonOption, whole } = parts
  const model = program
    .command('model')
    .description('versions of models: which one stands where, how it does, and the step to its next place')
  const byOption = () => new Option('--by <name>', 'who changes it, for the history').default(userInfo().username)

  model
    .command('status')
    .description('every promoted version, and how those that score beside another compare with it')
    .option('--last <n>', 'newest decisions to compare by', whole(1), 10_000)
    .addOption(stackOption())
    .addOption(modelsOption())
    .addOption(jsonOption())
    .action(
      action(async (output, options: { last: number; stack: StackKind; models: string }) =>
        withLine(options.stack, output, async around => {
          const status = await modelStatus(around, options)
          for (const line of statusText(status)) output.say(line)
          return status
        }),
      ),
    )

  model
    .command('promote')
    .description('put a version of the registry folder into its next place: shadow, canary, champion')
    .argument('<name>', 'of the model')
    .argument('<version>', 'its folder')
    .addOption(new Option('--stage <stage>', 'that place instead').choices(['shadow', 'canary', 'champion']))
    .option('--share <share>', 'of customers, for a canary; 0.1 unless given', parseShare)
    .option('--reason <text>', 'why, for the history')
    .addOption(byOption())
    .addOption(stackOption())
    .addOption(modelsOption())
    .addOption(jsonOption())
    .action(
      action(
        async (
          output,
          name: string,
          version: string,
          options: {
            stage?: ModelPromotion['stage']
            share?: number
            reason?: string
            by: string
            stack: StackKind
            models: string
          },
        ) =>
          withLine(options.stack, output, async around => {
            const put = await promoteModel(around, name, version, { ...options, at: around.clock.now() })
            output.say(
              `${name}/${version} is ${put.promotion.stage} from playbook version ${put.version} on: ${put.next}`,
            )
            return put
          }),
      ),
    )

  model
    .command('retire')
    .description('take a version out of use: what served before it serves again')
    .argument('<name>', 'of the model')
    .argument('<version>', 'as it was promoted')
    .option('--reason <text>', 'why, for the history')
    .addOption(byOption())
    .addOption(stackOption())
    .addOption(modelsOption())
    .addOption(jsonOption())
    .action(
      action(
        async (
          output,
          name: string,
          version: string,
          options: { reason?: string; by: string; stack: StackKind; models: string },
        ) =>
          withLine(options.stack, output, async around => {
            const put = await retireModel(around, name, version, { ...options, at: around.clock.now() })
            output.say(`${name}/${version} is retired from playbook version ${put.version} on`)
            return put
          }),
      ),
    )
}

function statusText({ playbookVersion, models, comparisons, unpromoted }: ModelStatus): readonly string[] {
  const number = (value: number | null): string => (value === null ? '–' : `${Number(value.toPrecision(3))}`)
  return [
    `playbook version ${playbookVersion}`,
    table([
      ['model', 'stage', 'since', 'on trial', 'next'],
      ...models.map(({ name, version, stage, share, promotedIn, trial, reason, next }) => [
        `${name}/${version}`,
        `${stage}${stage === 'canary' ? ` for ${share}` : ''}`,
        `${promotedIn}`,
        trial === null ? '–' : `${trial.decisions} decisions, ${trial.failed} without a score`,
        reason === '' ? next : `${reason}; ${next}`,
      ]),
    ]),
    ...(comparisons.length === 0
      ? []
      : [
          '',
          table([
            ['scored beside', 'served', 'decisions', 'mean |Δp|', 'same top choice'],
            ...comparisons.map(each => [
              each.model,
              each.with,
              `${each.decisions}`,
              number(each.meanDifference),
              number(each.sameTopChoice),
            ]),
          ]),
        ]),
    ...(unpromoted.length === 0 ? [] : ['', `in the registry folder and never promoted: ${unpromoted.join(', ')}`]),
  ]
}
