// The whole line in this process, over memory: what comes out, what an independent reader finds, and the past once more.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Decision, PlaybookRecord } from '@offerstream/contracts'
import { openExport, writeExport } from '@offerstream/evaluation'
import { updaterName } from '@offerstream/feature-updater'
import { demoPromotions } from '@offerstream/ranker'
import { createWorld, customerRecords, events, playbookRecords } from '@offerstream/simulator'
import { startPushService, startStack } from '@offerstream/stack'
import { ensureTopics, type Log, type Message, openTopic, type Surroundings } from '@offerstream/streaming'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Audit, audit } from '../src/audit.ts'
import { explainCustomer } from '../src/explain.ts'
import { sectionsOf } from '../src/explain-sections.ts'
import { sectionsHtml, sectionsText } from '../src/explain-text.ts'
import { startLine } from '../src/line.ts'
import { createOutput } from '../src/output.ts'
import { replayCommand } from '../src/replay.ts'
import { withPast } from '../src/replay-past.ts'
import type { Edge } from '../src/replay-range.ts'
import { createSourceWriter, sourceTopicOf } from '../src/source-writer.ts'
import { surroundingsOf } from '../src/surroundings.ts'

const models = join(import.meta.dirname, '..', '..', '..', 'models')
const start = Date.UTC(2026, 2, 2, 9)
const hours = 10 * 60 * 60 * 1000

let line: {
  surroundings: Surroundings
  sent: number
  found: Audit
  shown: number
  accepted: number
  close(): Promise<void>
}

async function runLine(): Promise<typeof line> {
  const world = createWorld({ seed: 7, customers: 600, start, preset: 'lively', activity: 2 })
  let now = start
  const stack = await startStack('embedded')
  const surroundings = surroundingsOf(stack, { prefix: 'test.', partitions: 4, clock: { now: () => now } })
  const push = await startPushService({ now: () => now })
  await ensureTopics(surroundings.log, { prefix: 'test.', partitions: 4, sources: true })
  const playbook = await openTopic(surroundings.registry, 'playbook', 'test.')
  const records: PlaybookRecord[] = [
    ...playbookRecords(world),
    ...(await demoPromotions(models)).map(body => ({ at: start, body })),
  ]
  await surroundings.log.append(
    playbook.path,
    0,
    records.map(record => ({ key: record.body.name, value: playbook.codec.encode(record) })),
  )
  const running = await startLine(surroundings, { models, stack })
  const writer = await createSourceWriter(surroundings)
  for (const profile of customerRecords(world)) {
    await writer.write('customers', profile, now)
    for (const handle of profile.devices) {
      const { endpoint, keys } = await push.subscribe(handle)
      const address = { kind: 'web-push', endpoint, keys } as const
      await running.subscriptions.register(profile.customer, handle, { address, at: now, expiresAt: null })
    }
  }
  // In steps, so that the clock never runs far ahead of what was read.
  for (const end = start + hours; now < end; ) {
    now += 30 * 60 * 1000
    for (const event of events(world, world.state.at, now)) await writer.write(sourceTopicOf(event), event, now)
    await writer.flush()
    expect(await running.drained(60_000)).toBe(true)
  }
  await running.stop()
  const found = await audit({ ...surroundings, updater: updaterName })
  return {
    surroundings,
    sent: writer.written,
    found,
    shown: push.received.length,
    accepted: push.accepted.length,
    close: () => push.stop(),
  }
}

beforeAll(async () => {
  line = await runLine()
}, 120_000)
afterAll(() => line?.close())

/** The same log, one topic of it read through `change`; null drops the record. */
const altered = (log: Log, path: string, change: (message: Message) => Message | null): Log => ({
  ...log,
  async *read(topic, partition, from, to) {
    for await (const messages of log.read(topic, partition, from, to))
      yield topic === path ? messages.flatMap(message => change(message) ?? []) : messages
  },
})

