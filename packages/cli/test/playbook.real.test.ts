// The playbook's door and the last units of a stock, on a real Kafka, Redis and registry.
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CatalogueItem, type Decision, defaults } from '@offerstream/contracts'
import { fingerprint, names } from '@offerstream/features'
import { startOfferScorer } from '@offerstream/offer-scorer'
import { demoPromotions } from '@offerstream/ranker'
import { playbookRecords } from '@offerstream/simulator'
import { ensureTopics, openTopic, partitionOf, type Running, type Surroundings } from '@offerstream/streaming'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sharedStack } from '../../../tests/shared-stack.ts'
import { split, writeTreeModel } from '../../ranker/test/write-model.ts'
import { modelStatus, promoteModel } from '../src/model.ts'
import { historyOf, playbookAt, putRecords, readPlaybook } from '../src/playbook.ts'
import { surroundingsOf } from '../src/surroundings.ts'

const models = join(import.meta.dirname, '..', '..', '..', 'models')
const noon = Date.UTC(2026, 2, 2, 12)
const partitions = 4
const stock = 7
const bodies = [
  ...playbookRecords({ start: 0 })
    .map(({ body }) => body)
    .filter(body => body.type !== 'experiment'),
  ...(await demoPromotions(models)),
]
const plan = bodies.find((body): body is CatalogueItem => body.type === 'item' && body.name === 'smart-10')!
const scarce: CatalogueItem = { ...plan, name: 'scarce', stock, marginMinor: 1_000_000 }
const options = { by: 'mara', at: noon, models }

const stack = sharedStack()
let around: ReturnType<typeof surroundingsOf>
const put = (surroundings: Surroundings, value: unknown) => putRecords(surroundings, JSON.stringify(value), options)

beforeAll(async () => {
  around = surroundingsOf(stack, { prefix: 'pb.', partitions })
  await ensureTopics(around.log, { prefix: 'pb.', partitions, sources: true })
})
afterAll(async () => {
  await around?.close()
})

test('of five who put at once one is heard at a time, and who was not was told so', async () => {
  await put(around, bodies)
  const connections = Array.from({ length: 5 }, () => surroundingsOf(stack, { prefix: 'pb.', partitions }))
  const settled = await Promise.allSettled(
    connections.map((each, index) =>
      put(
        each,
        [0, 1].map(part => ({ ...plan, name: `new-${index}-${part}` })),
      ),
    ),
  )
  for (const each of connections) await each.close()
  const { items } = playbookAt(await readPlaybook(around), null)
  expect(settled.some(({ status }) => status === 'fulfilled')).toBe(true)
  for (const [index, { status }] of settled.entries())
    for (const part of [0, 1]) expect(items.has(`new-${index}-${part}`)).toBe(status === 'fulfilled')
  for (const each of settled)
    if (each.status === 'rejected') expect(String(each.reason)).toContain('somebody else changed the playbook')
})

