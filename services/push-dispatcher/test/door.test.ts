import { defaultContactPolicy } from '@offerstream/catalogue'
import { describe, expect, test } from 'vitest'
import { type Door, judge } from '../src/door.ts'
import { emptyLedger, reserve } from '../src/ledger.ts'
import { createQuietClock } from '../src/quiet-hours.ts'
import { contact, hour, noon, offer } from './given.ts'

const quiet = createQuietClock()
const door = (change: Partial<typeof defaultContactPolicy> = {}, killed: string | null = null): Door => ({
  policy: { ...defaultContactPolicy, ...change },
  killed: () => killed,
  quiet,
})
const day = 24 * hour

test('a fresh offer to a customer who consented goes out at noon', () => {
  expect(judge(offer({}), emptyLedger, contact({}), door(), noon)).toEqual({ kind: 'send' })
})

test.each<[string, Parameters<typeof judge>, object]>([
  [
    'an expired offer',
    [offer({ expiresAt: noon }), emptyLedger, contact({}), door(), noon],
    { state: 'expired', reason: 'expired' },
  ],
  [
    'an offer that a later one replaced',
    [offer({ sequence: 1 }), { ...emptyLedger, sequence: 2 }, contact({}), door(), noon],
    { state: 'superseded', reason: 'later-offer' },
  ],
  ['an unknown customer', [offer({}), emptyLedger, null, door(), noon], { state: 'suppressed', reason: 'no-consent' }],
  [
    'a customer who said nothing',
    [offer({}), emptyLedger, contact({ consent: {} }), door(), noon],
    { state: 'suppressed', reason: 'no-consent' },
  ],
  [
    'a customer who refused the category',
    [offer({}), emptyLedger, contact({ consent: { push: true, 'push/packs': false } }), door(), noon],
    { state: 'suppressed', reason: 'no-consent' },
  ],
  [
    'a kill switch',
    [offer({}), emptyLedger, contact({}), door({}, 'kill-switch-global'), noon],
    { state: 'suppressed', reason: 'kill-switch-global' },
  ],
  [
    'a time zone that does not exist',
    [offer({}), emptyLedger, contact({ zone: 'Mars/Olympus' }), door(), noon],
    { state: 'suppressed', reason: 'unknown-zone' },
  ],
])('%s is dropped', (_, given, wanted) => {
  expect(judge(...given)).toEqual({ kind: 'drop', ...wanted })
})

test('consent for the category is enough where the channel is not spoken of', () => {
  const facts = contact({ consent: { 'push/packs': true } })
  expect(judge(offer({}), emptyLedger, facts, door(), noon).kind).toBe('send')
})

test('in quiet hours an offer is held until they end, or until it expires if that is sooner', () => {
  const night = noon + 10 * hour
  const morning = noon + 20 * hour
  expect(judge(offer({ expiresAt: noon + 30 * hour }), emptyLedger, contact({}), door(), night)).toEqual({
    kind: 'hold',
    until: morning,
  })
  expect(judge(offer({ expiresAt: noon + 12 * hour }), emptyLedger, contact({}), door(), night)).toEqual({
    kind: 'hold',
    until: noon + 12 * hour,
  })
})

const contacted = (...daysAgo: readonly number[]) =>
  daysAgo.reduce(
    (ledger, ago) => reserve(ledger, { at: noon - ago * day, item: `other-${ago}`, category: 'plans' }, 0),
    emptyLedger,
  )

test.each<[string, ReturnType<typeof contacted>, object, string | null]>([
  ['a push 23 hours ago', contacted(23 / 24), {}, 'minimum-gap'],
  ['a push exactly a day ago', contacted(1), {}, null],
  ['three pushes within seven days', contacted(6, 4, 2), {}, 'weekly-cap'],
  ['the third of them exactly seven days ago', contacted(7, 4, 2), {}, null],
  [
    'one of the category where one a week is the cap',
    reserve(emptyLedger, { at: noon - 2 * day, item: 'pack-m', category: 'packs' }, 0),
    { offersPerCategoryPerWeek: 1 },
    'category-cap',
  ],
  [
    'the same item six days ago',
    reserve(emptyLedger, { at: noon - 6 * day, item: 'pack-s', category: 'packs' }, 0),
    {},
    'offered-before',
  ],
])('%s', (_, ledger, change, why) => {
  expect(judge(offer({}), ledger, contact({}), door(change), noon)).toEqual(
    why === null ? { kind: 'send' } : { kind: 'drop', state: 'suppressed', reason: why },
  )
})

describe('what must be sent', () => {
  const full = contacted(6, 4, 1 / 24)
  const night = noon + 10 * hour
  const judged = (change: Parameters<typeof offer>[0], consent: Record<string, boolean> = { push: true }, now = noon) =>
    judge(
      offer({ expiresAt: noon + 30 * hour, ...change }),
      { ...full, sequence: 9 },
      contact({ consent }),
      door(),
      now,
    )
  test('asks for no cap and gives way to no later offer', () => {
    expect(judged({ obligation: 'none' })).toMatchObject({ state: 'superseded' })
    expect(judged({ obligation: 'none', sequence: 9 })).toMatchObject({ reason: 'minimum-gap' })
    expect(judged({ obligation: 'mandatory' })).toEqual({ kind: 'send' })
    expect(judged({ obligation: 'transactional' })).toEqual({ kind: 'send' })
  })
  test('waits for the morning, unless it is transactional', () => {
    expect(judged({ obligation: 'mandatory' }, { push: true }, night)).toMatchObject({ kind: 'hold' })
    expect(judged({ obligation: 'transactional' }, { push: true }, night)).toEqual({ kind: 'send' })
  })
  test('needs consent, unless the law does not want it; an offer always does', () => {
    expect(judged({ obligation: 'mandatory' }, {})).toMatchObject({ reason: 'no-consent' })
    expect(judged({ obligation: 'mandatory', needsConsent: false }, {})).toEqual({ kind: 'send' })
    expect(judged({ sequence: 9, needsConsent: false }, {})).toMatchObject({ reason: 'no-consent' })
  })
  test('is stopped by the kill switch like anything', () =>
    expect(
      judge(offer({ obligation: 'transactional' }), emptyLedger, contact({}), door({}, 'kill-switch-global'), noon),
    ).toMatchObject({ reason: 'kill-switch-global' }))
})

test('quiet hours go by the wall, on the day the clocks go forward and on the day they go back', () => {
  const hours = { fromHour: 22, toHour: 7 }
  const at = (text: string) => Date.parse(text)
  // Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00.
  expect(quiet.opensAt(hours, 'Europe/Berlin', at('2026-03-28T23:30:00Z'))).toBe(at('2026-03-29T05:00:00Z'))
  expect(quiet.opensAt(hours, 'Europe/Berlin', at('2026-10-24T22:30:00Z'))).toBe(at('2026-10-25T06:00:00Z'))
  expect(quiet.opensAt(hours, 'Asia/Kathmandu', at('2026-05-01T00:20:00Z'))).toBe(at('2026-05-01T01:15:00Z'))
  expect(quiet.opensAt(hours, 'UTC', at('2026-05-01T07:00:00Z'))).toBe(at('2026-05-01T07:00:00Z'))
  expect(quiet.opensAt({ fromHour: 9, toHour: 9 }, 'UTC', at('2026-05-01T09:30:00Z'))).toBe(at('2026-05-01T09:30:00Z'))
})