async function* decisionsOf(): AsyncGenerator<Decision> {
  const { log, registry } = line.surroundings
  const decisions = await openTopic(registry, 'decisions', 'test.')
  for (let partition = 0; partition < 4; partition++)
    for await (const messages of log.read(decisions.path, partition, 0))
      for (const { value } of messages) yield decisions.codec.decode(value!)
}

/** A decision whose offer was pushed and shown. */
async function anOffer(): Promise<Decision> {
  const { log, registry } = line.surroundings
  const deliveries = await openTopic(registry, 'deliveries', 'test.')
  const pushed = new Set<string>()
  for (let partition = 0; partition < 4; partition++)
    for await (const messages of log.read(deliveries.path, partition, 0))
      for (const { value } of messages) {
        const { offer, state } = deliveries.codec.decode(value!)
        if (state === 'accepted') pushed.add(offer)
      }
  for await (const decision of decisionsOf()) if (pushed.has(decision.id) && !decision.explored) return decision
  throw new Error('nothing was pushed')
}

/** Somebody whose events are known and for whom nothing was decided. */
async function undecided(): Promise<string> {
  const decided = new Set<string>()
  for await (const { customer } of decisionsOf()) decided.add(customer)
  for await (const page of line.surroundings.store.each(updaterName, 0))
    for (const [key] of page) if (!decided.has(key)) return key
  throw new Error('everybody was decided for')
}

describe('the whole line over memory', () => {
  test('brings events out as pushes that devices decrypt, and loses nothing', () => {
    const { found, sent, shown, accepted } = line
    expect(found.lost, JSON.stringify(found.lostAt)).toBe(0)
    expect(found.divergent).toEqual([])
    expect(found.deadLetters).toEqual({})
    expect(found.sources).toBeGreaterThanOrEqual(sent)
    expect(found.decisions).toBe(found.updates)
    expect(found.decisions).toBeGreaterThan(20)
    expect(found.offers).toBeGreaterThan(5)
    expect(found.deliveries['accepted']).toBe(accepted)
    expect(shown).toBe(accepted)
    expect(shown).toBeGreaterThan(5)
  })

  test('a journal record that is missing is seen as one lost', async () => {
    const { surroundings } = line
    let dropped = 0
    const log = altered(surroundings.log, 'test.customer-events', message =>
      message.partition === 2 && message.offset === 40 && ++dropped ? null : message,
    )
    const { lost, lostAt } = await audit({ ...surroundings, log, updater: updaterName })
    expect(dropped).toBe(1)
    expect(lost).toBe(1)
    expect(lostAt['intake']).toHaveLength(1)
  })

  test('a customer’s story names each candidate with its verdict', async () => {
    const { surroundings } = line
    const { customer, id } = await anOffer()
    const told = await explainCustomer(surroundings, customer, { decision: id, days: 1, models })
    const sections = sectionsOf(told)
    const text = sectionsText(sections, { columns: 120 })
    expect(text).toMatch(/led to an offer of/)
    expect(text).toMatch(/chosen/)
    expect(text).toMatch(/refused: /)
    expect(text).toMatch(/push accepted/)
    expect(text).toMatch(/price_to_charge/)
    expect(told.explanation!.features['tenure_days']).toBeGreaterThan(0)
    const plain = sectionsText(sections, null)
    expect(plain).toMatch(/^tenure_days\t[\d.]+$/m)
    expect(sectionsHtml(sections)).toMatch(/<td>tenure_days<\/td><td>[\d.]+<\/td>/)
  })

  test('a decision is taken again by records put on top, and it says which of them does what', async () => {
    const { surroundings } = line
    const { customer, id, chosen } = await anOffer()
    const again = (records: unknown) =>
      explainCustomer(surroundings, customer, { decision: id, days: 1, models, records: JSON.stringify(records) })
    const stop = { type: 'kill_switch', name: 'halt', scope: 'item', target: chosen, on: true }
    const told = await again(stop)
    expect(told.explanation!.again).toMatchObject({ was: { chosen }, because: ['kill_switch halt'] })
    expect(sectionsText(sectionsOf(told), null)).toMatch(/now .*because of kill_switch halt[\s\S]*refused: stopped/)
    const item = playbookRecords({ start }).find(({ body }) => body.type === 'item' && body.name === chosen)!.body
    const less = await again({ ...item, stock: 0 })
    expect(sectionsText(sectionsOf(less), null)).toMatch(/item \S+: stock null → 0$[\s\S]*refused: out-of-stock/m)
    await expect(again({ ...stop, target: 'no-such' })).rejects.toThrow('item no-such is unknown')
  })

  test('of a customer without a decision it says what is known and why no trigger fired, of a stranger nothing', async () => {
    const { surroundings } = line
    const told = await explainCustomer(surroundings, await undecided(), { days: 1, models })
    const { explanation, known } = told
    expect(explanation).toBeNull()
    expect(known!.features['tenure_days']).toBeGreaterThan(0)
    expect(known!.triggers.every(({ firedAt }) => firedAt === null)).toBe(true)
    expect(sectionsText(sectionsOf(told), null)).toMatch(/no trigger fired[\s\S]*^purchase\t\d+\ta plan or a package/m)
    const stranger = await explainCustomer(surroundings, 'nobody', { days: 1, models })
    expect(stranger).toMatchObject({ explanation: null, known: null })
    expect(sectionsText(sectionsOf(stranger), null)).toContain('nothing was found')
  })
})

