// History into the journal, in this process over memory.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import type { CustomerEvent } from '@offerstream/contracts'
import { startFeatureUpdater, updaterName } from '@offerstream/feature-updater'
import { naive, read, states } from '@offerstream/features'
import { startIntake } from '@offerstream/intake'
import type { Mapping } from '@offerstream/mapping'
import {
  ensureTopics,
  memoryLog,
  memoryRegistry,
  memoryStore,
  openTopic,
  partitionOf,
  Refused,
  type Running,
  type Store,
  type Surroundings,
  Transient,
} from '@offerstream/streaming'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ImportOptions, importHistory } from '../src/import-history.ts'
import type { RowFile } from '../src/import-rows.ts'
import { sourceFor } from '../src/import-source.ts'
import { createOutput } from '../src/output.ts'
import { csvOf, linesOf, now, type Order, ordersUntil, shopMapping } from './history.ts'

const partitions = 3
const output = { ...createOutput(true), progress: () => {} }
let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'offerstream-import-'))
})
afterAll(() => rmSync(dir, { recursive: true }))

const put = (name: string, content: string | Buffer): string => {
  const file = join(dir, name)
  writeFileSync(file, content)
  return file
}

async function createWorld(store: Store = memoryStore()) {
  const log = memoryLog()
  const registry = memoryRegistry()
  await ensureTopics(log, { prefix: '', partitions, sources: true })
  await log.ensureTopics([{ name: 'shop-orders', partitions: 2, kept: 'for-ever' }])
  const surroundings = { log, registry, store, clock: { now: () => now }, prefix: '', partitions }
  const running: Running[] = []
  const records = async <Name extends 'customer-events' | 'feature-updates'>(name: Name) => {
    const topic = await openTopic(registry, name)
    const found = []
    for (let partition = 0; partition < partitions; partition++)
      for await (const messages of log.read(name, partition, 0))
        for (const { value, cause } of messages) found.push({ value: topic.codec.decode(value!), cause: cause! })
    return found
  }
  return {
    ...surroundings,
    import: (file: string, more: Partial<ImportOptions> & { mapping?: Mapping | null; source?: string } = {}) =>
      importHistory(
        surroundings,
        {
          file,
          sourceOf: rows =>
            sourceFor(rows, more.mapping === undefined ? shopMapping : more.mapping, more.source ?? null),
          until: null,
          futureLimitMs: 300_000,
          lagRecords: 1_000_000,
          signal: new AbortController().signal,
          ...more,
        },
        output,
      ),
    async start(guards?: Surroundings['guards']) {
      running.push(
        await startIntake(surroundings, { futureLimitMs: 300_000, tickLagRecords: 1000, mapping: shopMapping }),
      )
      running.push(await startFeatureUpdater({ ...surroundings, ...(guards ? { guards } : {}) }))
    },
    async send(orders: readonly Order[]) {
      for (const [i, each] of orders.entries())
        await log.append('shop-orders', i % 2, [{ key: null, value: Buffer.from(JSON.stringify(each)) }])
    },
    /** Until everything was read; then the services stop. */
    async settle() {
      for (const each of running)
        for (;;) {
          const { lanes } = await each.health()
          if (lanes.length > 0 && lanes.every(({ next, end }) => next >= end)) break
          await new Promise(resolve => setTimeout(resolve, 5))
        }
      for (const each of running.splice(0)) await each.stop()
    },
    journal: async () => (await records('customer-events')).filter(({ value }) => value.event.type !== 'tick'),
    updates: async () => (await records('feature-updates')).map(({ value }) => value),
    /** Each customer's features as saved, and from the events given by the plain recomputation. */
    async features(envelopes: readonly CustomerEvent[]) {
      const by = Map.groupBy(envelopes, ({ event }) => (event.type === 'tick' ? '' : event.customer))
      const both = []
      for (const [customer, events] of by) {
        const [bytes] = await store.peek(updaterName, partitionOf(customer, partitions), [customer])
        both.push({ customer, saved: read(states.decode(bytes!), now), plain: naive(events, now) })
      }
      return both
    },
  }
}

// The newest of the past would fire triggers, were it live.
const past = [...ordersUntil(now - 10 * 86_400_000, 440, 'past'), ...ordersUntil(now - 60_000, 60, 'past-recent', 5000)]
const live = ordersUntil(now - 60_000, 60, 'live', 5000)