/** Updates in, decisions out, of customers by number. */
async function customersOf(surroundings: Surroundings) {
  const { log, registry } = surroundings
  const updates = await openTopic(registry, 'feature-updates', surroundings.prefix)
  const decisions = await openTopic(registry, 'decisions', surroundings.prefix)
  const vector: Record<string, number> = { data_mb_30d: 8192, voice_minutes_30d: 120, texts_30d: 4 }
  const facts = {
    ...defaults.CustomerFacts,
    ...{ plan: 'smart-6', monthlyChargeMinor: 1299, currency: 'EUR', ageBand: '35-44', consent: { push: true } },
  }
  const feed = async (from: number, to: number): Promise<void> => {
    const all = Array.from({ length: to - from }, (_, index) => `c${from + index}`)
    for (let partition = 0; partition < partitions; partition++)
      await log.append(
        updates.path,
        partition,
        all
          .filter(customer => partitionOf(customer, partitions) === partition)
          .map(customer => ({
            key: customer,
            value: updates.codec.encode({
              id: `u/${customer}`,
              customer,
              at: noon,
              trigger: { kind: 'purchase', event: 'e', at: noon },
              fingerprint,
              features: names.map(name => Math.fround(vector[name] ?? Number.NaN)),
              facts,
            }),
          })),
      )
  }
  const decided = async (): Promise<Decision[]> => {
    const found = new Map<string, Decision>()
    for (let partition = 0; partition < partitions; partition++)
      for await (const messages of log.read(decisions.path, partition, 0)) {
        await decisions.codec.learn(messages.map(message => message.value))
        for (const { value } of messages) {
          const decision = decisions.codec.decode(value!)
          found.set(decision.id, decision)
        }
      }
    return [...found.values()]
  }
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    for (const limit = performance.now() + 60_000; !(await holds()); ) {
      if (performance.now() > limit) throw new Error('it never came to it')
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
  return { feed, decided, until }
}

test('scorers on all partitions never promise more than there is, though one is stopped and begun again', async () => {
  await put(around, scarce)
  const { store } = around
  const { feed, decided, until } = await customersOf(around)
  const members = [0, 1].map(() => surroundingsOf(stack, { prefix: 'pb.', partitions }))
  const running: Running[] = []
  try {
    for (const member of members) running.push(await startOfferScorer({ ...member, batchRecords: 5 }, { models }))
    await feed(0, 100)
    await until(async () => (await decided()).length >= 50)
    await running[0]!.stop()
    await feed(100, 200)
    running[0] = await startOfferScorer({ ...members[0]!, batchRecords: 5 }, { models })
    await until(async () => (await decided()).length === 200)
    await until(async () => (await store.reservations.totals('stock/scarce')).held === 0)
    const offered = (await decided()).filter(decision => decision.chosen === 'scarce').length
    expect(offered).toBeLessThanOrEqual(stock)
    expect(await store.reservations.totals('stock/scarce')).toEqual({ held: 0, kept: offered })
    // What the last units waited for was given back: a few more customers take all there is.
    await feed(200, 240)
    await until(async () => (await decided()).length === 240)
    await until(async () => (await store.reservations.totals('stock/scarce')).kept === stock)
    expect((await decided()).filter(decision => decision.chosen === 'scarce')).toHaveLength(stock)
  } finally {
    for (const each of running) await each.stop()
    for (const member of members) await member.close()
  }
}, 120_000)

test('a canary that says the same of everything is retired by one of two scorers, for both, and the history says who and why', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'models-'))
  cpSync(models, folder, { recursive: true })
  writeTreeModel(folder, {
    ...{ name: 'plan-ranker', version: '3', kind: 'plan', features: [], pairs: ['price_to_charge'] },
    trees: [split(1, -2, -2)],
  })
  const members = [0, 1].map(() => surroundingsOf(stack, { prefix: 'roll.', partitions }))
  const first: Surroundings = members[0]!
  const running: Running[] = []
  try {
    await ensureTopics(first.log, { prefix: 'roll.', partitions, sources: true })
    await put(first, bodies)
    for (const member of members) running.push(await startOfferScorer(member, { models: folder }))
    const { feed, decided, until } = await customersOf(first)
    const by = { ...options, models: folder }
    const { version: from } = await promoteModel(first, 'plan-ranker', '3', { ...by, stage: 'canary', share: 0.5 })
    const history = async () => historyOf(await readPlaybook(first), 'plan-ranker')
    let fed = 0
    await until(async () => {
      await feed(fed, fed + 20)
      fed += 20
      await until(async () => (await decided()).length === fed)
      return (await history()).length > 2
    })
    const held = (await history()).slice(2).filter(({ problems }) => problems.length === 0)
    expect(held).toHaveLength(1)
    expect(held[0]!.by).toBe('offer-scorer')
    expect(held[0]!.changes).toContainEqual({ field: 'stage', from: 'canary', to: 'retired' })
    expect(held[0]!.changes.find(({ field }) => field === 'reason')!.to).toMatch(
      /^(spreadShare: scores lie 0 apart|meanRatio: )/,
    )
    const { version: retired } = held[0]!
    const newest = async () => Math.max(...(await decided()).map(({ playbookVersion }) => playbookVersion))
    await until(async () => {
      await feed(fed, fed + 20)
      fed += 20
      await until(async () => (await decided()).length === fed)
      return (await newest()) >= retired
    })
    const all = await decided()
    const served = (least: number, below: number) =>
      new Set(
        all
          .filter(({ playbookVersion }) => playbookVersion >= least && playbookVersion < below)
          .map(({ models }) => models.find(({ stage }) => stage !== 'shadow')?.version),
      )
    expect(served(from, retired)).toEqual(new Set(['2', '3']))
    expect(served(retired, Number.POSITIVE_INFINITY)).toEqual(new Set(['2']))
    const status = await modelStatus(first, { models: folder, last: 1000 })
    expect(status.models.find(({ version }) => version === '3')).toMatchObject({
      stage: 'retired',
      promotedIn: retired,
    })
  } finally {
    for (const each of running) await each.stop()
    for (const member of members) await member.close()
    rmSync(folder, { recursive: true })
  }
}, 120_000)
