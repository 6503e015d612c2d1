import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createSchedule, datasets, pace, rebased, type SourceRecord, spanOf } from '../src/index.ts'

const dir = join(import.meta.dirname, 'fixtures', 'starbucks-offers')
const records = () => datasets['starbucks-offers'].records(dir)
const hour = 3_600_000
const start = Date.UTC(2018, 6, 27)
const now = Date.UTC(2030, 0, 1, 12)

test('a thousand times as fast: the first is due now, the rest a thousandth apart', () => {
  const { sendAt, offsetMs } = createSchedule({ first: 5_000, last: 9_000, now: 100, speed: 1000 })
  expect([sendAt(5_000), sendAt(7_000), sendAt(9_000), offsetMs]).toEqual([100, 102, 104, 0])
})

test('as fast as it goes, everything is due now', () => {
  const { sendAt } = createSchedule({ first: 0, last: 1e12, now: 100, speed: Number.POSITIVE_INFINITY })
  expect(sendAt(1e12)).toBe(100)
})

test('either end can be moved to now', () => {
  expect(createSchedule({ first: 10, last: 30, now: 100, rebase: 'first' })).toMatchObject({ first: 100, last: 120 })
  expect(createSchedule({ first: 10, last: 30, now: 100, rebase: 'last' })).toMatchObject({ first: 80, last: 100 })
})

test('a clock of the same speed, begun at the first event, shows each event its own time when it is sent', () => {
  const speed = 60
  const schedule = createSchedule({ first: 10, last: 30_000, now, speed, rebase: 'first' })
  for (const at of [10, 2_000, 30_000]) {
    const shown = schedule.first + (schedule.sendAt(at) - now) * speed
    expect(Math.abs(shown - (at + schedule.offsetMs))).toBeLessThan(0.1)
  }
})

test('speeds and spans that make no sense are refused', () => {
  expect(() => createSchedule({ first: 0, last: 1, now, speed: 0 })).toThrow('speed is 0')
  expect(() => createSchedule({ first: 0, last: 1, now, speed: Number.NaN })).toThrow('speed is NaN')
  expect(() => createSchedule({ first: 2, last: 1, now })).toThrow(/comes after/)
})

test('the span counts what there is', async () => {
  const span = await spanOf(records())
  expect(span!.count).toBe(11)
  expect([span!.first, Math.floor((span!.last - start) / hour)]).toEqual([start, 174])
  const nothing = (async function* (): AsyncGenerator<SourceRecord> {})()
  expect(await spanOf(nothing)).toBeUndefined()
})

/** A clock that only sleep moves, and sending that takes its time. */
const clockOf = (begin: number) => {
  let time = begin
  return {
    now: () => time,
    sleep: async (ms: number) => {
      time += ms
    },
    work: (ms: number) => {
      time += ms
    },
  }
}

test('records are handed out at their time, moved', async () => {
  const clock = clockOf(now)
  const span = (await spanOf(records()))!
  const schedule = createSchedule({ ...span, now, speed: 1000, rebase: 'first' })
  const sent: [number, number][] = []
  for await (const { record, intendedAt } of pace(records(), schedule, clock)) {
    expect(record.value.at - now).toBeCloseTo((intendedAt - now) * 1000, 3)
    sent.push([intendedAt, clock.now()])
  }
  expect(sent).toHaveLength(11)
  for (const [intended, actual] of sent) expect(Math.abs(actual - intended)).toBeLessThan(1)
  expect(clock.now() - now).toBeCloseTo((span.last - span.first) / 1000, -1)
})

test('a sender that falls behind keeps the times it was meant for', async () => {
  const clock = clockOf(now)
  const span = (await spanOf(records()))!
  const schedule = createSchedule({ ...span, now, speed: 1000 })
  const intended: number[] = []
  for await (const paced of pace(records(), schedule, clock)) {
    intended.push(paced.intendedAt)
    clock.work(hour)
  }
  const expected = (await Array.fromAsync(records())).map(({ value }) => schedule.sendAt(value.at))
  expect(intended).toEqual(expected)
})

test('moving a record moves every moment in it and nothing else', async () => {
  const all = await Array.fromAsync(records())
  for (const record of all) {
    const moved = rebased(record, 1_000)
    expect(moved.value.at).toBe(record.value.at + 1_000)
    expect(rebased(moved, -1_000)).toEqual(record)
  }
  const customer = all.find(({ topic }) => topic === 'customers')!
  const since = (record: SourceRecord) => (record.topic === 'customers' ? record.value.customerSince : null)
  expect(since(rebased(customer, 5))).toBe(since(customer)! + 5)
})
