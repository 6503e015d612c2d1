import { codecOf } from '@offerstream/contracts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Fact, forget, hear } from '../src/facts.ts'
import {
  commit,
  dueOf,
  emptyLedger,
  enter,
  isKnown,
  isOpen,
  type Ledger,
  type LedgerState,
  ledgerStates,
  move,
  refund,
  reserve,
  transitions,
} from '../src/ledger.ts'
import { firstLedgerSchema } from '../src/ledger-before.ts'
import { ledgerCodec, secondLedgerSchema } from '../src/ledger-codec.ts'
import { offer } from './given.ts'

const bytes = Buffer.from('offer')
const named = (id: string, sequence: number) => offer({ id, sequence })

test('an offer takes the arrows of the design and no others', () => {
  const allowed = ledgerStates.flatMap(from => transitions[from].map(to => `${from} → ${to}`))
  expect(allowed.sort()).toEqual(
    [
      'decided → deferred',
      ...['suppressed', 'expired', 'superseded', 'taken', 'sending'].flatMap(to => [
        `decided → ${to}`,
        `deferred → ${to}`,
      ]),
      'sending → accepted',
      'sending → rejected',
      'sending → unknown',
      'accepted → displayed',
      'unknown → displayed',
      'displayed → clicked',
    ].sort(),
  )
})

test('every state is reached from decided, and what has no way on ends there', () => {
  const reached = new Set<LedgerState>(['decided'])
  for (const state of reached) for (const to of transitions[state]) reached.add(to)
  expect([...reached].sort()).toEqual([...ledgerStates].sort())
})

test('whatever is asked of it, only transitions that exist happen, and the counts add up', () => {
  const step = fc.record({
    id: fc.nat(5),
    to: fc.constantFrom(...ledgerStates),
    enter: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      let ledger: Ledger = emptyLedger
      const counts = new Map<LedgerState, number>(ledgerStates.map(state => [state, 0]))
      const add = (state: LedgerState, by: number) => counts.set(state, counts.get(state)! + by)
      let entered = 0
      for (const [at, { id, to, enter: isNew }] of steps.entries()) {
        const name = `o-${id}`
        if (isNew && !isKnown(ledger, name, at)) {
          ledger = enter(ledger, named(name, at), at, bytes)
          add('decided', 1)
          entered++
        }
        const from = ledger.entries.find(entry => entry.id === name)?.state
        if (from !== undefined && transitions[from].includes(to)) {
          ledger = move(ledger, name, { to, at })
          add(from, -1)
          add(to, 1)
        } else expect(() => move(ledger, name, { to, at })).toThrow()
        expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(entered)
        for (const state of ledgerStates)
          expect(ledger.entries.filter(entry => entry.state === state).length).toBeLessThanOrEqual(counts.get(state)!)
      }
      expect(ledgerCodec.decode(ledgerCodec.encode(ledger))).toEqual(ledger)
    }),
  )
})

test('what is still open is never forgotten, however many offers follow', () => {
  let ledger = enter(emptyLedger, named('held', 0), 0, bytes)
  ledger = move(ledger, 'held', { to: 'deferred', at: 0, until: 100 })
  for (let at = 1; at < 50; at++) {
    ledger = move(enter(ledger, named(`o-${at}`, at), at, bytes), `o-${at}`, { to: 'expired', at })
  }
  expect(ledger.entries.filter(isOpen).map(entry => entry.id)).toEqual(['held'])
  expect(ledger.entries.length).toBe(8)
  expect(dueOf(ledger)).toBe(100)
})

test('an offer so old that it may have been forgotten counts as known', () => {
  let ledger: Ledger = emptyLedger
  for (let at = 0; at < 20; at++)
    ledger = move(enter(ledger, named(`o-${at}`, at), at, bytes), `o-${at}`, { to: 'expired', at })
  expect(isKnown(ledger, 'o-3', 3)).toBe(true)
  expect(isKnown(ledger, 'o-19', 19)).toBe(true)
  expect(isKnown(ledger, 'o-20', 20)).toBe(false)
})

test('an offer being sent is due before every other, so that a new owner finds it first', () => {
  const held = move(enter(emptyLedger, named('a', 0), 0, bytes), 'a', { to: 'deferred', at: 0, until: 5 })
  expect(dueOf(move(held, 'a', { to: 'sending', at: 5 }))).toBe(0)
  expect(dueOf(emptyLedger)).toBeNull()
})

test('the bytes of an offer are dropped when nothing can be done with it any more', () => {
  const sending = move(enter(emptyLedger, named('a', 0), 0, bytes), 'a', { to: 'sending', at: 0 })
  expect(sending.entries[0]!.offer).toEqual(bytes)
  expect(move(sending, 'a', { to: 'accepted', at: 1 }).entries[0]!.offer).toBeNull()
})

