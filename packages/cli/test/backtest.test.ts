import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Decision, PlaybookRecord } from '@offerstream/contracts'
import { openExport, writeExport } from '@offerstream/evaluation'
import { names } from '@offerstream/features'
import { createVectors, pastChoices, writePast } from '@offerstream/learning'
import { atBoundary, type PairName, promotionOf } from '@offerstream/ranker'
import { createWorld, customerRecords, events, playbookRecords } from '@offerstream/simulator'
import { startStack } from '@offerstream/stack'
import { ensureTopics, openTopic, type Surroundings } from '@offerstream/streaming'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BacktestOptions, backtest, backtestHtml, backtestText } from '../src/backtest.ts'
import { datasetPast } from '../src/backtest-dataset.ts'
import { startLine } from '../src/line.ts'
import { createOutput } from '../src/output.ts'
import { createSourceWriter, sourceTopicOf } from '../src/source-writer.ts'
import { surroundingsOf } from '../src/surroundings.ts'

const models = join(import.meta.dirname, '..', '..', '..', 'models')
const start = Date.UTC(2026, 2, 2, 9)
const output = createOutput(true)
const usual: BacktestOptions = {
  mode: 'one-step',
  from: null,
  to: null,
  arms: [],
  playbook: null,
  model: null,
  models,
  reward: 'accepted',
  windowDays: 7,
  floor: 30,
}

