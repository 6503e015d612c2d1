import type { CustomerEvent } from '@offerstream/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEngine, type Engine } from '../src/engine.ts'
import { count, type Features, last, ratio, since, sum } from '../src/feature.ts'
import { features } from '../src/features.ts'
import { naiveRead } from '../src/naive.ts'
import type { State } from '../src/state.ts'
import { days, hours, months, weeks } from '../src/windows.ts'
import { activeCustomer } from './active-customer.ts'
import { frozen, histories, historiesWithRepeats, shuffled } from './histories.ts'

/** Every resolution at its widest, and more series than one group of bits holds. */
const everyWindow: Features = {
  data_48h: sum('usage', 'dataKb', hours(48)),
  data_35d: sum('usage', 'dataKb', days(35)),
  data_13w: sum('usage', 'dataKb', weeks(13)),
  data_13m: sum('usage', 'dataKb', months(13)),
  data_trend_13m: ratio(sum('usage', 'dataKb', months(3)), sum('usage', 'dataKb', months(13))),
  purchases_13m: count('purchase', months(13)),
  plans_13m: count('purchase', months(13), { stamp: { kind: 'plan' } }),
  last_price: last('purchase', 'priceMinor'),
  since_roaming: since('usage', { roaming: true }),
  ...Object.fromEntries(
    Array.from({ length: 28 }, (_, i) => [`item_${i}`, count('engagement', weeks(9), { item: `item-${i}` })]),
  ),
}

const fold = (engine: Engine, events: readonly CustomerEvent[]): State =>
  events.reduce((state, event) => engine.apply(frozen(state), event), engine.empty)
const runs = { numRuns: 60 }
const day = 86_400_000

describe.each([
  ['the list', features],
  ['every kind of window', everyWindow],
])('an engine for %s', (_name, list: Features) => {
  const engine = createEngine(list)
  const bytesOf = (events: readonly CustomerEvent[]): string =>
    engine.states.encode(fold(engine, events)).toString('hex')

  it('ends in the same bytes for any order of arrival', () => {
    const cases = histories.chain(events => fc.tuple(fc.constant(events), shuffled(events)))
    fc.assert(
      fc.property(cases, ([events, others]) => {
        expect(bytesOf(others)).toBe(bytesOf(events))
      }),
      runs,
    )
  })

  it('ends in the same bytes for any split and merge', () => {
    fc.assert(
      fc.property(histories, fc.infiniteStream(fc.boolean()), (events, sides) => {
        const left = new Set(events.filter(() => sides.next().value))
        const one = fold(engine, [...left])
        const other = fold(
          engine,
          events.filter(event => !left.has(event)),
        )
        const merged = engine.states.encode(engine.merge(frozen(one), frozen(other))).toString('hex')
        expect(merged).toBe(bytesOf(events))
      }),
      runs,
    )
  })

  it('reads what the oracles make of the raw events, late, repeated and retracted ones among them', () => {
    fc.assert(
      fc.property(historiesWithRepeats, fc.integer({ min: 0, max: 100 * day }), (events, later) => {
        const state = fold(engine, events)
        expect(engine.read(state, state.at)).toEqual(naiveRead(list, events, 0))
        expect(engine.read(state, state.at + later)).toEqual(naiveRead(list, events, state.at + later))
      }),
      runs,
    )
  })

  it('comes back from its bytes as it was, and goes on alike', () => {
    fc.assert(
      fc.property(histories, histories, (before, after) => {
        const state = fold(engine, before)
        const restored = engine.states.decode(engine.states.encode(state))
        expect(restored).toEqual(state)
        const go = (from: State): State => after.reduce((next, event) => engine.apply(next, event), from)
        expect(engine.states.encode(go(restored)).equals(engine.states.encode(go(state)))).toBe(true)
      }),
      runs,
    )
  })
})

describe('a state', () => {
  const engine = createEngine(features)

  it('ignores an id that was journalled within 24 hours, and takes it as new after that', () => {
    const usage = activeCustomer(1).find(({ event }) => event.type === 'usage')!
    const once = engine.apply(engine.empty, usage)
    const soon = { ...usage, journalledAt: usage.journalledAt + day }
    const later = { ...usage, journalledAt: usage.journalledAt + day + 1_000 }
    expect(engine.isRepeat(once, soon)).toBe(true)
    expect(engine.apply(once, soon)).toBe(once)
    expect(engine.isRepeat(once, later)).toBe(false)
    expect(engine.apply(once, later)).not.toEqual(once)
  })

  it('counts a repeat twice when it remembers nothing', () => {
    const purchase = activeCustomer(1).find(({ event }) => event.type === 'purchase')!
    const once = engine.apply(engine.empty, purchase)
    const forgetful = engine.apply({ ...once, remembered: [] }, purchase)
    expect(engine.valueAt(once, 'purchases_90d', 0)).toBe(1)
    expect(engine.valueAt(forgetful, 'purchases_90d', 0)).toBe(2)
  })

  it('remembers 32 ids', () => {
    const [first] = activeCustomer(1).filter(({ event }) => event.type === 'usage')
    const many = Array.from({ length: 33 }, (_, i) => ({
      ...first!,
      journalledAt: first!.journalledAt + 1_000 * i,
      event: { ...first!.event, id: `many-${i}` },
    })) as CustomerEvent[]
    const state = fold(engine, many)
    expect(many.map(event => engine.isRepeat(state, event))).toEqual([false, ...Array(32).fill(true)])
  })

  it('tells the same id on two sources apart', () => {
    const purchase = activeCustomer(1).find(({ event }) => event.type === 'purchase')!
    const usage = activeCustomer(1).find(({ event }) => event.type === 'usage')!
    const same = { ...usage, event: { ...usage.event, id: (purchase.event as { id: string }).id } } as CustomerEvent
    expect(engine.isRepeat(engine.apply(engine.empty, purchase), same)).toBe(false)
  })

  it('refuses bytes that are cut or too long', () => {
    const bytes = engine.states.encode(fold(engine, activeCustomer(1)))
    expect(() => engine.states.decode(bytes.subarray(0, -1))).toThrow()
    expect(() => engine.states.decode(Buffer.concat([bytes, Buffer.from([0])]))).toThrow()
  })

  it('has another fingerprint for another list, the same for the same', () => {
    expect(createEngine(features).fingerprint).toBe(engine.fingerprint)
    expect(createEngine(everyWindow).fingerprint).not.toBe(engine.fingerprint)
    expect(createEngine(everyWindow).layoutFingerprint).not.toBe(engine.layoutFingerprint)
  })
})