test('a refund gives back the reservation it was made for, and only once', () => {
  const contact = { at: 10, item: 'pack-s', category: 'packs', channel: 'push' }
  const other = { ...contact, item: 'pack-m' }
  const reserved = reserve(reserve(emptyLedger, other, 0), contact, 0)
  expect(refund(reserved, contact).contacts).toEqual([other])
  expect(refund(refund(reserved, contact), contact).contacts).toEqual([other])
})

test('what was reserved counts from the moment it went out', () => {
  const contact = { at: 10, item: 'pack-s', category: 'packs', channel: 'push' }
  const other = { ...contact, item: 'pack-m' }
  const reserved = reserve(reserve(emptyLedger, other, 0), contact, 0)
  expect(commit(reserved, contact, 50).contacts).toEqual([other, { ...contact, at: 50 }])
  expect(commit(refund(reserved, contact), contact, 50).contacts).toEqual([other])
})

test('a ledger of the first version is read, and what it sent was sent by push', () => {
  const past = { at: 10, item: 'pack-s', category: 'packs' }
  const entry = {
    id: 'a',
    sequence: 4,
    state: 'sending',
    reason: null,
    at: 10,
    until: null,
    device: 'phone',
    offer: bytes,
  }
  const first = codecOf<unknown>(firstLedgerSchema)
  for (const sequence of [-1, 0, 1, 4, 2 ** 40]) {
    const before = { sequence, contacts: sequence < 0 ? [] : [past], entries: sequence < 0 ? [] : [entry] }
    const ledger = ledgerCodec.decode(first.encode(before))
    expect(ledger.contacts).toEqual(before.contacts.map(each => ({ ...each, channel: 'push' })))
    expect(ledger.entries).toMatchObject(before.entries)
    expect(ledger.sequence).toBe(sequence)
    expect(ledgerCodec.decode(ledgerCodec.encode(ledger))).toEqual(ledger)
  }
})

test('a ledger of the second version is read, and has learned no hours', () => {
  const { hours: _, ...before } = enter(emptyLedger, named('a', 4), 10, bytes)
  const [{ hour: __, ...entry }] = before.entries as [Ledger['entries'][number]]
  const written = codecOf<unknown>(secondLedgerSchema).encode({ ...before, entries: [entry] }, 1)
  written[0] = 3
  const ledger = ledgerCodec.decode(written)
  expect(ledger).toEqual({ ...before, entries: [{ ...entry, hour: null }], hours: [] })
  const learned = { ...ledger, hours: [{ hour: 17, sent: 2, clicked: 1 }] }
  expect(ledgerCodec.decode(ledgerCodec.encode(learned))).toEqual(learned)
})

const at = fc.nat(1000).map(minutes => minutes * 60_000)
const channels = fc.uniqueArray(fc.constantFrom('push', 'email', 'webhook'), { minLength: 1 })
const fact: fc.Arbitrary<Fact> = fc.oneof(
  fc.record({ kind: fc.constant('bought' as const), customer: fc.constant('c'), at, item: fc.constantFrom('a', 'b') }),
  fc.record({ kind: fc.constant('unsubscribed' as const), customer: fc.constant('c'), at, channels }),
  fc.record({ kind: fc.constant('denied' as const), customer: fc.constant('c'), at, channels }),
)

test('a fact heard again changes nothing, not even its place in memory, and what is kept stays little', () => {
  fc.assert(
    fc.property(fc.array(fact, { maxLength: 60 }), facts => {
      let ledger: Ledger = emptyLedger
      for (const each of facts) {
        ledger = hear(ledger, each, 0)
        expect(hear(ledger, each, 0)).toBe(ledger)
        expect(ledger.bought.length).toBeLessThanOrEqual(16)
        expect(new Set(ledger.unsubscribed.map(({ channel }) => channel)).size).toBe(ledger.unsubscribed.length)
      }
      expect(ledgerCodec.decode(ledgerCodec.encode(ledger))).toEqual(ledger)
      // A day later no purchase is left, and whoever wanted no more still wants none.
      const later = forget(ledger, 3 * 24 * 60 * 60_000)
      expect(later.bought).toEqual([])
      expect(later.unsubscribed).toEqual(ledger.unsubscribed)
    }),
  )
})

test('a profile’s denial settles what the customer said before it, and nothing said later', () => {
  const said = { kind: 'unsubscribed', customer: 'c', at: 10, channels: ['push'] } as const
  const denied = (at: number) => ({ kind: 'denied', customer: 'c', at, channels: ['push'] }) as const
  expect(hear(hear(emptyLedger, said, 0), denied(11), 0).unsubscribed).toEqual([])
  expect(hear(hear(emptyLedger, said, 0), denied(9), 0).unsubscribed).toEqual([{ channel: 'push', at: 10 }])
  expect(hear(hear(emptyLedger, denied(9), 0), said, 0).unsubscribed).toEqual([{ channel: 'push', at: 10 }])
})
