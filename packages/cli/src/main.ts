#!/usr/bin/env node
import { join } from 'node:path'
import { type DatasetName, datasets } from '@offerstream/datasets'
import { featuresApi, updaterName } from '@offerstream/feature-updater'
import { states } from '@offerstream/features'
import { offersApi } from '@offerstream/offer-scorer'
import { addLinkRoutes, addSubscriptionRoutes, linksOf } from '@offerstream/push-dispatcher'
import { type StackKind, StackUnavailable, stackKinds, startStack } from '@offerstream/stack'
import { BadSettings, deadLettersOf, ensureTopics, Refused, readSettings, UnknownTopic } from '@offerstream/streaming'
import { Command, InvalidArgumentError, Option } from 'commander'
import fastify from 'fastify'
import { addCampaignCommands } from './campaign.ts'
import { addConnectCommands, mappingHelp, mappingOf } from './connect-commands.ts'
import { demo } from './demo.ts'
import { doctor } from './doctor.ts'
import { addExplainCommand } from './explain-command.ts'
import { ingest, parseSpeed } from './ingest.ts'
import { addLedgerCommand } from './ledger-command.ts'
import { type ServiceName, serviceNames, startLine } from './line.ts'
import { addModelCommands } from './model-commands.ts'
import { createOutput, type Output, table } from './output.ts'
import { addPlaybookCommands } from './playbook-commands.ts'
import { rememberLine, reopenLine } from './remembered-line.ts'
import { addReplayCommands } from './replay-commands.ts'
import { addScoreBaseCommand } from './score-base/command.ts'
import { addStateCommands } from './state-commands.ts'
import { surroundingsOf } from './surroundings.ts'
import { withLine } from './with-line.ts'

const defaultModels = join(import.meta.dirname, '..', '..', '..', 'models')
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(130)
    process.stderr.write('stopping; once more ends it at once\n')
    stopping.abort()
  })

const whole =
  (least: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < least)
      throw new InvalidArgumentError(`wanted a whole number of at least ${least}`)
    return value
  }
const moment = (text: string): number => {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new InvalidArgumentError('wanted a moment like 2026-03-02T09:00:00Z')
  return at
}
const stackOption = () =>
  new Option('--stack <kind>', 'where Kafka, Redis and the registry come from')
    .choices(['auto', ...stackKinds])
    .default('auto')
const jsonOption = () => new Option('--json', 'one object on the last line of standard output').default(false)
const modelsOption = () => new Option('--models <dir>', 'folder of the model registry').default(defaultModels, 'models')

/** Runs a command; expected trouble is one clear message and exit code 1. */
const action =
  <Args extends unknown[]>(work: (output: Output, ...args: Args) => Promise<unknown>) =>
  async (...args: Args): Promise<void> => {
    const options = args.find(
      (each): each is Args[number] & { json?: boolean } =>
        typeof each === 'object' && each !== null && !Array.isArray(each) && 'json' in each,
    )
    const output = createOutput((options as { json?: boolean } | undefined)?.json ?? false)
    try {
      output.result(await work(output, ...args))
    } catch (error) {
      const expected =
        error instanceof StackUnavailable ||
        error instanceof Refused ||
        error instanceof BadSettings ||
        error instanceof UnknownTopic
      process.stderr.write(
        `${expected || !process.env['OFFERSTREAM_LOG_LEVEL'] ? (error as Error).message : (error as Error).stack}\n`,
      )
      // As whoever is ended by Ctrl-C.
      process.exitCode = stopping.signal.aborted ? 130 : 1
    }
    // Clients keep sockets for reuse; nothing is left to do.
    setTimeout(() => process.exit(), 1000).unref()
  }

const program = new Command('offerstream')
  .description('An event-driven next-best-offer engine: events in, explained decisions and pushes out.')
  .showHelpAfterError()

