import type { SourceRecord } from './dataset.ts'

export type ScheduleOptions = {
  /** Of the first and the last event, milliseconds since the epoch. */
  readonly first: number
  readonly last: number
  /** The moment at which sending begins. */
  readonly now: number
  /** Event time that passes in one unit of wall time; 1 is as it happened, `Infinity` as fast as it goes. */
  readonly speed?: number
  /** Moves all event times so that this end falls on `now`; without it they stay. */
  readonly rebase?: 'first' | 'last'
}

/** When each event is to be sent, and by how much its times move. */
export type Schedule = {
  readonly offsetMs: number
  /** Event time, moved, at `now` and at the end; where a clock that runs along begins and ends. */
  readonly first: number
  readonly last: number
  /** Wall time at which an event is meant to be sent, by its time before it is moved. */
  sendAt(at: number): number
}

export function createSchedule({ first, last, now, speed = 1, rebase }: ScheduleOptions): Schedule {
  if (!(speed > 0)) throw new RangeError(`speed is ${speed}, wanted more than 0`)
  if (!(first <= last)) throw new RangeError(`the first event at ${first} comes after the last at ${last}`)
  const offsetMs = rebase === undefined ? 0 : now - (rebase === 'first' ? first : last)
  return {
    offsetMs,
    first: first + offsetMs,
    last: last + offsetMs,
    sendAt: at => now + (at - first) / speed,
  }
}

/** The earliest and latest time among records, and how many there are; nothing for none. */
export async function spanOf(
  records: AsyncIterable<SourceRecord>,
): Promise<{ first: number; last: number; count: number } | undefined> {
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  let count = 0
  for await (const { value } of records) {
    first = Math.min(first, value.at)
    last = Math.max(last, value.at)
    count++
  }
  return count === 0 ? undefined : { first, last, count }
}

export type Paced = {
  readonly record: SourceRecord
  /** When it was meant to be sent. Latency counts from here, not from when the sender got round to it. */
  readonly intendedAt: number
}

/** Hands out records, moved, when their time has come. A sender that falls behind gets them at once, with the times they were meant for. */
export async function* pace(
  records: AsyncIterable<SourceRecord>,
  schedule: Schedule,
  clock: { readonly now: () => number; readonly sleep: (ms: number) => Promise<void> },
): AsyncGenerator<Paced> {
  for await (const record of records) {
    const intendedAt = schedule.sendAt(record.value.at)
    const early = intendedAt - clock.now()
    if (early >= 1) await clock.sleep(early)
    yield { record: rebased(record, schedule.offsetMs), intendedAt }
  }
}

/** The same record with every moment in it moved. */
export function rebased(record: SourceRecord, offsetMs: number): SourceRecord {
  if (offsetMs === 0) return record
  const at = record.value.at + offsetMs
  const moved = (moment: number | null): number | null => (moment === null ? null : moment + offsetMs)
  switch (record.topic) {
    case 'customers': {
      const { customerSince, bindingEndsAt } = record.value
      return {
        topic: 'customers',
        value: { ...record.value, at, customerSince: moved(customerSince), bindingEndsAt: moved(bindingEndsAt) },
      }
    }
    case 'purchases':
      return { topic: 'purchases', value: { ...record.value, at } }
    case 'usage':
      return { topic: 'usage', value: { ...record.value, at } }
    case 'engagements':
      return { topic: 'engagements', value: { ...record.value, at } }
  }
}
