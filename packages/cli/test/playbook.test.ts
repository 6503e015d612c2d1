import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type CatalogueItem,
  type ContactPolicy,
  type Decision,
  defaults,
  type FeatureUpdate,
  type PlaybookRecord,
} from '@offerstream/contracts'
import { fingerprint, names } from '@offerstream/features'
import { changesOf, differences, startOfferScorer } from '@offerstream/offer-scorer'
import { demoPromotions } from '@offerstream/ranker'
import { playbookRecords } from '@offerstream/simulator'
import { createClock, memoryLog, memoryRegistry, memoryStore, openTopic, partitionOf } from '@offerstream/streaming'
import { afterEach, describe, expect, test } from 'vitest'
import { checkPlaybook } from '../src/doctor.ts'
import { historyOf, playbookAt, putRecords, readPlaybook, recordsOf } from '../src/playbook.ts'

const models = join(import.meta.dirname, '..', '..', '..', 'models')
const noon = Date.UTC(2026, 2, 2, 12)
const simulated = playbookRecords({ start: 0 }).filter(({ body }) => body.type !== 'experiment')
const bodies: readonly PlaybookRecord['body'][] = [
  ...simulated.map(({ body }) => (body.type === 'contact_policy' ? { ...body, explorationShare: 0 } : body)),
  ...(await demoPromotions(models)),
]
const plan = bodies.find((body): body is CatalogueItem => body.type === 'item')!
const options = { by: 'mara', at: noon, models }

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function opened(first: readonly PlaybookRecord['body'][] = bodies) {
  const log = memoryLog()
  const registry = memoryRegistry()
  await log.ensureTopics([{ name: 'playbook', partitions: 1, kept: 'for-ever' }])
  const around = { log, registry, prefix: '' }
  const put = (value: unknown, more: Partial<Parameters<typeof putRecords>[2]> = {}) =>
    putRecords(around, JSON.stringify(value), { ...options, ...more })
  if (first.length > 0) await put(first)
  const version = async () => (await log.bounds('playbook'))[0]!.next - 1
  return { ...around, around, put, version }
}