/** One envelope per event, in any order: what a journal without repeats would hold. */
const withoutRepeats = (journal: readonly { value: CustomerEvent; cause: string }[]): CustomerEvent[] => [
  ...new Map(journal.map(({ value, cause }) => [cause, value])).values(),
]

describe('history imported while live events flow', () => {
  test('ends in the features of all events, and only live events fire triggers', async () => {
    const world = await createWorld()
    await world.start()
    const sending = (async () => {
      for (const each of live) {
        await world.send([each])
        await new Promise(resolve => setTimeout(resolve, 1))
      }
    })()
    const summary = await world.import(put('past.csv', csvOf(past)))
    await sending
    await world.settle()
    expect(summary).toMatchObject({ rows: 500, taken: 500, already: 0, refused: 0, complete: true, refusedFile: null })
    const journal = await world.journal()
    expect(journal).toHaveLength(560)
    const both = await world.features(journal.map(({ value }) => value))
    expect(both).toHaveLength(23)
    for (const { saved, plain } of both) expect(saved).toEqual(plain)
    const fired = (await world.updates()).map(({ trigger }) => trigger.event)
    expect(fired.length).toBeGreaterThan(0)
    expect(fired.filter(id => !id.startsWith('live-'))).toEqual([])

    const control = await createWorld()
    await control.start()
    await control.send(past)
    await control.settle()
    const firedLive = (await control.updates()).map(({ trigger }) => trigger.event)
    expect(firedLive.filter(id => id.startsWith('past-recent-')).length).toBeGreaterThan(0)
  })

  test('runs a second time and adds nothing, even to a store that forgot the first', async () => {
    const world = await createWorld()
    const file = put('twice.csv', csvOf(past))
    await world.import(file)
    expect(await world.import(file)).toMatchObject({ taken: 0, already: 500, complete: true })
    expect(await world.journal()).toHaveLength(500)
    await world.start()
    await world.settle()
    const counts = async () => (await world.features(withoutRepeats(await world.journal()))).map(({ saved }) => saved)
    const before = await counts()

    const forgetful = { ...world, store: memoryStore() }
    await importHistory(
      forgetful,
      {
        file,
        sourceOf: rows => sourceFor(rows, shopMapping, null),
        until: null,
        futureLimitMs: 0,
        lagRecords: 1_000_000,
        signal: new AbortController().signal,
      },
      output,
    )
    expect(await world.journal()).toHaveLength(1000)
    await world.start()
    await world.settle()
    expect(await counts()).toEqual(before)
    const skipped = await Promise.all(
      [0, 1, 2].map(async each => (await world.store.peekProgress(updaterName, each))?.counts.get('skipped/repeated')),
    )
    expect(skipped.reduce((sum, each) => sum! + (each ?? 0), 0)).toBe(500)
  })

  test('counted twice by a store that forgot it, were causes not compared', async () => {
    // More than the ids that are remembered of a customer.
    const file = put('one-buyer.jsonl', linesOf(past.slice(0, 200).map(each => ({ ...each, buyer: 'anna' }))))
    for (const causes of [true, false]) {
      const world = await createWorld()
      await world.import(file)
      const again = { file, sourceOf: (rows: RowFile) => sourceFor(rows, shopMapping, null), until: null }
      await importHistory(
        { ...world, store: memoryStore() },
        { ...again, futureLimitMs: 0, lagRecords: 1_000_000, signal: new AbortController().signal },
        output,
      )
      await world.start({ causes, saveFirst: true })
      await world.settle()
      const [anna] = await world.features(withoutRepeats(await world.journal()))
      expect(isDeepStrictEqual(anna!.saved, anna!.plain)).toBe(causes)
    }
  })

  test('stopped anywhere goes on from there: by Ctrl-C, and by a crash after rows were written and not yet saved', async () => {
    const many = ordersUntil(now - 86_400_000, 9000, 'many')
    const file = put('many.jsonl', linesOf(many))
    const inner = memoryStore()
    let saves = 0
    const crashing: Store = {
      ...inner,
      async open(fold, partition) {
        const lane = await inner.open(fold, partition)
        return {
          ...lane,
          async save(change) {
            if (fold.startsWith('import.') && ++saves === 5) throw new Transient('the store went away')
            return lane.save(change)
          },
        }
      },
    }
    const world = await createWorld(crashing)
    await expect(world.import(file)).rejects.toThrow('the store went away')
    const stopping = new AbortController()
    const stopped = world.import(file, {
      signal: stopping.signal,
      sourceOf: async rows => {
        const source = await sourceFor(rows, shopMapping, null)
        setTimeout(() => stopping.abort(), 1)
        return source
      },
    })
    expect(await stopped).toMatchObject({ complete: false })
    const last = await world.import(file)
    expect(last).toMatchObject({ rows: 9000, complete: true })
    expect(last.already).toBeGreaterThan(0)
    const journal = await world.journal()
    expect(journal.length).toBeGreaterThan(9000)
    const once = withoutRepeats(journal)
    expect(new Set(once.map(({ event }) => event.type !== 'tick' && event.id)).size).toBe(9000)
    await world.start()
    await world.settle()
    for (const { saved, plain } of await world.features(once)) expect(saved).toEqual(plain)
  })

  test('rows at or after --until are left to the live topics', async () => {
    const world = await createWorld()
    const at = (order: Order) => Date.parse(order.paid_at)
    const until = at(past[300]!)
    expect(await world.import(put('until.csv', csvOf(past)), { until })).toMatchObject({ taken: 300, skipped: 200 })
    await expect(world.import(join(dir, 'until.csv'))).rejects.toThrow(/begun with another mapping or --until/)
  })
})