program
  .command('demo')
  .description(
    'stream a simulated operator, or a real data set, through the whole line and show the pushes that come out',
  )
  .addOption(stackOption())
  .option('--customers <n>', 'simulated customers', whole(1), 5000)
  .option('--rate <n>', 'events per second', whole(1), 500)
  .option('--seconds <n>', 'how long to stream; a data set is streamed whole', whole(1), 60)
  .option('--seed <n>', 'of the simulated operator', whole(0), 1)
  .addOption(new Option('--dataset <name>', 'stream this data set instead').choices(Object.keys(datasets)))
  .option('--dir <dir>', 'folder that holds the files of the data set')
  .option('--keep', 'stay up afterwards, until Ctrl-C', false)
  .option('--browser', 'serve a page on which a Firefox here subscribes, and show it some of the offers', false)
  .addOption(modelsOption())
  .addOption(jsonOption())
  .action(
    action(
      async (
        output,
        options: {
          stack: StackKind
          customers: number
          rate: number
          seconds: number
          seed: number
          dataset?: DatasetName
          dir?: string
          keep: boolean
          browser: boolean
          models: string
        },
      ) => {
        return demo({ ...options, signal: stopping.signal }, output)
      },
    ),
  )

program
  .command('ingest')
  .description('stream a real data set onto the source topics')
  .argument('<dataset>', Object.keys(datasets).join(', '))
  .requiredOption('--dir <dir>', 'folder that holds its files')
  .addOption(
    new Option('--speed <times>', 'how many times as fast as it happened, like 1000x, or max')
      .argParser(parseSpeed)
      .default(Number.POSITIVE_INFINITY, 'max'),
  )
  .addOption(new Option('--rebase <moment>', 'move the times so that the last event falls on now').choices(['now']))
  .option('--assume-consent', 'give every customer a device and consent to pushes', false)
  .option('--resume', 'go on where an interrupted run stopped', false)
  .addOption(stackOption())
  .addOption(jsonOption())
  .action(
    action(
      async (
        output,
        name: string,
        options: {
          dir: string
          speed: number
          rebase?: 'now'
          assumeConsent: boolean
          resume: boolean
          stack: StackKind
        },
      ) => {
        if (!(name in datasets))
          throw new Refused(`${name} is no data set; there are ${Object.keys(datasets).join(', ')}`)
        const { stack, line } = await reopenLine(options.stack, output.progress, true)
        const surroundings = surroundingsOf(stack, {
          prefix: line.prefix,
          partitions: line.partitions,
          notice: output.progress,
        })
        try {
          rememberLine({
            ...line,
            kind: stack.kind === 'external' ? line.kind : stack.kind,
            addresses: stack.addresses,
          })
          const summary = await ingest(
            surroundings,
            { ...options, dataset: name as DatasetName, rebase: options.rebase === 'now', signal: stopping.signal },
            output,
          )
          output.say(
            `${summary.sent} of ${summary.records} records sent in ${summary.seconds} s${summary.complete ? '' : ', interrupted'}`,
          )
          if (!summary.complete) process.exitCode = 130
          return summary
        } finally {
          await surroundings.close()
          await stack.stop()
        }
      },
    ),
  )