describe('given a line that decided for ten hours', () => {
  let past: Surroundings
  let dir: string
  let stop: () => Promise<void>

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'offerstream-backtest-'))
    let now = start
    const stack = await startStack('embedded', { progress: () => {} })
    const around = surroundingsOf(stack, { prefix: 'test.', partitions: 4, clock: { now: () => now } })
    past = around
    await ensureTopics(around.log, { prefix: 'test.', partitions: 4, sources: true })
    const world = createWorld({ seed: 4, customers: 600, start, preset: 'lively', activity: 2 })
    const playbook = await openTopic(around.registry, 'playbook', 'test.')
    const records: PlaybookRecord[] = [
      ...playbookRecords(world).filter(({ body }) => body.type !== 'experiment'),
      { at: start, body: await promotionOf(models, 'plan-ranker', '1') },
    ]
    await around.log.append(
      playbook.path,
      0,
      records.map(record => ({ key: record.body.name, value: playbook.codec.encode(record) })),
    )
    const line = await startLine(around, { models, stack, services: ['intake', 'feature-updater', 'offer-scorer'] })
    const offers = await openTopic(around.registry, 'next-best-offers', 'test.')
    const writer = await createSourceWriter(around)
    for (const profile of customerRecords(world)) await writer.write('customers', profile, now)
    const answered = new Set<string>()
    for (const end = start + 10 * 3_600_000; now < end; ) {
      now += 30 * 60_000
      for (const event of events(world, world.state.at, now)) await writer.write(sourceTopicOf(event), event, now)
      await writer.flush()
      await line.settled()
      // Every other offer is opened and taken at once.
      for (let partition = 0; partition < 4; partition++)
        for await (const messages of around.log.read(offers.path, partition, 0))
          for (const { value } of messages) {
            const { id, customer, item, at } = offers.codec.decode(value!)
            if (answered.has(id)) continue
            answered.add(id)
            if (answered.size % 2 === 0) continue
            const about = { customer, offer: id, item }
            await writer.write(
              'engagements',
              {
                type: 'engagement',
                id: `${id}/opened`,
                at: at + 1000,
                kind: 'opened',
                surface: 'push',
                interaction: null,
                ...about,
              },
              now,
            )
            await writer.write(
              'purchases',
              {
                type: 'purchase',
                id: `${id}/bought`,
                at: at + 2000,
                quantity: 1,
                priceMinor: 500,
                currency: 'EUR',
                channel: 'app',
                ...about,
              },
              now,
            )
          }
      await writer.flush()
      await line.settled()
    }
    stop = async () => {
      await line.stop()
      await around.close()
      await stack.stop()
    }
  }, 120_000)
  afterAll(async () => {
    await stop()
    rmSync(dir, { recursive: true })
  })

  const run = (change: Partial<BacktestOptions>, from: Pick<Surroundings, 'log' | 'registry' | 'prefix'> = past) =>
    backtest(from, { ...usual, ...change }, output)

  test('the line’s own policy decided again is the logging policy: every weight is 1', async () => {
    const { policies, decisions } = await run({ arms: ['logging', 'champion'] })
    expect(policies.map(({ name }) => name)).toEqual(['logging', 'champion'])
    const [logging, champion] = policies
    expect(decisions).toBeGreaterThan(50)
    expect(champion!.weights.filter(({ upTo }) => upTo !== 1).every(({ count }) => count === 0)).toBe(true)
    expect(champion!.values.map(({ value }) => value)).toEqual(logging!.values.map(({ value }) => value))
    expect(logging!.values[0]!.value).toBeGreaterThan(0)
    expect(champion!.offers).toBeCloseTo(logging!.offers, 6)
    expect(champion!.caps).toEqual(logging!.caps)
  })

  test('another arm has other weights, and what the log cannot carry is refused', async () => {
    const { policies } = await run({ arms: ['propensity_only', 'random_eligible', 'no_offer'], floor: 5 })
    const [, , uniform, none] = policies
    expect(uniform!.maxWeight).toBeGreaterThan(1)
    expect(none!.notes.join()).toMatch(/refuses everything: its value is that of no offer/)
    const strict = await run({ arms: ['random_eligible'], floor: 10 ** 6 })
    expect(strict.policies[1]!.values.find(({ estimator }) => estimator === 'SNIPS')).toMatchObject({
      value: null,
      refused: expect.stringMatching(/effective sample size \d+ of \d+ decisions/),
    })
  })

  test('a playbook on top that stops everything refuses everything, and is worth what no offer is', async () => {
    const file = join(dir, 'stop.json')
    writeFileSync(file, JSON.stringify([{ type: 'kill_switch', name: 'all', scope: 'global', target: null, on: true }]))
    const { policies } = await run({ playbook: file, arms: ['no_offer'], floor: 5 })
    const [, stopped, none] = policies
    expect(stopped!.offers).toBe(0)
    expect(stopped!.notes.join()).toMatch(/refuses everything/)
    expect(stopped!.values).toEqual(none!.values)
  })

  test('wrong input is refused by name, with the nearest right one', async () => {
    const file = join(dir, 'wrong.json')
    writeFileSync(
      file,
      '{"type": "lever", "name": "x", "item": "smart-100", "category": null, "factor": 2, "active": true}\n',
    )
    await expect(run({ playbook: file })).rejects.toThrow(/lever x: item smart-100 is unknown, nearest is smart-1/)
    writeFileSync(file, '{"type": "lever"')
    await expect(run({ playbook: file })).rejects.toThrow(/wrong\.json: it is not JSON/)
    writeFileSync(file, '[{"type": "lever", "name": "x", "factor": "two"}]')
    await expect(run({ playbook: file })).rejects.toThrow(/wrong\.json: lever x: factor is two, wanted a number/)
    // As `playbook put` takes it: one record over several lines, defaults left out.
    writeFileSync(file, JSON.stringify({ type: 'lever', name: 'x', item: 'smart-10', factor: 2 }, null, 2))
    expect((await run({ playbook: file, arms: ['logging'], floor: 5 })).policies).toHaveLength(2)
    await expect(run({ arms: ['chmpion'] })).rejects.toThrow(/no policy chmpion, nearest is champion/)
    await expect(run({ model: 'plan-ranker/99' })).rejects.toThrow(/model plan-ranker\/99 cannot be read/)
    const folder = join(dir, 'models', 'plan-ranker', '1')
    mkdirSync(folder, { recursive: true })
    const [version] = readdirSync(join(models, 'plan-ranker')).sort()
    for (const name of readdirSync(join(models, 'plan-ranker', version!)))
      cpSync(join(models, 'plan-ranker', version!, name), join(folder, name))
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
    writeFileSync(
      join(folder, 'manifest.json'),
      JSON.stringify({ ...manifest, version: '1', features: [...manifest.features, 'data_mb_31d'] }),
    )
    await expect(run({ model: 'plan-ranker/1', models: join(dir, 'models') })).rejects.toThrow(
      /plan-ranker\/1 needs feature data_mb_31d, which features\.ts does not define; nearest is data_mb_3/,
    )
    await expect(run({ arms: ['best-fixed'] })).rejects.toThrow(/best-fixed is chosen on what came before --from/)
    await expect(run({ from: Date.UTC(2099, 0) })).rejects.toThrow(
      /no decision in that range; it holds some from 2026-/,
    )
  })

  test('vectors replayed from an export are those that the decisions carry, bit for bit', async () => {
    await writeExport(past, { dir: join(dir, 'vectors'), from: null, to: null })
    const opened = await openExport(join(dir, 'vectors'))
    const decisions = await openTopic(opened.registry, 'decisions')
    const carried = new Map<string, Decision>()
    for (let partition = 0; partition < 4; partition++)
      for await (const messages of opened.log.read(decisions.path, partition, 0))
        for (const { value } of messages) {
          const decision = decisions.codec.decode(value!)
          carried.set(decision.id, decision)
        }
    const { name, version } = await promotionOf(models, 'plan-ranker', '1')
    const manifest = JSON.parse(readFileSync(join(models, name, version, 'manifest.json'), 'utf8')) as {
      pairs: PairName[]
    }
    const vectors = createVectors(names)
    let [compared, pairsCompared] = [0, 0]
    for await (const { block } of pastChoices(opened, vectors)) {
      let row = 0
      for (const [index, { id, items, source }] of block.groups.entries()) {
        const from = row
        row += items.length
        if (source === 'organic') continue
        const decision = carried.get(id)!
        compared++
        expect(block.features.slice(index * names.length, (index + 1) * names.length)).toEqual(
          atBoundary(Float32Array.from(decision.update.features)),
        )
        for (const [k, item] of items.entries()) {
          const candidate = decision.candidates.find(each => each.item === item.name)!
          pairsCompared += candidate.pairs.length
          const own = manifest.pairs.map(
            pair => block.pairs[(from + k) * vectors.pairs.length + vectors.pairs.indexOf(pair)],
          )
          expect(own).toEqual(candidate.pairs)
        }
      }
    }
    await opened.close()
    // Ten hours in, every offer could still be accepted.
    const written = await writePast({ dir: join(dir, 'vectors'), out: join(dir, 'choices') })
    expect(written).toMatchObject({
      offers: 0,
      decisions: carried.size,
      leftOut: { notRipe: compared, ofAnotherSystem: 0 },
    })
    expect(readdirSync(join(dir, 'choices'))).toContain('columns.json')
    expect(compared).toBeGreaterThan(20)
    expect(pairsCompared).toBeGreaterThan(compared)
  })

  test('from an export it says the same', async () => {
    await writeExport(past, { dir: join(dir, 'export'), from: null, to: null })
    const opened = await openExport(join(dir, 'export'))
    expect(await run({}, opened)).toEqual(await run({}))
    await opened.close()
  })

  test('a roll-out counts offers, caps and budgets, has no value, and says so', async () => {
    const file = join(dir, 'often.json')
    const policy = playbookRecords({ start }).find(({ body }) => body.type === 'contact_policy')!.body
    writeFileSync(
      file,
      JSON.stringify([
        { ...policy, minimumGapMinutes: 0, sameItemGapDays: 0, offersPerWeek: 50, offersPerCategoryPerWeek: 50 },
      ]),
    )
    const summary = await run({ mode: 'roll-out', arms: ['no_offer'], playbook: file })
    const [logging, often, none] = summary.policies
    for (const { values } of summary.policies) expect(values).toEqual([])
    expect(often!.offers).toBeGreaterThan(logging!.offers)
    expect(logging!.offers).toBeGreaterThan(0)
    expect(summary.notes[0]).toMatch(/^[1-9]\d* records that answer or report logged offers were withheld/)
    expect(Object.values(logging!.byItem).reduce((a, b) => a + b, 0)).toBe(logging!.offers)
    expect(none!.offers).toBe(0)
    expect(backtestText(summary)).toMatch(/It has no value: nobody knows/)
    expect(Object.keys(logging!.caps).length).toBeGreaterThan(0)
  })

  test('the page stands by itself: no script, nothing from elsewhere, and what a policy is called cannot break it', async () => {
    const summary = await run({ arms: ['random_eligible'], floor: 5 })
    const page = backtestHtml({ ...summary, policies: summary.policies.map(each => ({ ...each, name: '<b>&"' })) })
    expect(page).toMatch(/<svg/)
    expect(page).toMatch(/histogram of weights/)
    expect(page).not.toMatch(/<script|https?:|src=|href=|<b>/)
  })
})

