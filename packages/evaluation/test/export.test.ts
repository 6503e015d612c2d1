import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CustomerEvent } from '@offerstream/contracts'
import { ensureTopics, expectsOffset, memoryLog, memoryRegistry, openTopic } from '@offerstream/streaming'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openExport, writeExport } from '../src/index.ts'

const day = 24 * 60 * 60 * 1000
const start = Date.UTC(2026, 2, 1)
const partitions = 3
const everything = { from: null, to: null }

async function journal(days: number) {
  const log = memoryLog()
  const registry = memoryRegistry()
  await ensureTopics(log, { prefix: 'x.', partitions, sources: true })
  const events = await openTopic(registry, 'customer-events', 'x.')
  const source = { log, registry, prefix: 'x.' }
  return {
    source,
    events,
    async add(from: number, until: number) {
      for (let index = from * 20; index < until * 20; index++) {
        const at = start + (index * day) / 20
        const event: CustomerEvent = {
          journalledAt: at,
          triggers: true,
          item: null,
          event: {
            type: 'purchase',
            id: `p${index}`,
            customer: `c${index % 7}`,
            at: at - 1,
            item: "it's",
            quantity: 1,
            priceMinor: index,
            currency: 'EUR',
            channel: 'app',
            offer: null,
          },
        }
        await log.append(events.path, index % partitions, [
          {
            key: event.event.type === 'purchase' ? event.event.customer : '',
            value: events.codec.encode(event),
            cause: `purchases@1/0/${index}/0`,
            timestamp: at,
          },
        ])
      }
    },
    days,
  }
}

const records = async (log: Awaited<ReturnType<typeof openExport>>['log'], path: string, from = 0, to?: number) => {
  const found = []
  for (let partition = 0; partition < partitions; partition++)
    // The first five bytes name the schema in a registry, of which each has its own.
    for await (const messages of log.read(path, partition, from, to))
      found.push(...messages.map(message => ({ ...message, value: message.value!.subarray(5).toString('hex') })))
  return found
}

