// What Python makes of an export that the evaluation package wrote: real Parquet, real Avro, the names of the list.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { CustomerEvent, Decision } from '../../contracts/src/index.ts'
import { writeExport } from '../../evaluation/src/index.ts'
import { fingerprint, names } from '../../features/src/index.ts'
import { decide, emptyHistory } from '../../policy/src/index.ts'
import { packS, planL, planM, playbookFor, requestOf, updateOf } from '../../policy/test/sample.ts'
import { ensureTopics, memoryLog, memoryRegistry, openTopic } from '../../streaming/src/index.ts'
import { pythonFor } from '../src/environment.ts'

const home = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'offerstream-tables-'))
afterAll(() => rmSync(folder, { recursive: true }))

const model = join(home, '..', '..', 'models', 'plan-ranker', '1', 'manifest.json')
const day = 24 * 60 * 60 * 1000

async function run(...args: readonly string[]): Promise<string> {
  const python = await pythonFor({ progress: line => console.log(line) })
  const child = spawn(python, ['-m', 'offerstream_training', ...args], { env: { ...process.env, PYTHONPATH: home } })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  child.stderr.pipe(process.stderr)
  expect(await new Promise(resolve => child.on('close', resolve))).toBe(0)
  return text
}

it('an export that was written here is a table there, an offer accepted and its vectors named', async () => {
  const { name, version, sha256, pairs } = JSON.parse(readFileSync(model, 'utf8'))
  const log = memoryLog()
  const registry = memoryRegistry()
  const source = { log, registry, prefix: 'x.' }
  await ensureTopics(log, { prefix: 'x.', partitions: 2, sources: true })
  const topics = {
    playbook: await openTopic(registry, 'playbook', 'x.'),
    events: await openTopic(registry, 'customer-events', 'x.'),
    decisions: await openTopic(registry, 'decisions', 'x.'),
  }
  const playbook = playbookFor()
  const items = [planM, planL, packS].map(body => ({
    key: body.name,
    value: topics.playbook.codec.encode({ at: 0, body }),
  }))
  await log.append(topics.playbook.path, 0, items)
  const request = requestOf(updateOf(), playbook, item => (item.kind === 'plan' ? 0.5 : null))
  const { update } = request
  const made: Decision = decide(
    {
      ...request,
      update: { ...update, fingerprint, features: names.map((_, index) => (index === 3 ? Number.NaN : index)) },
      candidates: request.candidates.map(each =>
        each.item.kind === 'plan' ? { ...each, pairs: pairs.map((_: string, index: number) => index / 8) } : each,
      ),
      models: [{ name, version, sha256, stage: 'champion', scores: [], value: null, failed: null }],
    },
    emptyHistory,
    playbook,
  )
  expect(made.chosen).toBe('plan-l')
  const { id, customer, at } = made
  const said = { type: 'engagement', customer, surface: 'push', offer: id, item: 'plan-l', interaction: null } as const
  const events: CustomerEvent['event'][] = [
    { ...said, id: 'e1', at: at + 1000, kind: 'displayed' },
    { ...said, id: 'e2', at: at + 2000, kind: 'opened' },
    {
      type: 'purchase',
      id: 'p1',
      customer,
      at: at + 14 * day,
      item: 'plan-l',
      quantity: 1,
      priceMinor: 3000,
      currency: 'EUR',
      channel: 'app',
      offer: null,
    },
    { ...said, id: 'e3', at: at + 20 * day, kind: 'app_opened', offer: null, item: null },
  ]
  for (const event of events) {
    const value = topics.events.codec.encode({ journalledAt: event.at, triggers: true, item: null, event })
    await log.append(topics.events.path, 1, [{ key: customer, value, timestamp: event.at }])
  }
  const value = topics.decisions.codec.encode(made)
  await log.append(topics.decisions.path, 1, [
    { key: customer, value },
    { key: customer, value },
  ])
  await writeExport(source, { dir: join(folder, 'export'), from: null, to: null, features: { [fingerprint]: names } })

  const args = ['--export', join(folder, 'export'), '--out', join(folder, 'table'), '--json']
  const result = JSON.parse((await run('tables', ...args)).trim().split('\n').at(-1)!)
  expect(result).toMatchObject({
    decisions: 1,
    repeats: 1,
    displayed: 1,
    ripe: 1,
    leftOut: {},
    table: { rows: 1, offers: 1, opened: 1, accepted: 1, rejected: 0, control: 0 },
    pairs: pairs.length,
    fingerprint,
  })
  const columns = JSON.parse(readFileSync(join(folder, 'table', 'columns.json'), 'utf8'))
  expect(columns.features).toEqual(names.filter(each => !each.includes('minor')))
  expect(columns.pairs).toEqual(pairs)
})