const data = process.env['OFFERSTREAM_DATA']
if (data === undefined)
  test('starbucks-offers was not valued: OFFERSTREAM_DATA does not name its directory', () => {
    console.log('not run, for want of OFFERSTREAM_DATA: one-step values on starbucks-offers')
    expect(process.env['CI'] ?? '').not.toBe('true')
  })
else
  test('starbucks-offers, wave of hour 504: logging is worth 0.313, the best offer of earlier waves 0.596', async () => {
    const past = await datasetPast('starbucks-offers', join(data, 'starbucks-offers'))
    const wave = Date.UTC(2018, 6, 27) + 504 * 3_600_000
    const summary = await backtest(past, { ...usual, from: wave, to: wave + 3_600_000, floor: 100 }, output)
    expect(summary.decisions).toBe(12_704)
    const value = (policy: string, estimator = 'SNIPS') =>
      summary.policies.find(({ name }) => name === policy)!.values.find(each => each.estimator === estimator)!
    expect(Math.abs(value('logging').value! - 0.313)).toBeLessThan(0.01)
    expect(Math.abs(value('best-fixed').value! - 0.596)).toBeLessThan(0.01)
    expect(summary.policies.find(({ name }) => name === 'best-fixed')!.notes[0]).toMatch(/^offers fafdcd/)
    for (const estimator of ['IPS', 'SNIPS', 'DM', 'DR', 'SWITCH'])
      expect(Math.abs(value('best-fixed', estimator).value! - 0.596), estimator).toBeLessThan(0.01)
    await expect(backtest(past, { ...usual, from: wave, arms: ['champion'] }, output)).rejects.toThrow(
      /decisions of another system/,
    )
  }, 120_000)
