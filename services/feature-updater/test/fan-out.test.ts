import type { CampaignDue, CustomerEvent } from '@offerstream/contracts'
import { names } from '@offerstream/features'
import { createClock, type Store, Transient } from '@offerstream/streaming'
import { describe, expect, it } from 'vitest'
import { type Campaign, fanOut, type Reached, updaterName } from '../src/index.ts'
import { at, events } from './events.ts'
import { createLine, journal, type MemoryLine, of, registry, topics, update, valuesOf } from './memory-line.ts'

const partitions = 3
const customers = Array.from({ length: 40 }, (_, i) => `c-${i}`)
const summer: Campaign = { campaign: 'summer', kind: 'daily_sale', item: 'package-1', fromMinor: null, toMinor: null }
const fast = 1_000_000

/** A line whose updater knows 40 customers; every second has bought a plan. */
async function known(): Promise<MemoryLine> {
  const line = await createLine(partitions)
  await journal(line, ...customers.map(customer => of(customer, events.profile())))
  await journal(line, ...customers.filter((_, i) => i % 2 === 0).map(each => of(each, events.purchase('p', at))))
  await update(line)
  return line
}
type Options = Partial<Parameters<typeof fanOut>[1]>
const run = (line: MemoryLine, options: Options = {}) =>
  fanOut(
    { ...line, registry, prefix: '', clock: createClock({ origin: at, since: 0, speed: 0 }) },
    { campaign: summer, concerns: () => true, perSecond: fast, ...options },
  )
const reached = async (line: MemoryLine): Promise<string[]> =>
  (await valuesOf(line, topics.campaigns)).map(({ customer }) => customer).sort()
const buyers = ({ vector }: Reached): boolean => vector[names.indexOf('purchases_90d')]! > 0

describe('a fan-out', () => {
  it('writes one record for every customer the updater knows, in the partition their journal has', async () => {
    const line = await known()
    const summary = await run(line)
    expect(summary).toEqual({
      campaign: 'summer',
      complete: true,
      total: 40,
      customers: 40,
      concerned: 40,
      reachedBefore: 0,
      sent: 40,
    })
    expect(await reached(line)).toEqual([...customers].sort())
    const [record] = await valuesOf(line, topics.campaigns)
    const { customer } = record!
    expect(record).toEqual({ type: 'campaign_due', id: `campaign/summer/${customer}`, customer, at, ...summer })
    const size = async (path: string) => (await line.log.bounds(path)).map(({ next }) => next)
    expect(await size(topics.campaigns.path)).toEqual(
      await Promise.all([0, 1, 2].map(partition => line.store.size(updaterName, partition))),
    )
  })

  it('passes over whom it does not concern, by features and facts', async () => {
    const line = await known()
    expect(await run(line, { concerns: buyers })).toMatchObject({ customers: 40, concerned: 20, sent: 20 })
    expect(await run(line, { concerns: ({ facts }) => facts.plan === 'plan-m' })).toMatchObject({ concerned: 0 })
  })

  it('run again reaches nobody twice; another campaign reaches everybody', async () => {
    const line = await known()
    await run(line, { concerns: buyers })
    expect(await run(line)).toMatchObject({ concerned: 40, reachedBefore: 20, sent: 20 })
    expect(await run(line)).toMatchObject({ reachedBefore: 40, sent: 0 })
    expect(await reached(line)).toEqual([...customers].sort())
    expect(await run(line, { campaign: { ...summer, campaign: 'autumn' } })).toMatchObject({ sent: 40 })
  })

  it('goes on after a crash where nobody knows whether the last records were written', async () => {
    const line = await known()
    for (const isWritten of [true, false]) {
      let appends = 0
      const log = {
        ...line.log,
        append: async (...args: Parameters<typeof line.log.append>) => {
          const isLast = ++appends === 3
          if (!isLast || isWritten) await line.log.append(...args)
          if (isLast) throw new Transient('the broker went away')
        },
      }
      await expect(run({ ...line, log }, { perSecond: 50 })).rejects.toThrow(/run it again: whom it reached/)
    }
    const before = (await reached(line)).length
    expect(before).toBeGreaterThan(0)
    expect(before).toBeLessThan(40)
    expect(await run(line)).toMatchObject({ reachedBefore: before, sent: 40 - before, complete: true })
    expect(await reached(line)).toEqual([...customers].sort())
  })

  it('can be stopped, and goes on with the rest', async () => {
    const line = await known()
    const stopping = new AbortController()
    const first = await run(line, {
      perSecond: 50,
      signal: stopping.signal,
      onProgress: ({ sent }) => sent >= 10 && stopping.abort(),
    })
    expect(first).toMatchObject({ complete: false, sent: 10 })
    expect(await run(line)).toMatchObject({ complete: true, reachedBefore: 10, sent: 30 })
    expect(await reached(line)).toEqual([...customers].sort())
  })

  it('keeps its pace', async () => {
    const line = await known()
    const began = performance.now()
    const seen: number[] = []
    await run(line, { perSecond: 100, onProgress: progress => seen.push(progress.customers) })
    expect(performance.now() - began).toBeGreaterThanOrEqual(395)
    expect(seen.at(-1)).toBe(40)
    expect(Math.max(...seen.map((count, i) => count - (seen[i - 1] ?? 0)))).toBe(10)
  })

  it('that is dry counts, and writes nothing', async () => {
    const line = await known()
    expect(await run(line, { dryRun: true, concerns: buyers })).toMatchObject({ customers: 40, concerned: 20, sent: 0 })
    expect(await reached(line)).toEqual([])
  })

  it('takes a customer who is read twice for one', async () => {
    const line = await known()
    const store: Store = {
      ...line.store,
      async *each(fold, partition) {
        yield* line.store.each(fold, partition)
        yield* line.store.each(fold, partition)
      },
    }
    expect(await run({ ...line, store })).toMatchObject({ customers: 80, concerned: 40, sent: 40 })
  })

  it('refuses to run while another version serves, because its own states may lack customers', async () => {
    const line = await known()
    const store: Store = {
      ...line.store,
      incumbent: async () => ({ fold: 'updater-before', publishesAfter: -1, term: 1 }),
    }
    await expect(run({ ...line, store })).rejects.toThrow(/updater-before serves partition 0/)
    expect(await reached(line)).toEqual([])
  })

  it('passes over records of campaigns that nobody can read, as intake does', async () => {
    const line = await known()
    for (const value of [null, Buffer.from('no record')])
      await line.log.append(topics.campaigns.path, 0, [{ key: 'c-1', value }])
    expect(await run(line)).toMatchObject({ complete: true, sent: 40 })
  })

  it('refuses to run where the updater knows nobody', async () => {
    await expect(run(await createLine())).rejects.toThrow(/no customer of updater-/)
  })
})

/** As intake journals it. */
const journalled = (event: CampaignDue): CustomerEvent => ({
  journalledAt: event.at + 1_000,
  triggers: true,
  item: null,
  event,
})

it('a campaign that two runs at once wrote twice fires once for a customer', async () => {
  const line = await known()
  await Promise.all([run(line), run(line)])
  const records = await valuesOf(line, topics.campaigns)
  expect(records).toHaveLength(80)
  await journal(line, ...records.map(journalled))
  await update(line)
  const fired = (await valuesOf(line, topics.updates)).filter(({ trigger }) => trigger.kind === 'campaign-due')
  expect(new Set(fired.map(({ id }) => id)).size).toBe(40)
  expect(new Set(fired.map(({ customer }) => customer)).size).toBe(40)
  expect(fired[0]!.trigger).toEqual({ kind: 'campaign-due', event: 'summer', at })
})