describe('an export', () => {
  let dir: string
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'offerstream-export-'))
  })
  afterAll(() => rmSync(dir, { recursive: true }))

  test('is the log again, byte for byte, in any part of it', async () => {
    const { source, add } = await journal(3)
    await add(0, 3)
    const out = join(dir, 'whole')
    const summary = await writeExport(source, { dir: out, ...everything })
    expect(summary).toMatchObject({
      records: { 'customer-events': 60, decisions: 0, playbook: 0 },
      complete: true,
      unreadable: 0,
    })
    expect(readdirSync(join(out, 'customer-events')).sort()).toEqual(['2026-03-01', '2026-03-02', '2026-03-03'])
    const opened = await openExport(out)
    const live = await records(source.log, 'x.customer-events')
    expect(await records(opened.log, 'customer-events')).toEqual(live)
    expect(await opened.log.bounds('customer-events')).toEqual(await source.log.bounds('x.customer-events'))
    expect((await records(opened.log, 'customer-events', 5, 9)).map(({ offset }) => offset)).toEqual([
      5, 6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8,
    ])
    await opened.close()
  })

  test('goes on where it ended, and where it was interrupted, as if it had never stopped', async () => {
    const { source, add } = await journal(4)
    await add(0, 2)
    const out = join(dir, 'resumed')
    const stop = new AbortController()
    const first = await writeExport(source, {
      dir: out,
      ...everything,
      fileRecords: 7,
      signal: stop.signal,
      onRecords: () => stop.abort(),
    })
    expect(first.complete).toBe(false)
    // What the interruption left half written is none of the export's.
    writeFileSync(join(out, 'customer-events', 'leftover.parquet.next'), 'half')
    await writeExport(source, { dir: out, ...everything, fileRecords: 7 })
    await add(2, 4)
    await writeExport(source, { dir: out, ...everything, features: { dc7f: ['data_mb_30d'] } })
    await writeExport(source, { dir: out, ...everything, features: { '3fa1': ['texts_30d'] } })
    expect(JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'))).toMatchObject({
      features: { dc7f: ['data_mb_30d'], '3fa1': ['texts_30d'] },
    })
    const opened = await openExport(out)
    expect(await records(opened.log, 'customer-events')).toEqual(await records(source.log, 'x.customer-events'))
    await opened.close()
  })

  test('is read a file after the other, and only those of the range: it may be larger than memory', async () => {
    const { source, add } = await journal(2)
    await add(0, 1)
    const out = join(dir, 'large')
    await writeExport(source, { dir: out, ...everything })
    await add(1, 2)
    await writeExport(source, { dir: out, ...everything })
    const opened = await openExport(out)
    const first = readdirSync(join(out, 'customer-events', '2026-03-01'))
    for (const name of first) unlinkSync(join(out, 'customer-events', '2026-03-01', name))
    expect(await records(opened.log, 'customer-events', 7)).toHaveLength(40 - 3 * 7)
    await expect(records(opened.log, 'customer-events', 6)).rejects.toThrow(/No files found/)
    await opened.close()
  })

  test('leaves out what every reader passes over', async () => {
    const { source } = await journal(1)
    const playbook = await openTopic(source.registry, 'playbook', 'x.')
    const value = playbook.codec.encode({
      at: start,
      body: { type: 'kill_switch', name: 'all', scope: 'global', target: null, on: true },
    })
    await source.log.append(playbook.path, 0, [
      { key: 'all', value, headers: { [expectsOffset]: '0' } },
      { key: 'all', value, headers: { [expectsOffset]: '7' } },
    ])
    const out = join(dir, 'overtaken')
    expect(await writeExport(source, { dir: out, ...everything })).toMatchObject({
      records: { playbook: 1 },
      unreadable: 1,
    })
  })

  test('of a range begins and ends with it', async () => {
    const { source, add } = await journal(4)
    await add(0, 4)
    const out = join(dir, 'range')
    await writeExport(source, { dir: out, from: start + day, to: start + 3 * day })
    const opened = await openExport(out)
    const times = (await records(opened.log, 'customer-events')).map(({ timestamp }) => timestamp)
    expect(times).toHaveLength(40)
    expect(Math.min(...times)).toBe(start + day)
    expect((await opened.log.bounds('customer-events')).every(({ first }) => first > 0)).toBe(true)
    await opened.close()
    await expect(writeExport(source, { dir: out, ...everything })).rejects.toThrow(/holds an export from 2026-03-02/)
  })

  test('that is cut mid-file, misses a file or was changed is refused, with the file named', async () => {
    const { source, add } = await journal(1)
    await add(0, 1)
    const out = join(dir, 'damaged')
    await writeExport(source, { dir: out, ...everything })
    const names = readdirSync(join(out, 'customer-events', '2026-03-01')).map(name =>
      join(out, 'customer-events', '2026-03-01', name),
    )
    const bytes = readFileSync(names[1]!)
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(names[1]!, bytes)
    truncateSync(names[0]!, 100)
    unlinkSync(names[2]!)
    const refused = await openExport(out).catch((error: Error) => error.message)
    expect(refused).toMatch(/000-000000000000\.parquet is cut: it has 100 of \d+ bytes/)
    expect(refused).toMatch(/001-000000000000\.parquet is not the file that was written/)
    expect(refused).toMatch(/002-000000000000\.parquet is missing/)
  })

  test('is not made of any folder', async () => {
    await expect(openExport(dir)).rejects.toThrow(/holds no export: it has no manifest\.json/)
    writeFileSync(join(dir, 'manifest.json'), '{"format": 2}')
    await expect(openExport(dir)).rejects.toThrow(/its format is 2, wanted 1/)
  })

  test('of a topic that was made anew does not go on', async () => {
    const before = await journal(1)
    await before.add(0, 1)
    const out = join(dir, 'anew')
    await writeExport(before.source, { dir: out, ...everything })
    const after = await journal(1)
    await expect(writeExport(after.source, { dir: out, ...everything })).rejects.toThrow(/it was recreated/)
  })
})