program
  .command('run')
  .description('run services in this process until Ctrl-C')
  .argument('[services...]', serviceNames.join(', '), [...serviceNames])
  .option('--create-sources', 'create the source topics too', false)
  .option('--mapping <file>', mappingHelp)
  .addOption(stackOption())
  .addOption(modelsOption())
  .addOption(jsonOption())
  .action(
    action(
      async (
        output,
        services: string[],
        options: { createSources: boolean; mapping?: string; stack: StackKind; models: string },
      ) => {
        const unknown = services.filter(name => !(serviceNames as readonly string[]).includes(name))
        if (unknown.length > 0)
          throw new Refused(`${unknown.join(', ')}: no such service; there are ${serviceNames.join(', ')}`)
        const settings = readSettings(process.env)
        const mapping = mappingOf(options.mapping)
        const links = linksOf(settings.text('OFFERSTREAM_LINK_URL'), settings.text('OFFERSTREAM_LINK_KEYS'))
        const prefix = settings.text('OFFERSTREAM_PREFIX')
        const partitions = settings.number('OFFERSTREAM_PARTITIONS')
        const stack = await startStack(options.stack, { progress: output.progress })
        output.say(`stack ${stack.kind}: ${stack.why}`)
        const surroundings = surroundingsOf(stack, { prefix, partitions, notice: output.progress })
        const server = fastify()
        try {
          await ensureTopics(surroundings.log, {
            prefix,
            partitions,
            sources: options.createSources || stack.kind !== 'external',
          })
          rememberLine({ kind: stack.kind, instance: 'default', prefix, partitions, addresses: stack.addresses })
          const line = await startLine(surroundings, {
            models: options.models,
            services: services as ServiceName[],
            stack,
            links,
            ...(mapping === null ? {} : { mapping }),
          })
          featuresApi(server, { store: surroundings.store, updater: { name: updaterName, states }, partitions })
          offersApi(server, surroundings, { models: options.models })
          addSubscriptionRoutes(server, line.subscriptions)
          if (links !== null) addLinkRoutes(server, links, surroundings)
          const address = await server.listen({
            host: settings.text('OFFERSTREAM_HTTP_HOST'),
            port: settings.number('OFFERSTREAM_HTTP_PORT'),
          })
          output.say(
            `${services.join(', ')} running; API at ${address}${stack.addresses === null ? '' : `; Kafka at ${stack.addresses.brokers.join()}`}. Ctrl-C drains and ends.`,
          )
          await Promise.race([
            line.done,
            stack.crashed.then(why => Promise.reject(new Refused(why))),
            new Promise<void>(resolve => stopping.signal.addEventListener('abort', () => resolve())),
          ])
          await line.stop()
          return { services, stack: stack.kind }
        } finally {
          await server.close()
          await surroundings.close()
          await stack.stop()
        }
      },
    ),
  )

program
  .command('doctor')
  .description('check this machine, the settings, the models and the stack, and say what to do')
  .addOption(
    new Option('--stack <kind>', 'which stack to try').choices(['auto', 'none', ...stackKinds]).default('auto'),
  )
  .addOption(modelsOption())
  .addOption(jsonOption())
  .action(
    action(async (output, options: { stack: StackKind | 'auto' | 'none'; models: string }) => {
      const checks = await doctor({ ...options, progress: output.progress })
      output.say(
        table(
          checks.map(({ what, ok, found, fix }) => [
            ok ? 'ok' : 'MISSING',
            what,
            fix === null ? found : `${found}: ${fix}`,
          ]),
        ),
      )
      if (checks.some(({ ok }) => !ok)) process.exitCode = 1
      return { ok: checks.every(({ ok }) => ok), checks }
    }),
  )

program
  .command('topics')
  .description('list the topics with what they hold, or create them')
  .option('--create', 'create what is missing, source topics too', false)
  .addOption(stackOption())
  .addOption(jsonOption())
  .action(
    action((output, options: { create: boolean; stack: StackKind }) =>
      withLine(options.stack, output, async ({ log, prefix, partitions }, stack) => {
        if (options.create) await ensureTopics(log, { prefix, partitions, sources: true })
        const paths = (await log.topicNames()).filter(path => path.startsWith(prefix) && !path.startsWith('__')).sort()
        const rows = []
        for (const path of paths) {
          const bounds = await log.bounds(path)
          rows.push({
            topic: path,
            partitions: bounds.length,
            records: bounds.reduce((sum, { first, next }) => sum + next - first, 0),
            deadLetters: path.endsWith(deadLettersOf('')),
          })
        }
        output.say(
          table([
            ['topic', 'partitions', 'records'],
            ...rows
              .filter(row => !row.deadLetters || row.records > 0)
              .map(row => [row.topic, `${row.partitions}`, `${row.records}`]),
          ]),
        )
        return { stack: stack.kind, topics: rows }
      }),
    ),
  )

const parts = { action, stackOption, modelsOption, jsonOption, whole, moment, stopping: stopping.signal }
addExplainCommand(program, { action, stackOption, modelsOption, jsonOption, whole, moment })

addPlaybookCommands(program, parts)
addModelCommands(program, parts)
addReplayCommands(program, parts)
addLedgerCommand(program, parts)
addConnectCommands(program, parts)
addStateCommands(program, parts)
addCampaignCommands(program, parts)
addScoreBaseCommand(program, parts)

await program.parseAsync()