describe('put', () => {
  test('one record, a list, or one a line', async () => {
    const { around, put, version } = await opened([])
    expect(await put(plan)).toMatchObject({ version: 0, records: [{ type: 'item', name: plan.name }] })
    expect(
      await put([
        { ...plan, name: 'b' },
        { at: '2026-01-01', body: { ...plan, name: 'c' } },
      ]),
    ).toMatchObject({ version: 2 })
    const lines = ['d', 'e'].map(name => JSON.stringify({ ...plan, name })).join('\n')
    expect(await putRecords(around, `${lines}\n`, options)).toMatchObject({ version: 4 })
    expect(await version()).toBe(4)
    const entries = await readPlaybook(around)
    expect(entries.map(({ by, problems }) => [by, problems])).toEqual(Array.from({ length: 5 }, () => ['mara', []]))
    expect(entries[2]!.record!.at).toBe(Date.UTC(2026, 0, 1))
    expect([...playbookAt(entries, null).items.keys()]).toEqual([plan.name, 'b', 'c', 'd', 'e'])
  })

  test.each<[string, unknown, RegExp]>([
    ['a price of zero', { ...plan, priceMinor: 0 }, /item \S+: priceMinor is 0, wanted more than 0/],
    [
      'another currency',
      { ...plan, name: 'new', currency: 'USD' },
      /item new: currency is USD, the catalogue is in EUR/,
    ],
    ['a field misspelt', { ...plan, priceMinro: 3 }, /priceMinro is unknown, nearest is priceMinor/],
    [
      'a rule naming an unknown feature',
      {
        type: 'rule',
        name: 'r',
        why: 'w',
        when: [{ subject: 'feature', field: 'data_mb_3d', operator: 'gt', number: 1 }],
      },
      /rule r: when: unknown feature data_mb_3d, nearest is data_mb_\d+d/,
    ],
    [
      'a rule naming an unknown item',
      {
        type: 'rule',
        name: 'r',
        why: 'w',
        when: [{ subject: 'item', field: 'name', operator: 'eq', text: 'smart-11' }],
      },
      /rule r: when: item smart-11 is unknown, nearest is smart-1/,
    ],
    [
      'a rule naming an unknown trigger',
      {
        type: 'rule',
        name: 'r',
        why: 'w',
        when: [{ subject: 'trigger', field: 'kind', operator: 'eq', text: 'purchse' }],
      },
      /rule r: when: trigger purchse is unknown, nearest is purchase/,
    ],
    ['a model that is not there', { ...bodies.at(-1)!, version: '9' }, /model \S+: model \S+\/9 cannot be read/],
    [
      'an end before its beginning',
      { ...plan, availableFrom: '2026-03-02', availableTo: '2026-03-01' },
      /availableTo is not after availableFrom/,
    ],
    [
      'a rule that refuses everything',
      {
        type: 'rule',
        name: 'r',
        why: 'w',
        when: [{ subject: 'item', field: 'priceMinor', operator: 'gt', number: 0 }],
      },
      /nothing could be offered to anybody any more: \d+ items w by rule r.*--force/,
    ],
    [
      'a policy that refuses everything',
      { type: 'contact_policy', name: 'default', offersPerWeek: 0 },
      /weekly-cap by contact_policy default/,
    ],
  ])('%s is refused with the thing named, and nothing is half applied', async (_what, wrong, message) => {
    const { put, version } = await opened()
    const before = await version()
    await expect(put([{ ...plan, name: 'right' }, wrong])).rejects.toThrow(message)
    expect(await version()).toBe(before)
  })

  test('what is not JSON is refused, and every problem of all records is told', async () => {
    const { around, put, version } = await opened()
    const before = await version()
    await expect(putRecords(around, '[]', options)).rejects.toThrow('no record in it')
    await expect(putRecords(around, '{"type": item}', options)).rejects.toThrow(/not JSON/)
    const twice = put([
      { ...plan, priceMinor: 0 },
      { type: 'lever', name: 'l', item: 'no-such', factor: -1 },
    ])
    await expect(twice).rejects.toThrow(
      /record 1: item .*priceMinor[\s\S]*record 2: lever l: factor[\s\S]*no-such is unknown/,
    )
    expect(await version()).toBe(before)
  })

  test('a later record of the same put may name an earlier one', async () => {
    const { put } = await opened()
    const lever = { type: 'lever', name: 'l', item: 'brand-new', factor: 2 }
    await expect(put([lever, { ...plan, name: 'brand-new' }])).rejects.toThrow('item brand-new is unknown')
    await expect(put([{ ...plan, name: 'brand-new' }, lever])).resolves.toBeDefined()
  })

  test('more than one request can hold is refused rather than written in parts', async () => {
    const { put, version } = await opened()
    const before = await version()
    const many = Array.from({ length: 2001 }, (_, index) => ({ ...plan, name: `p${index}` }))
    await expect(put(many)).rejects.toThrow('at most 2000 of 500000 can')
    expect(await version()).toBe(before)
  })

  test('a kill switch and --force may stop everything', async () => {
    const { put } = await opened()
    await put({ type: 'contact_policy', name: 'default', offersPerWeek: 0 }, { force: true })
    await put({ type: 'kill_switch', name: 'all', scope: 'global', on: true })
  })

  test('doctor finds a playbook that can offer nothing, and names the record that does it', async () => {
    const { around, put } = await opened([])
    const check = () => checkPlaybook({ ...around, clock: { now: () => noon } })
    expect(await check()).toBeNull()
    await put(bodies)
    expect(await check()).toMatchObject({ ok: true, fix: null })
    await put({ type: 'contact_policy', name: 'default', offersPerWeek: 0 }, { force: true })
    expect(await check()).toMatchObject({
      ok: false,
      found: expect.stringMatching(/nothing can be offered to anybody: \d+ items weekly-cap by contact_policy default/),
    })
  })

  test('a dry run shows what would change and writes nothing', async () => {
    const { put, version } = await opened()
    const before = await version()
    const shown = await put({ ...plan, priceMinor: plan.priceMinor + 100 }, { dryRun: true })
    expect(shown).toMatchObject({
      version: before,
      records: [{ changes: [{ field: 'priceMinor', from: plan.priceMinor, to: plan.priceMinor + 100 }] }],
    })
    expect(await version()).toBe(before)
  })

  test('an expected version that is past is refused with the one there is', async () => {
    const { put, version } = await opened()
    const at = await version()
    await put(plan, { expect: at })
    await expect(put(plan, { expect: at })).rejects.toThrow(`at version ${at + 1}, not at ${at}`)
    expect(await version()).toBe(at + 1)
  })

  test('of two at the same moment one holds, whole, and every reader passes over the other', async () => {
    const { log, around, version } = await opened()
    const before = await version()
    // Both look before either writes.
    const writes: (() => void)[] = []
    const held = {
      ...log,
      append: (...args: Parameters<typeof log.append>) =>
        new Promise<void>((resolve, reject) => {
          writes.push(() => void log.append(...args).then(resolve, reject))
          if (writes.length === 2) for (const write of writes) write()
        }),
    }
    const both = ['one', 'other'].map(name =>
      putRecords(
        { ...around, log: held },
        JSON.stringify([
          { ...plan, name: `${name}-a` },
          { ...plan, name: `${name}-b` },
        ]),
        options,
      ),
    )
    const settled = await Promise.allSettled(both)
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(String((settled[1] as PromiseRejectedResult).reason)).toContain('somebody else changed the playbook')
    const entries = await readPlaybook(around)
    expect(await version()).toBe(before + 4)
    expect(entries.slice(-4).map(({ problems }) => problems)).toEqual([[], [], ['overtaken'], ['overtaken']])
    const { items, version: newest } = playbookAt(entries, null)
    expect([items.has('one-a'), items.has('one-b'), items.has('other-a'), items.has('other-b')]).toEqual([
      true,
      true,
      false,
      false,
    ])
    // Who comes next goes on from there.
    await putRecords(around, JSON.stringify({ ...plan, name: 'next' }), { ...options, expect: newest })
    expect(playbookAt(await readPlaybook(around), null).items.has('next')).toBe(true)
  })
})