describe('a replay', () => {
  const replay = (surroundings: Surroundings, batch: number, range: { from?: Edge; to?: Edge } = {}) =>
    replayCommand(surroundings, { batch, models, ...range }, createOutput(true))

  test.each([1, 7, 150])('in batches of %i makes the same decisions to the byte', async batch => {
    const summary = await replay(line.surroundings, batch)
    expect(summary).toMatchObject({
      differingBytes: 0,
      firstDifference: null,
      missing: 0,
      extra: 0,
      scoresApart: 0,
      decisions: line.found.decisions,
    })
  })

  test('compares only the range it was asked for', async () => {
    const half = start + hours / 2
    const [before, after] = [
      await replay(line.surroundings, 500, { to: { at: half } }),
      await replay(line.surroundings, 500, { from: { at: half } }),
    ]
    expect(before.decisions + after.decisions).toBe(line.found.decisions)
    expect(Math.min(before.decisions, after.decisions)).toBeGreaterThan(0)
    const [early, late] = [
      await replay(line.surroundings, 500, { to: { offset: 60 } }),
      await replay(line.surroundings, 500, { from: { offset: 60 } }),
    ]
    expect(early.decisions + late.decisions).toBe(line.found.decisions)
    expect(Math.min(early.decisions, late.decisions)).toBeGreaterThan(0)
  })

  test('of a range the journal does not hold is refused, with what it holds and the nearest right one', async () => {
    await expect(replay(line.surroundings, 500, { from: { at: Date.UTC(2099, 0) } })).rejects.toThrow(
      /nothing lies after --from 2099-01-01.*keeps \d{4}-.* to \d{4}-.*the nearest right one is --from \d{4}-/,
    )
    await expect(replay(line.surroundings, 500, { to: { at: 0 } })).rejects.toThrow(
      /nothing lies before --to 1970-.*nearest/,
    )
    await expect(replay(line.surroundings, 500, { from: { offset: 10 ** 9 } })).rejects.toThrow(/offsets 0 to \d+/)
    await expect(replay(line.surroundings, 500, { from: { offset: 60 }, to: { offset: 60 } })).rejects.toThrow(
      /--from 60 is not before --to 60/,
    )
    const { log } = line.surroundings
    const trimmed: Log = {
      ...log,
      bounds: async topic =>
        (await log.bounds(topic)).map((bounds, partition) =>
          topic === 'test.customer-events' && partition === 1 ? { ...bounds, first: 20 } : bounds,
        ),
    }
    await expect(replay({ ...line.surroundings, log: trimmed }, 500)).rejects.toThrow(
      /keeps \d{4}-.*partition 1 begins at offset 20.*--export/,
    )
  })

  test('from an export makes the same decisions to the byte, in any batches', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'offerstream-export-'))
    try {
      await writeExport(line.surroundings, { dir, from: null, to: null, fileRecords: 100 })
      const opened = await openExport(dir)
      for (const batch of [1, 7, 150])
        expect(await replayCommand(opened, { batch, models }, createOutput(true))).toMatchObject({
          differingBytes: 0,
          firstDifference: null,
          missing: 0,
          extra: 0,
          decisions: line.found.decisions,
        })
      await opened.close()
    } finally {
      rmSync(dir, { recursive: true })
    }
  })

  test('is left in the middle when told to stop', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'offerstream-export-'))
    try {
      await writeExport(line.surroundings, { dir, from: null, to: null })
      const stopping = new AbortController()
      const endless = withPast({ export: dir, stack: 'auto' }, createOutput(true), stopping.signal, async () => {
        stopping.abort()
        await new Promise(() => {})
      })
      await expect(endless).rejects.toThrow('interrupted')
    } finally {
      rmSync(dir, { recursive: true })
    }
  })

  test('repeats are dropped by id', async () => {
    const { surroundings } = line
    const { log } = surroundings
    const twice: Log = {
      ...log,
      async *read(topic, partition, from, to) {
        for await (const messages of log.read(topic, partition, from, to))
          yield topic === 'test.decisions' || topic === 'test.feature-updates'
            ? messages.flatMap(message => [message, message])
            : messages
      },
    }
    expect(await replay({ ...surroundings, log: twice }, 150)).toMatchObject({
      differingBytes: 0,
      missing: 0,
      extra: 0,
      decisions: line.found.decisions,
    })
  })

  test.each([
    [
      'price',
      (body: PlaybookRecord['body']) =>
        body.type === 'item' && body.kind === 'plan' ? { ...body, priceMinor: body.priceMinor + 100 } : body,
    ],
    [
      'rule',
      (body: PlaybookRecord['body']) => (body.type === 'rule' ? { ...body, when: body.when.slice(0, 1) } : body),
    ],
    [
      'threshold',
      (body: PlaybookRecord['body']) =>
        body.type === 'contact_policy' ? { ...body, priceStepShare: body.priceStepShare / 2 } : body,
    ],
  ])('under another %s sees differences and shows the first', async (_what, change) => {
    const { surroundings } = line
    const playbook = await openTopic(surroundings.registry, 'playbook', 'test.')
    const log = altered(surroundings.log, playbook.path, message => {
      const record = playbook.codec.decode(message.value!)
      return { ...message, value: playbook.codec.encode({ ...record, body: change(record.body) }) }
    })
    const summary = await replay({ ...surroundings, log }, 500)
    expect(summary.differingBytes).toBeGreaterThan(0)
    expect(summary.firstDifference).toMatchObject({
      record: 'decision',
      id: expect.stringMatching(/^customer-events@1\//),
      field: expect.stringMatching(/^(candidates\[\d+\]|arms|chosen)/),
    })
  })

  test('a lost feature-relevant event is seen', async () => {
    const { surroundings } = line
    const journal = await openTopic(surroundings.registry, 'customer-events', 'test.')
    let lost: string | null = null
    const log = altered(surroundings.log, journal.path, message => {
      const { event } = journal.codec.decode(message.value!)
      if (event.type !== 'purchase') return message
      lost ??= event.id
      return event.id === lost ? null : message
    })
    const summary = await replay({ ...surroundings, log }, 500)
    expect(summary.missing + summary.differingBytes).toBeGreaterThan(0)
  })
})
