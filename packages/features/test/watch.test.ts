import type { CustomerEvent } from '@offerstream/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { apply, empty, fire, merge, type State, states } from '../src/index.ts'
import { bought, day, delivered, engaged, hour, june, lasting, takenBack, used } from './trigger-events.ts'

const at = fc.integer({ min: 0, max: 20 * 24 }).map(hours => june + hours * hour)
const item = fc.integer({ min: 0, max: 9 }).map(n => `package-${n}`)
const stamp = fc.constantFrom(lasting(1), lasting(7), lasting(30), {}, { known: false })
const event: fc.Arbitrary<CustomerEvent> = fc.oneof(
  fc.tuple(at, item, stamp).map(args => bought(...args)),
  fc.tuple(at, at, item, stamp).map(args => takenBack(...args)),
  fc
    .tuple(at, fc.constantFrom('opened' as const, 'clicked' as const), fc.integer({ min: 0, max: 6 }), item)
    .map(([when, kind, n, of]) => engaged(when, kind, { offer: `offer-${n}`, item: of })),
  fc
    .tuple(at, fc.constantFrom('provider-unavailable', 'no-subscription'))
    .map(([when, reason]) => delivered(when, { reason })),
  at.map(when => used(when, 1)),
)
const step = (state: State, each: CustomerEvent): State => fire(each, state, apply(state, each)).state
/** What of it is a function of the events alone. */
const seen = ({ watch: { bought, opened, outageAt } }: State) => ({ bought, opened, outageAt })

describe('what triggers remember', () => {
  it('is the same for any order of the same events', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.infiniteStream(fc.nat()), (events, chance) => {
        const other = events.map(each => [chance.next().value, each] as const).sort(([a], [b]) => a - b)
        expect(seen(other.map(([, each]) => each).reduce(step, empty))).toEqual(seen(events.reduce(step, empty)))
      }),
      { numRuns: 500 },
    )
  })

  it('is the same for any split and merge', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.nat({ max: 60 }), (events, cut) => {
        const [left, right] = [events.slice(0, cut), events.slice(cut)].map(part => part.reduce(step, empty))
        expect(seen(merge(left!, right!))).toEqual(seen(events.reduce(step, empty)))
      }),
      { numRuns: 500 },
    )
  })

  it('survives its bytes, and stays small however much happens', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200, size: 'max' }), events => {
        const state = events.reduce(step, empty)
        expect(states.decode(states.encode(state)).watch).toEqual(state.watch)
        expect(state.watch.bought.length).toBeLessThanOrEqual(8)
        expect(state.watch.opened.length).toBeLessThanOrEqual(4)
      }),
      { numRuns: 100 },
    )
  })

  it('is let go when it no longer matters', () => {
    const given = [bought(june, 'package-1', {}), engaged(june, 'opened', { offer: 'o', item: 'package-2' })]
    const later = (ms: number) => [...given, used(june + ms, 1)].reduce(step, empty).watch
    expect(later(day)).toMatchObject({ bought: [{ item: 'package-1' }], opened: [{ offer: 'o' }] })
    expect(later(3 * day)).toMatchObject({ bought: [], opened: [] })
  })
})
