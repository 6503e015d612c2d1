import { describe, expect, test } from 'vitest'
import { arrivals, createWorld, disturb, events, steady } from '../src/index.ts'

const start = Date.UTC(2026, 4, 4)
const hour = 3_600_000
const truth = () => [...events(createWorld({ seed: 1, customers: 300, start }), start, start + 48 * hour)]
const options = { seed: 9, lateShare: 0.1, maxLateMs: 5 * hour, repeatShare: 0.05, maxRepeatMs: hour, jitterMs: 2_000 }

describe('disturbance', () => {
  test('keeps the set: every event arrives, unchanged, some twice', () => {
    const events = truth()
    const arrived = [...disturb(events, options)]
    expect(new Set(arrived)).toEqual(new Set(events))
    expect((arrived.length - events.length) / events.length).toBeCloseTo(0.05, 1)
    expect(arrived.length).toBeGreaterThan(events.length)
  })

  test('brings them late and out of order, never early, within the limits', () => {
    const all = [...arrivals(truth(), options)]
    expect(all.every((arrival, i) => i === 0 || arrival.arrivesAt >= all[i - 1]!.arrivesAt)).toBe(true)
    for (const { arrivesAt, event, repeat } of all) {
      expect(arrivesAt).toBeGreaterThanOrEqual(event.at)
      expect(arrivesAt - event.at).toBeLessThanOrEqual(2_000 + 5 * hour + (repeat ? hour : 0))
    }
    const late = all.filter(({ arrivesAt, event, repeat }) => !repeat && arrivesAt - event.at > 2_000).length
    expect(late / all.length).toBeGreaterThan(0.08)
    expect(late / all.length).toBeLessThan(0.12)
    expect(all.some(({ event }, i) => i > 0 && event.at < all[i - 1]!.event.at)).toBe(true)
  })

  test('the same seed disturbs in the same way; none asked, none done', () => {
    const ids = (seed: number) => [...disturb(truth(), { ...options, seed })].map(event => event.id)
    expect(ids(1)).toEqual(ids(1))
    expect(ids(1)).not.toEqual(ids(2))
    expect([...disturb(truth(), { seed: 1, lateShare: 0, repeatShare: 0 })]).toEqual(truth())
  })
})

describe('the steady stream', () => {
  const take = (n: number, customers: number, triggerShare?: number) =>
    steady({ seed: 1, customers, start, intervalMs: 0.5, ...(triggerShare === undefined ? {} : { triggerShare }) })
      .take(n)
      .toArray()

  test('a tenth of the events are purchases, customers take turns, ids differ, time is even', () => {
    const all = take(20_000, 1_000)
    expect(all.filter(event => event.type === 'purchase')).toHaveLength(2_000)
    expect(new Set(all.slice(0, 1_000).map(event => event.customer)).size).toBe(1_000)
    expect(new Set(all.map(event => event.id)).size).toBe(20_000)
    expect(all[2_000]!.at).toBe(start + 1_000)
    const buyers = new Set(all.flatMap(event => (event.type === 'purchase' ? [event.customer] : [])))
    expect(buyers.size).toBeGreaterThan(900)
  })

  test('the share of purchases is as asked', () => {
    expect(take(3_000, 100, 0.3).filter(event => event.type === 'purchase')).toHaveLength(900)
  })
})