describe('get and history', () => {
  test('show a record now, at a version and at a moment, and name the nearest of one there is not', async () => {
    const { around, put, version } = await opened()
    const before = await version()
    const then = Date.now()
    await new Promise(resolve => setTimeout(resolve, 5))
    await put({ ...plan, priceMinor: 999 })
    const entries = await readPlaybook(around)
    const price = (at: Parameters<typeof playbookAt>[1]) =>
      (recordsOf(playbookAt(entries, at), `item/${plan.name}`)[0] as CatalogueItem).priceMinor
    expect(price(null)).toBe(999)
    expect(price({ version: before })).toBe(plan.priceMinor)
    expect(price({ moment: then })).toBe(plan.priceMinor)
    expect(recordsOf(playbookAt(entries, null), null)).toHaveLength(bodies.length)
    expect(() => recordsOf(playbookAt(entries, null), `${plan.name}x`)).toThrow(`nearest is ${plan.name}`)
    expect(() => playbookAt(entries, { version: 999 })).toThrow(`no version 999, it is at ${before + 1}`)
    expect(historyOf(entries, plan.name).map(({ by, changes }) => [by, changes.length > 3])).toEqual([
      ['mara', true],
      ['mara', false],
    ])
    expect(historyOf(entries, plan.name)[1]!.changes).toEqual([{ field: 'priceMinor', from: plan.priceMinor, to: 999 }])
    expect(differences(playbookAt(entries, { version: before }), playbookAt(entries, null))).toEqual([
      { body: { ...plan, priceMinor: 999 }, changes: [{ field: 'priceMinor', from: plan.priceMinor, to: 999 }] },
    ])
    expect(() => historyOf(entries, 'nobody')).toThrow('never had a nobody')
    expect(changesOf(playbookAt(entries, null), { ...plan, priceMinor: 999 })).toEqual([])
  })

  test('a wrong record that came in by another door is in the history, with why it holds for nobody', async () => {
    const { log, registry, around } = await opened()
    const topic = await openTopic(registry, 'playbook', '')
    await log.append('playbook', 0, [
      { key: plan.name, value: topic.codec.encode({ at: 0, body: { ...plan, priceMinor: 0 } }) },
    ])
    const entries = await readPlaybook(around)
    expect(historyOf(entries, null).at(-1)).toMatchObject({
      by: null,
      problems: [expect.stringContaining('priceMinor is 0')],
    })
    expect(playbookAt(entries, null).items.get(plan.name)!.priceMinor).toBe(plan.priceMinor)
  })
})