describe('a file', () => {
  test('of Parquet, CSV or JSON lines, gzipped or not, is the same events', async () => {
    const lines = put('same.jsonl', linesOf(past.slice(0, 50)))
    const parquet = join(dir, 'same.parquet')
    const database = await DuckDBInstance.create(':memory:')
    const connection = await database.connect()
    await connection.run(
      `COPY (SELECT order_no, buyer, paid_at::TIMESTAMPTZ AS paid_at, sku, total::DECIMAL(10,2) AS total FROM read_json('${lines}', format='newline_delimited')) TO '${parquet}' (FORMAT parquet)`,
    )
    connection.closeSync()
    const csv = csvOf(past.slice(0, 50))
    const files = [
      lines,
      parquet,
      put('same.csv', csv),
      put('semicolons.csv', csv.replaceAll(',', ';').replaceAll('\n', '\r\n')),
      put('same.csv.gz', gzipSync(csv)),
      put('same.jsonl.gz', gzipSync(linesOf(past.slice(0, 50)))),
    ]
    const seen = []
    for (const file of files) {
      const world = await createWorld()
      expect(await world.import(file), file).toMatchObject({ rows: 50, taken: 50, refused: 0 })
      seen.push((await world.journal()).map(({ value }) => value))
    }
    for (const each of seen) expect(each).toEqual(seen[0])
  })

  test('in the contract’s own shape needs no mapping', async () => {
    const world = await createWorld()
    const rows = [0, 1].map(i => ({
      type: ['purchase', 'purchase_retracted'][i],
      id: `p${i}`,
      customer: 'anna',
      at: now - 5000 + i,
      item: 'hat',
      quantity: 1,
      priceMinor: 100,
      currency: 'EUR',
      purchase: 'p0',
      purchasedAt: now - 5000,
    }))
    await world.import(put('contract.jsonl', rows.map(each => `${JSON.stringify(each)}\n`).join('')), {
      mapping: null,
      source: 'purchases',
    })
    await world.import(put('usage.csv', 'id,customer,at,kind,dataKb\nu1,anna,2026-02-01T00:00:00Z,data,2048\n'), {
      mapping: null,
      source: 'usage',
    })
    const events = (await world.journal()).map(({ value }) => value)
    expect(events.map(({ event }) => event.type).sort()).toEqual(['purchase', 'purchase_retracted', 'usage'])
    expect(events.every(({ triggers }) => !triggers)).toBe(true)
    expect(events.find(({ event }) => event.type === 'usage')?.event).toMatchObject({
      at: Date.UTC(2026, 1, 1),
      dataKb: 2048,
      texts: 0,
    })
  })

  const csv = csvOf(past.slice(0, 50))
  test.each<[string, string, string | Buffer, RegExp]>([
    ['CSV cut within a field', 'cut-1.csv', csv.slice(0, -4), /last line has no end.*Nothing was taken/],
    [
      'CSV cut within a row, its line ended',
      'cut-2.csv',
      `${csv.slice(0, csv.lastIndexOf(',', csv.length - 20))}\n`,
      /Expected Number of Columns: 5 Found/,
    ],
    [
      'JSON lines cut within a row',
      'cut.jsonl',
      linesOf(past.slice(0, 50)).slice(0, -9),
      /cut in its last line, after 49 whole ones.*Nothing was taken/,
    ],
    ['a gzipped file cut', 'cut.csv.gz', gzipSync(csv).subarray(0, 200), /may be cut: unexpected end of file/],
    ['Parquet cut', 'cut.parquet', Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(500, 7)]), /may be cut/],
    ['a file of another kind', 'orders.xlsx', 'x', /wanted a name that ends in \.parquet, \.csv/],
    [
      'a header without what the mapping names',
      'columns.csv',
      csv.replace('paid_at', 'payed_at'),
      /purchase reads "paid_at"; did you mean payed_at\?/,
    ],
    ['an empty file', 'empty.csv', '', /must name the columns/],
  ])('%s is refused before anything is taken', async (_what, name, content, message) => {
    const world = await createWorld()
    const refusal = await world.import(put(name, content)).catch(error => error)
    expect(refusal).toBeInstanceOf(Refused)
    expect(refusal.message).toMatch(message)
    expect(await world.journal()).toEqual([])
  })

  test('that is not there is named', async () => {
    await expect((await createWorld()).import(join(dir, 'nowhere.csv'))).rejects.toThrow(
      /nowhere\.csv: there is no such file/,
    )
  })

  test('with bad rows gives the good ones, and the bad ones back as a file that can be imported once they are right', async () => {
    const world = await createWorld()
    const bad: Record<string, unknown>[] = [
      { ...past[0], paid_at: 'yesterday' },
      { ...past[1], total: -4 },
      { ...past[2], buyer: '' },
      { ...past[3], order_no: undefined },
    ]
    const rows = [...past.slice(10, 20), ...bad, [1], 'text', ...past.slice(20, 30)]
    const file = put('bad.jsonl', `${rows.map(each => JSON.stringify(each)).join('\n')}\n{"no json\n`)
    const summary = await world.import(file)
    expect(summary).toMatchObject({
      rows: 27,
      taken: 20,
      refused: 7,
      reasons: {
        'at-not-a-time': 1,
        'negative-amount': 1,
        'customer-missing': 1,
        'id-missing': 1,
        'not-an-object': 3,
      },
      complete: true,
    })
    const refused = readFileSync(summary.refusedFile!, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(refused[0]).toMatchObject({
      order_no: 'past-0',
      $refused: {
        row: 11,
        reason: 'at-not-a-time',
        detail: expect.stringMatching(/at from paid_at: the text "yesterday"/),
      },
    })
    writeFileSync(
      summary.refusedFile!,
      refused
        .slice(0, 1)
        .map(each => `${JSON.stringify({ ...each, paid_at: past[0]!.paid_at })}\n`)
        .join(''),
    )
    expect(await world.import(summary.refusedFile!)).toMatchObject({ taken: 1, refused: 0, refusedFile: null })
    expect(existsSync(`${summary.refusedFile}.refused.jsonl`)).toBe(false)
    expect(await world.journal()).toHaveLength(21)
  })

  test('whose refused rows cannot be written says so, and goes on once they can', async () => {
    const world = await createWorld()
    const file = put('full.jsonl', `${JSON.stringify({ ...past[0], paid_at: 'yesterday' })}\n`)
    vi.spyOn(output, 'bar').mockImplementationOnce(() => {
      mkdirSync(`${file}.refused.jsonl`)
      return { update() {}, stop() {} }
    })
    await expect(world.import(file)).rejects.toThrow(/EISDIR.*full\.jsonl\.refused\.jsonl/)
    rmdirSync(`${file}.refused.jsonl`)
    expect(await world.import(file)).toMatchObject({ taken: 0, refused: 1, complete: true })
  })
})
