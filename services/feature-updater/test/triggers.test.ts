// Triggers by the clock of the journal, through the real runner over a log in memory.
import type { CustomerEvent, FeatureUpdate } from '@offerstream/contracts'
import { type TriggerRule, triggers } from '@offerstream/features'
import { type Fold, openFoldLane } from '@offerstream/streaming'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createUpdater } from '../src/index.ts'
import { at, events } from './events.ts'
import { createLine, journal, type MemoryLine, of, topics, update, valuesOf } from './memory-line.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
/** What was published, without what an owner published again. */
const updatesOf = async (line: MemoryLine): Promise<FeatureUpdate[]> => [
  ...new Map((await valuesOf(line, topics.updates)).map(update => [update.id, update])).values(),
]
const fired = async (line: MemoryLine): Promise<string[]> =>
  (await updatesOf(line)).map(({ customer, trigger: { kind, event } }) => `${customer} ${kind} ${event}`)

const byTicks = Object.entries<TriggerRule>(triggers).flatMap(([kind, { on }]) => (on === 'tick' ? [kind] : []))

/** Given an event, when its moment has come, what it concerns; and an event after which it does not come. */
const moments: Readonly<
  Record<string, { given: CustomerEvent; comesAt: number; concerns: string; unless: CustomerEvent }>
> = {
  'package-expiring': {
    given: events.packageBought('p-1', at),
    comesAt: at + 6 * day,
    concerns: 'package-1',
    unless: events.packageBought('p-2', at + 5 * day),
  },
  'offer-not-taken': {
    given: events.opened('e-1', at, 'package-2'),
    comesAt: at + day,
    concerns: 'offer-of-package-2',
    unless: events.rejected('r-1', at + hour, 'package-2'),
  },
}

describe.each(byTicks)('%s', kind => {
  const { given, comesAt, concerns, unless } = moments[kind]!
  const only = async (line: MemoryLine): Promise<string[]> => (await fired(line)).filter(each => each.includes(kind))

  it('fires at the first tick after its moment, once, whoever was stopped in between', async () => {
    const line = await createLine()
    await journal(line, given, events.tick(comesAt - minute))
    await update(line)
    expect(await only(line)).toEqual([])
    await journal(line, events.tick(comesAt + minute), events.tick(comesAt + 2 * minute))
    await update(line)
    expect(await only(line)).toEqual([`c-1 ${kind} ${concerns}`])
    await journal(line, events.tick(comesAt + 3 * minute))
    await update(line)
    expect(await only(line)).toEqual([`c-1 ${kind} ${concerns}`])
    expect((await updatesOf(line)).find(({ trigger }) => trigger.kind === kind)).toMatchObject({ at: comesAt + minute })
  })

  it('does not fire when what it hangs on is over by then, though the updater was stopped in between', async () => {
    const line = await createLine()
    await journal(line, given)
    await update(line)
    await journal(line, unless, events.tick(comesAt + minute))
    await update(line)
    expect(await only(line)).toEqual([])
  })

  it('wakes those due in order of moment and customer, a bounded number a tick, the rest at the next', async () => {
    const line = await createLine()
    const order = ['c-3', 'c-1', 'c-2', 'c-4']
    await journal(line, ...order.map(customer => of(customer, given)))
    await journal(line, events.tick(comesAt), events.tick(comesAt + minute))
    await update(line, { wakesPerTick: 3 })
    expect((await only(line)).map(each => each.split(' ')[0])).toEqual(['c-1', 'c-2', 'c-3', 'c-4'])
    const times = (await updatesOf(line)).filter(({ trigger }) => trigger.kind === kind).map(update => update.at)
    expect(times).toEqual([comesAt, comesAt, comesAt, comesAt + minute])
  })
})

describe('a replay', () => {
  /** Folds a journal anew, so many records a batch, from an empty store. */
  async function refold(events: readonly CustomerEvent[], batch: number): Promise<readonly Buffer[]> {
    const line = await createLine()
    await journal(line, ...events)
    const updater = createUpdater(topics) as Fold<unknown, CustomerEvent>
    const lane = await openFoldLane(updater, 0, null, new AbortController().signal, { ...line, wakesPerTick: 2 })
    for await (const messages of line.log.read(topics.events.path, 0, 0))
      for (let from = 0; from < messages.length; from += batch) await lane.batch(messages.slice(from, from + batch))
    const published: Buffer[] = []
    for await (const messages of line.log.read(topics.updates.path, 0, 0))
      published.push(...messages.map(({ value }) => value!))
    return published
  }

  const maker = fc.constantFrom<(id: string, at: number, n: number) => CustomerEvent>(
    (id, when) => events.packageBought(id, when),
    (id, when, n) => events.opened(id, when, `package-${n}`),
    (id, when, n) => events.rejected(id, when, `package-${n}`),
    (id, when) => events.usage(id, when, 3_000),
    (id, when) => events.purchase(id, when),
    (id, when) => events.campaign(id, when),
  )
  const draws = fc.array(
    fc.record({
      make: maker,
      customer: fc.integer({ min: 1, max: 4 }).map(n => `c-${n}`),
      pause: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 48 * 60 })),
      n: fc.integer({ min: 1, max: 3 }),
      ticks: fc.boolean(),
    }),
    { minLength: 5, maxLength: 60, size: 'max' },
  )

  it('fires the same list in any batches, ticks included', async () => {
    let updates = 0
    let woken = 0
    await fc.assert(
      fc.asyncProperty(draws, async drawn => {
        const all: CustomerEvent[] = ['c-1', 'c-2'].map(customer => of(customer, events.profile()))
        let now = at
        for (const [index, { make, customer, pause, n, ticks }] of drawn.entries()) {
          now += pause * minute
          if (ticks) all.push(events.tick(now))
          all.push(of(customer, make(`e-${index}`, now, n)))
        }
        const whole = await refold(all, 1_000)
        for (const batch of [1, 7, 150]) expect(await refold(all, batch)).toEqual(whole)
        updates += whole.length
        woken += whole.filter(bytes => moments[topics.updates.codec.decode(bytes).trigger.kind] !== undefined).length
      }),
      { numRuns: 60 },
    )
    expect(updates).toBeGreaterThan(100)
    expect(woken).toBeGreaterThan(20)
  })
})