describe('on the running line what is put', () => {
  const vector: Record<string, number> = { data_mb_30d: 8192, voice_minutes_30d: 120, texts_30d: 4 }
  let moments = 0
  const updateOf = (customer: string): FeatureUpdate => ({
    id: `u/${customer}`,
    customer,
    at: noon + moments++,
    trigger: { kind: 'purchase', event: 'e', at: noon },
    fingerprint,
    features: names.map(name => Math.fround(vector[name] ?? Number.NaN)),
    facts: {
      ...defaults.CustomerFacts,
      plan: 'smart-6',
      monthlyChargeMinor: 1299,
      currency: 'EUR',
      ageBand: '35-44',
      consent: { push: true },
    },
  })

  async function running() {
    const { log, registry, put } = await opened()
    await log.ensureTopics(
      ['purchases', 'usage', 'engagements', 'customers', 'campaigns', 'feature-updates'].map(name => ({
        name,
        partitions: 2,
        kept: 'for-ever' as const,
      })),
    )
    const surroundings = { log, store: memoryStore(), registry, clock: createClock(), prefix: '', partitions: 2 }
    const scorer = await startOfferScorer(surroundings, { models })
    cleanups.push(() => scorer.stop())
    const updates = await openTopic(registry, 'feature-updates', '')
    const decisions = await openTopic(registry, 'decisions', '')
    let customers = 0
    /** The decision for a customer nobody knew before. */
    const next = async (): Promise<Decision> => {
      const customer = `c${customers++}`
      const partition = partitionOf(customer, 2)
      await log.append('feature-updates', partition, [
        { key: customer, value: updates.codec.encode(updateOf(customer)) },
      ])
      for (;;) {
        for await (const messages of log.read('decisions', partition, 0))
          for (const message of messages) if (message.key === customer) return decisions.codec.decode(message.value!)
        await new Promise(resolve => setTimeout(resolve, 5))
      }
    }
    /** Decides until one goes by what was put; how long that took, milliseconds. */
    const after = async (value: unknown): Promise<{ decision: Decision; tookMs: number }> => {
      const { version } = await put(value)
      const began = performance.now()
      for (;;) {
        const decision = await next()
        if (decision.playbookVersion >= version) return { decision, tookMs: performance.now() - began }
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    }
    return { next, after }
  }

  test('is gone by within seconds: a rule, a price, a withdrawal, dates, a stop and its end', async () => {
    const { next, after } = await running()
    const first = await next()
    expect(first.chosen).not.toBeNull()
    const chosen = bodies.find(body => body.type === 'item' && body.name === first.chosen) as CatalogueItem
    const verdict = ({ candidates }: Decision) => candidates.find(({ item }) => item === chosen.name)
    const rule = {
      type: 'rule',
      name: 'not-this-one',
      why: 'marketing-said-so',
      when: [{ subject: 'item', field: 'name', operator: 'eq', text: chosen.name }],
    }
    const ruled = await after(rule)
    expect(ruled.decision.chosen).not.toBe(chosen.name)
    expect(verdict(ruled.decision)!.refused).toBe('marketing-said-so')
    expect(ruled.tookMs).toBeLessThan(5000)
    expect((await after({ ...rule, active: false })).decision.chosen).toBe(chosen.name)

    const withdrawn = await after({ ...chosen, withdrawn: true })
    expect(verdict(withdrawn.decision)).toBeUndefined()
    expect(verdict((await after({ ...chosen, availableFrom: noon + 3_600_000 })).decision)).toBeUndefined()
    expect(verdict((await after({ ...chosen, availableTo: noon + 3_600_000 })).decision)!.refused).toBeNull()
    const dearer = await after({ ...chosen, marginMinor: chosen.marginMinor - 100, priceMinor: chosen.priceMinor + 1 })
    expect(verdict(dearer.decision)!.valueMinor).not.toBe(verdict(first)!.valueMinor)

    const stop = { type: 'kill_switch', name: 'all', scope: 'global', on: true }
    const stopped = await after(stop)
    expect([stopped.decision.chosen, stopped.decision.reason]).toEqual([null, 'nothing-eligible'])
    expect(new Set(stopped.decision.candidates.map(({ refused }) => refused))).toEqual(new Set(['stopped']))
    expect(stopped.tookMs).toBeLessThan(5000)
    expect((await after({ ...stop, on: false })).decision.chosen).not.toBeNull()
  }, 30_000)
})

test('a registry folder that is not there refuses promotions only', async () => {
  const { put } = await opened()
  const empty = mkdtempSync(join(tmpdir(), 'offerstream-models-'))
  cleanups.push(async () => rmSync(empty, { recursive: true }))
  await expect(put(bodies.at(-1)!, { models: empty })).rejects.toThrow('cannot be read')
  await put(
    { ...(bodies.find(body => body.type === 'contact_policy') as ContactPolicy), offersPerWeek: 2 },
    { models: empty },
  )
})

describe('on the command line', () => {
  const main = join(import.meta.dirname, '..', 'src', 'main.ts')
  const offerstream = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    return { status, stdout, stderr }
  }
  test('it helps', () => {
    expect(offerstream('playbook', '--help').stdout).toMatch(/get [\s\S]*put [\s\S]*history /)
    expect(offerstream('playbook', 'put', '--help').stdout).toMatch(/--expect[\s\S]*--dry-run[\s\S]*--force/)
  })
  test.each([
    [['put', '/nowhere/records.json'], /\/nowhere\/records\.json cannot be read/],
    [['put', 'records.json', '--expect', 'newest'], /wanted a whole number/],
    [['get', '--at', 'soon'], /wanted a version like 41, or a moment like/],
  ])('%j ends with one clear message and a code other than 0', (args, message) => {
    const { status, stderr } = offerstream('playbook', ...args)
    expect(status).toBe(1)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/\n {4}at /)
  })
})
