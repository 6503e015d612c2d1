// What concerns many customers at once: campaigns, daily sales and price changes, brought to them by the fan-out job.
import { applyRecord, checkRecord, emptyPlaybook, nearest, type Playbook, passOver } from '@offerstream/catalogue'
import type { CampaignKind } from '@offerstream/contracts'
import { type Campaign, type FanOutSummary, fanOut } from '@offerstream/feature-updater'
import { names } from '@offerstream/features'
import type { StackKind } from '@offerstream/stack'
import { follow, openTopic, Refused, type Surroundings } from '@offerstream/streaming'
import type { Command } from 'commander'
import { audienceOf } from './campaign-audience.ts'
import type { Output } from './output.ts'
import type { CommandParts } from './replay-commands.ts'
import { withLine } from './with-line.ts'

export type CampaignOptions = {
  /** Conditions as `audienceOf` reads them. */
  readonly where: readonly string[]
  /** Customers read per second at most. */
  readonly rate: number
  readonly dryRun: boolean
}

export type CampaignSummary = FanOutSummary & { readonly dryRun: boolean; readonly seconds: number }

/** Brings a campaign, or a daily sale, to everybody it concerns. An item must be in the catalogue. */
export async function startCampaign(
  surroundings: Surroundings,
  campaign: { readonly name: string; readonly kind: CampaignKind; readonly item: string | null },
  options: CampaignOptions,
  output: Output,
  signal?: AbortSignal,
): Promise<CampaignSummary> {
  const { name, kind, item } = campaign
  if (item !== null) itemOf((await readPlaybook(surroundings, output)).playbook, item)
  return reach(surroundings, { campaign: name, kind, item, fromMinor: null, toMinor: null }, options, output, signal)
}

/** Tells the customers of a plan that its price changes: from the price before its newest one. */
export async function startPriceChange(
  surroundings: Surroundings,
  plan: string,
  options: CampaignOptions,
  output: Output,
  signal?: AbortSignal,
): Promise<CampaignSummary> {
  const { playbook, changes } = await readPlaybook(surroundings, output)
  const { kind } = itemOf(playbook, plan)
  if (kind !== 'plan') throw new Refused(`${plan} is a ${kind}; a price change is of a plan`)
  const change = changes.get(plan)
  if (change === undefined) throw new Refused(`the price of ${plan} has never changed in the playbook`)
  const { offset, ...prices } = change
  const campaign: Campaign = { campaign: `price-change/${plan}/${offset}`, kind: 'price_change', item: plan, ...prices }
  output.say(`${plan}: ${prices.fromMinor} → ${prices.toMinor} minor units, playbook version ${offset}`)
  return reach(surroundings, campaign, { ...options, where: [...options.where, `plan = ${plan}`] }, output, signal)
}

async function reach(
  surroundings: Surroundings,
  campaign: Campaign,
  { where, rate, dryRun }: CampaignOptions,
  output: Output,
  signal?: AbortSignal,
): Promise<CampaignSummary> {
  const concerns = audienceOf(where)
  const began = performance.now()
  let bar: ReturnType<Output['bar']> | null = null
  const summary = await fanOut(surroundings, {
    campaign,
    concerns,
    perSecond: rate,
    dryRun,
    ...(signal ? { signal } : {}),
    onProgress({ total, customers, sent }) {
      bar ??= output.bar(campaign.campaign, total)
      bar.update(Math.min(customers, total), `${sent} reached`)
    },
  }).finally(() => bar?.stop())
  return { ...summary, dryRun, seconds: Math.round(performance.now() - began) / 1000 }
}

type PriceChange = { readonly offset: number; readonly fromMinor: number; readonly toMinor: number }

/** The playbook as it is, and the newest price change of each item. What is wrong is passed over, as everywhere. */
async function readPlaybook(
  { log, registry, prefix }: Surroundings,
  output: Output,
): Promise<{ readonly playbook: Playbook; readonly changes: ReadonlyMap<string, PriceChange> }> {
  let playbook = emptyPlaybook
  const changes = new Map<string, PriceChange>()
  const following = await follow(
    log,
    await openTopic(registry, 'playbook', prefix),
    (record, { offset }) => {
      if (checkRecord(record, names, playbook).length > 0) {
        playbook = passOver(playbook, offset)
        return
      }
      const { body } = record
      const before = body.type === 'item' ? playbook.items.get(body.name) : undefined
      if (body.type === 'item' && before !== undefined && before.priceMinor !== body.priceMinor)
        changes.set(body.name, { offset, fromMinor: before.priceMinor, toMinor: body.priceMinor })
      playbook = applyRecord(playbook, record, offset)
    },
    output.progress,
  )
  await following.stop()
  return { playbook, changes }
}

function itemOf(playbook: Playbook, name: string) {
  const item = playbook.items.get(name)
  if (item !== undefined) return item
  const like = nearest(name, playbook.items.keys())
  throw new Refused(`the catalogue has no ${name}${like === null ? '' : `; the nearest is ${like}`}`)
}

const campaignText = ({
  campaign,
  customers,
  concerned,
  reachedBefore,
  sent,
  complete,
  dryRun,
  seconds,
}: CampaignSummary) =>
  `${campaign}: ${customers} customers read in ${seconds} s, ${concerned} concerned, ${reachedBefore} reached before, ${
    dryRun ? `${concerned - reachedBefore} would be reached` : `${sent} reached`
  }${complete ? '' : '; interrupted, the same command goes on from there'}`

export function addCampaignCommands(program: Command, parts: CommandParts): void {
  const { action, stackOption, jsonOption, whole, stopping } = parts
  type Options = CampaignOptions & { readonly stack: StackKind }

  const run = (
    output: Output,
    { stack, ...options }: Options,
    start: (surroundings: Surroundings, options: CampaignOptions) => Promise<CampaignSummary>,
  ): Promise<CampaignSummary> =>
    withLine(stack, output, async surroundings => {
      const summary = await start(surroundings, options)
      output.say(campaignText(summary))
      if (!summary.complete) process.exitCode = 130
      return summary
    })
  const withOptions = (command: Command): Command =>
    command
      .option('--where <condition...>', 'only whom this holds for, like "quiet_days >= 14" or "segment = young"', [])
      .option('--rate <n>', 'customers read per second at most', whole(1), 1000)
      .option('--dry-run', 'count whom it concerns, and write nothing', false)
      .addOption(stackOption())
      .addOption(jsonOption())

  const campaign = program
    .command('campaign')
    .description(
      'bring a campaign or a price change to all customers it concerns; run again it goes on where it stopped',
    )

  withOptions(campaign.command('start').argument('<name>', 'of the campaign; a kill switch of scope campaign names it'))
    .description('a campaign or a daily sale')
    .option('--item <item>', 'what it is about')
    .option('--daily-sale', 'it is a daily sale', false)
    .action(
      action(async (output, name: string, options: Options & { item?: string; dailySale: boolean }) => {
        const { item = null, dailySale } = options
        const kind = dailySale ? 'daily_sale' : 'campaign'
        return run(output, options, (surroundings, each) =>
          startCampaign(surroundings, { name, kind, item }, each, output, stopping),
        )
      }),
    )

  withOptions(campaign.command('price-change').argument('<plan>'))
    .description('tell the customers of a plan of its newest price in the playbook')
    .action(
      action(async (output, plan: string, options: Options) =>
        run(output, options, (surroundings, each) => startPriceChange(surroundings, plan, each, output, stopping)),
      ),
    )
}
