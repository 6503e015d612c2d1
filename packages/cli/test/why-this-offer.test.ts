// docs/tour/why-this-offer.md, each command of it run over a line in this process.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Customer, Delivery, Engagement, Purchase } from '@offerstream/contracts'
import { promotionOf } from '@offerstream/ranker'
import { createWorld, customerRecords, playbookRecords } from '@offerstream/simulator'
import { type Stack, startStack } from '@offerstream/stack'
import { ensureTopics, openTopic, partitionOf, type Surroundings } from '@offerstream/streaming'
import { Command, Option } from 'commander'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addExplainCommand } from '../src/explain-command.ts'
import { startLine } from '../src/line.ts'
import { createOutput, type Output } from '../src/output.ts'
import { putRecords } from '../src/playbook.ts'
import { surroundingsOf } from '../src/surroundings.ts'
import { notShown } from './not-shown.ts'

const root = join(import.meta.dirname, '../../..')
const models = join(root, 'models')
const chapter = readFileSync(join(root, 'docs/tour/why-this-offer.md'), 'utf8')
const blocks = [...chapter.matchAll(/^```(console|json) ?(.*)\n([\s\S]*?)^```$/gm)].map(([, kind, about, text]) => ({
  kind: kind!,
  about: about!,
  text: text!,
}))
const noon = Date.UTC(2026, 2, 2, 12)
const minute = 60_000

let dir: string
let stack: Stack
let around: Surroundings

/** Lena uses up her data, gets an offer and takes it; Mona uses little. */
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'offerstream-tour-'))
  stack = await startStack('embedded')
  let now = noon
  around = surroundingsOf(stack, { prefix: '', partitions: 2, clock: { now: () => now } })
  const { log, registry } = around
  await ensureTopics(log, { prefix: '', partitions: 2, sources: true })
  const bodies = playbookRecords({ start: 0 })
    .map(({ body }) => body)
    .filter(({ type }) => type !== 'experiment')
    .map(body => (body.type === 'contact_policy' ? { ...body, explorationShare: 0 } : body))
  await put([...bodies, await promotionOf(models, 'plan-ranker', '1')])
  const running = await startLine(around, { models, stack, services: ['intake', 'feature-updater', 'offer-scorer'] })
  const [somebody] = customerRecords(createWorld({ seed: 1, customers: 1, start: noon }))
  const write = async (name: 'customers' | 'usage' | 'purchases' | 'engagements' | 'deliveries', value: object) => {
    const topic = await openTopic(registry, name, '')
    const { customer } = value as { customer: string }
    const encoded = (topic.codec.encode as (value: unknown) => Buffer)(value)
    await log.append(topic.path, partitionOf(customer, 2), [{ key: customer, value: encoded }])
    expect(await running.drained(10_000)).toBe(true)
  }
  for (const customer of ['lena', 'mona']) {
    const profile: Customer = { ...somebody!, id: `profile-${customer}`, customer, at: noon - 600 * minute }
    await write('customers', {
      ...profile,
      plan: 'smart-6',
      monthlyChargeMinor: 1299,
      zone: 'UTC',
      consent: { push: true },
    })
    await write('usage', {
      ...{
        type: 'usage',
        id: `u-${customer}`,
        customer,
        at: noon,
        kind: 'data',
        dataKb: customer === 'lena' ? 8_000_000 : 900_000,
        seconds: 0,
        count: 0,
      },
      ...{ overageMinor: 0, roaming: false, currency: 'EUR', zone: null },
    })
  }
  const [decision] = await decisionsOf('lena')
  expect(decision, 'the use asked for a decision').toBeDefined()
  for (const [index, state] of (['sending', 'accepted', 'displayed'] as const).entries()) {
    now += minute
    await write('deliveries', {
      ...{
        type: 'delivery',
        id: `p-${index}`,
        customer: 'lena',
        at: now,
        offer: decision!.id,
        item: decision!.chosen!,
      },
      ...{ channel: 'push', provider: 'web-push', state, reason: null, device: null, trigger: 'allowance-exhausted' },
    } satisfies Partial<Delivery>)
  }
  now += minute
  await write('engagements', {
    ...{ type: 'engagement', id: 'e-1', customer: 'lena', at: now, kind: 'opened', surface: 'push' },
    ...{ offer: decision!.id, item: decision!.chosen, interaction: null },
  } satisfies Engagement)
  now += minute
  await write('purchases', {
    ...{ type: 'purchase', id: 'b-1', customer: 'lena', at: now, item: decision!.chosen, offer: decision!.id },
    ...{ priceMinor: 1599, currency: 'EUR', quantity: 1, discountMinor: 0, channel: 'app' },
  } as unknown as Purchase)
  await running.stop()
}, 60_000)
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const put = (records: unknown) => putRecords(around, JSON.stringify(records), { by: 'mara', at: noon, models })

async function decisionsOf(customer: string) {
  const topic = await openTopic(around.registry, 'decisions', '')
  const found = []
  for await (const messages of around.log.read(topic.path, partitionOf(customer, 2), 0))
    for (const message of messages) if (message.key === customer) found.push(topic.codec.decode(message.value!))
  return found
}

/** What a command prints. */
async function run(command: string): Promise<string> {
  const said: string[] = []
  const program = new Command('offerstream').exitOverride()
  addExplainCommand(
    program,
    {
      action:
        <Args extends unknown[]>(work: (output: Output, ...args: Args) => Promise<unknown>) =>
        async (...args: Args) => {
          const { json } = (args as unknown as [string, { json: boolean }])[1]
          const output = createOutput(json)
          const result = await work(
            { ...output, progress: () => {}, say: line => json || said.push(line ?? '') },
            ...args,
          )
          if (json) said.push(JSON.stringify(result))
        },
      stackOption: () => new Option('--stack <kind>').default('auto'),
      modelsOption: () => new Option('--models <folder>').default(models),
      jsonOption: () => new Option('--json').default(false),
      whole: () => Number,
      moment: Date.parse,
    },
    (_kind, _output, work) => work(around, stack),
  )
  const words = command
    .split(' ')
    .map(word => (word.endsWith('.json') || word.endsWith('.html') ? join(dir, word) : word))
  await program.parseAsync(words.slice(2), { from: 'user' })
  const code = process.exitCode ?? 0
  process.exitCode = 0
  return `${said.join('\n')}\nexit code ${code}`
}

test('each command of the chapter shows what it says', async () => {
  let commands = 0
  for (const { kind, about, text } of blocks) {
    if (kind === 'json') {
      writeFileSync(join(dir, about), text)
      continue
    }
    const [first, ...rest] = text.split('\n')
    const command = first!.slice('$ '.length)
    expect(command).toMatch(/^pnpm offerstream explain /)
    const output = await run(command)
    expect(notShown(output, rest.join('\n')), `${command}\n${output}`).toBeNull()
    commands++
  }
  expect(commands).toBeGreaterThanOrEqual(5)
  expect(readFileSync(join(dir, 'lena.html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]*data_mb_30d/)
})
