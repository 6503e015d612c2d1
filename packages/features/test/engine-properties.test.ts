// Many histories of one customer each, folded every way there is and read against the oracles of every feature.
import type { CustomerEvent } from '@offerstream/contracts'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createEngine, type Engine } from '../src/engine.ts'
import { features } from '../src/features.ts'
import type { Form } from '../src/forms/form.ts'
import { forms } from '../src/forms/index.ts'
import { naiveRead } from '../src/naive.ts'
import type { State } from '../src/state.ts'
import { chance } from './active-customer.ts'
import { fewest, generatedHistory } from './generated-history.ts'

const histories = 10_000
const day = 86_400_000
/** Bytes of a state, whatever comes: 32 ids of two weeks, eight rejections, a profile, every bucket of every series held. */
const most = 6_000

const engine = createEngine(features)

/** What is wrong with how the engine folds and reads a history, null for nothing. */
function wrong(engine: Engine, seed: number, journal = generatedHistory(seed, true)): string | null {
  const next = chance(seed ^ 0x5bd1e995)
  const repeated = new Set<CustomerEvent>()
  const known = new Set<string>()
  for (const envelope of journal) {
    const { event } = envelope
    const id = event.type === 'tick' ? '' : `${event.type} ${event.id}`
    if (known.has(id)) repeated.add(envelope)
    known.add(id)
  }
  const once = journal.filter(envelope => !repeated.has(envelope))

  const state = fold(engine, journal)
  const bytes = engine.states.encode(state)
  if (bytes.length > most) return `${bytes.length} bytes`
  const same = (other: State): boolean => engine.states.encode(other).equals(bytes)
  if (!same(fold(engine, once))) return 'a repeat counts'
  if (!same(fold(engine, shuffled(once, next)))) return 'another order, other bytes'
  if (!same(inBatches(engine, journal, next))) return 'other batches, other bytes'
  if (!same(inParts(engine, once, 2 + Math.floor(next() * 3), next))) return 'another split, other bytes'

  const at = state.at + (next() < 0.5 ? 0 : Math.floor(next() * 100 * day))
  const read = engine.read(state, at)
  const oracles = naiveRead(features, journal, at)
  const differs = engine.names.findIndex((_, i) => !Object.is(read[i], oracles[i]))
  return differs < 0 ? null : `${engine.names[differs]} is ${read[differs]}, its oracle says ${oracles[differs]}`
}

const fold = (engine: Engine, events: readonly CustomerEvent[]): State => events.reduce(engine.apply, engine.empty)

function shuffled<T>(values: readonly T[], next: () => number): T[] {
  const mixed = [...values]
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    const other = mixed[i]!
    mixed[i] = mixed[j]!
    mixed[j] = other
  }
  return mixed
}

/** Through its bytes between batches. */
function inBatches(engine: Engine, events: readonly CustomerEvent[], next: () => number): State {
  let state = engine.empty
  for (let from = 0; from < events.length; ) {
    const to = from + 1 + Math.floor(next() * 60)
    state = engine.states.decode(engine.states.encode(events.slice(from, to).reduce(engine.apply, state)))
    from = to
  }
  return state
}

function inParts(engine: Engine, events: readonly CustomerEvent[], many: number, next: () => number): State {
  const parts: CustomerEvent[][] = Array.from({ length: many }, () => [])
  for (const event of events) parts[Math.floor(next() * many)]!.push(event)
  return parts.map(part => fold(engine, part)).reduce(engine.merge)
}

it(`${histories} histories fold alike in any order, batches, split and merge, and read as the oracles do`, () => {
  let events = 0
  for (let seed = 1; seed <= histories; seed++) {
    const journal = generatedHistory(seed, true)
    const found = wrong(engine, seed, journal)
    if (found !== null) expect.fail(`history ${seed}: ${found}`)
    events += journal.length
  }
  expect(events).toBeGreaterThanOrEqual(fewest * histories)
  console.log(`${histories} histories, ${events} events, ${engine.names.length} features each`)
}, 600_000)

describe('caught within a few histories', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  type Add = Form['add']
  it.each<[keyof typeof forms, string, (right: Add) => Add]>([
    [
      'totals',
      'forgets what was taken back',
      right =>
        (cells, entry, ...rest) =>
          right(cells, { ...entry, weight: 1 }, ...rest),
    ],
    [
      'totals',
      'drops what is late',
      right => (cells, entry, bucket, span) =>
        bucket < (cells[0] ?? bucket) ? cells : right(cells, entry, bucket, span),
    ],
    [
      'totals',
      'keeps a bucket too few',
      right => (cells, entry, bucket, span) => right(cells, entry, bucket, span - 1),
    ],
    [
      'newest',
      'goes by arrival',
      () =>
        (_cells, { at, id, value }) => [at, id, value],
    ],
    [
      'newestMoment',
      'goes by arrival',
      () =>
        (_cells, { at }) => [at],
    ],
    [
      'newestTwoMoments',
      'goes by arrival',
      () =>
        (cells, { at }) => [at, ...cells.slice(0, 1)],
    ],
    ['lows', 'takes the larger', () => forms.highs.add],
    ['highs', 'takes the smaller', () => forms.lows.add],
    [
      'hashes',
      'keeps the newest',
      () =>
        (cells, { value }) =>
          cells.includes(value) ? cells : [value, ...cells.slice(0, 31)],
    ],
    [
      'recent',
      'forgets what was taken back',
      right =>
        (cells, entry, ...rest) =>
          entry.weight < 0 ? cells : right(cells, entry, ...rest),
    ],
  ])('%s that %s', (name, _how, broken) => {
    const found = (): boolean => Array.from({ length: 10 }, (_, i) => i + 1).some(seed => wrong(engine, seed) !== null)
    expect(found()).toBe(false)
    const wrongly = broken(forms[name].add)
    vi.spyOn(forms[name], 'add').mockImplementation(wrongly)
    expect(found()).toBe(true)
  })

  it('an engine that counts repeats', () => {
    const forgetful: Engine = {
      ...engine,
      apply: (state, event) => engine.apply({ ...state, remembered: [] }, event),
    }
    expect(wrong(engine, 1)).toBeNull()
    expect(wrong(forgetful, 1)).toBe('a repeat counts')
  })
})
