import { defaultContactPolicy } from '@offerstream/catalogue'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Door, judge, keepsUntil } from '../src/door.ts'
import { type Contacted, emptyLedger, reserve } from '../src/ledger.ts'
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

test('a channel that was revoked is revoked for every category', () => {
  const facts = contact({ consent: { push: false, 'push/packs': true } })
  expect(judge(offer({}), emptyLedger, facts, door(), noon)).toMatchObject({ reason: 'no-consent' })
})

test('consent for the category is enough where the channel is not spoken of', () => {
  const facts = contact({ consent: { 'push/packs': true } })
  expect(judge(offer({}), emptyLedger, facts, door(), noon).kind).toBe('send')
})

test('in quiet hours an offer is held until they end, or until it expires if that is sooner', () => {
  const night = noon + 10 * hour
  const morning = noon + 20 * hour
  const held = (change: Parameters<typeof offer>[0], policy: Parameters<typeof door>[0] = {}) =>
    judge(offer({ expiresAt: noon + 30 * hour, ...change }), emptyLedger, contact({}), door(policy), night)
  expect(held({}, { releaseSpreadMinutes: 0 })).toEqual({ kind: 'hold', until: morning, reason: 'quiet-hours' })
  expect(held({ expiresAt: noon + 12 * hour })).toMatchObject({ until: noon + 12 * hour })
  expect(held({}, { cancelledWhenQuiet: ['plans'] })).toMatchObject({ kind: 'hold' })
})

test('in quiet hours an offer of a category that is cancelled then is dropped; what must be sent waits', () => {
  const judged = (change: Parameters<typeof offer>[0]) =>
    judge(offer(change), emptyLedger, contact({}), door({ cancelledWhenQuiet: ['packs'] }), noon + 10 * hour)
  expect(judged({})).toEqual({ kind: 'drop', state: 'suppressed', reason: 'quiet-hours' })
  expect(judged({ obligation: 'mandatory' })).toMatchObject({ kind: 'hold' })
})

test('what waited goes out at a moment of its own, the same each time, within the spread and before it expires', () => {
  const night = noon + 10 * hour
  const morning = noon + 20 * hour
  const releases = (expiresAt: number) =>
    Array.from({ length: 200 }, (_, at) => {
      const verdict = judge(offer({ id: `o-${at}`, expiresAt }), emptyLedger, contact({}), door(), night)
      return verdict.kind === 'hold' ? verdict.until : Number.NaN
    })
  const wide = releases(noon + 30 * hour)
  expect(wide).toEqual(releases(noon + 30 * hour))
  const minutes = new Set(wide.map(until => Math.floor((until - morning) / 60_000)))
  expect([...minutes].sort((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, minute) => minute))
  const narrow = releases(morning + 60_000)
  expect(narrow.every(until => until >= morning && until < morning + 60_000)).toBe(true)
  expect(new Set(narrow).size).toBeGreaterThan(150)
  expect(new Set(releases(morning))).toEqual(new Set([morning]))
})

test.each([
  ['go forward', '2026-03-28T23:30:00Z', '2026-03-29T06:00:00Z'],
  ['go back', '2026-10-24T22:30:00Z', '2026-10-25T07:00:00Z'],
])('in a night in which clocks %s it goes out from eight on the wall on, within the spread', (_, asked, eight) => {
  const now = Date.parse(asked)
  for (let at = 0; at < 50; at++) {
    const made = offer({ id: `o-${at}`, expiresAt: now + 48 * hour })
    const verdict = judge(made, emptyLedger, contact({ zone: 'Europe/Berlin' }), door(), now)
    const until = verdict.kind === 'hold' ? verdict.until : Number.NaN
    expect(until).toBeGreaterThanOrEqual(Date.parse(eight))
    expect(until).toBeLessThan(Date.parse(eight) + 15 * 60_000)
  }
})

const past = (change: Partial<Contacted>): Contacted => ({
  ...{ at: noon, item: 'other', category: 'plans', channel: 'push' },
  ...change,
})

const contacted = (...daysAgo: readonly number[]) =>
  daysAgo.reduce((ledger, ago) => reserve(ledger, past({ at: noon - ago * day, item: `other-${ago}` }), 0), emptyLedger)

test.each<[string, ReturnType<typeof contacted>, object, string | null]>([
  ['a push 23 hours ago', contacted(23 / 24), {}, 'minimum-gap'],
  ['a push exactly a day ago', contacted(1), {}, null],
  ['three pushes within seven days', contacted(6, 4, 2), {}, 'weekly-cap'],
  ['the third of them exactly seven days ago', contacted(7, 4, 2), {}, null],
  [
    'one of the category where one a week is the cap',
    reserve(emptyLedger, past({ at: noon - 2 * day, item: 'pack-m', category: 'packs' }), 0),
    { offersPerCategoryPerWeek: 1 },
    'category-cap',
  ],
  [
    'the same item six days ago',
    reserve(emptyLedger, past({ at: noon - 6 * day, item: 'pack-s' }), 0),
    {},
    'offered-before',
  ],
  [
    'two on the channel where two a week are its cap',
    contacted(6, 2),
    { offersPerChannelPerWeek: { push: 2 } },
    'channel-cap',
  ],
  ['two on another channel', contacted(6, 2), { offersPerChannelPerWeek: { email: 2 } }, null],
  ['the second of them exactly seven days ago', contacted(7, 2), { offersPerChannelPerWeek: { push: 2 } }, null],
  [
    'the same item twice within thirty days where twice is its cap',
    [8, 29].reduce((ledger, ago) => reserve(ledger, past({ at: noon - ago * day, item: 'pack-s' }), 0), emptyLedger),
    { offersPerItemPerMonth: 2 },
    'item-cap',
  ],
  [
    'the second of them exactly thirty days ago',
    [8, 30].reduce((ledger, ago) => reserve(ledger, past({ at: noon - ago * day, item: 'pack-s' }), 0), emptyLedger),
    { offersPerItemPerMonth: 2 },
    null,
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

describe('quiet hours go by the clock on the wall', () => {
  const hours = { fromHour: 22, toHour: 7 }
  const at = (text: string) => Date.parse(text)
  test.each([
    // 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00.
    ['when the clocks go forward', 'Europe/Berlin', '2026-03-28T23:30:00Z', '2026-03-29T05:00:00Z'],
    ['when they go back', 'Europe/Berlin', '2026-10-24T22:30:00Z', '2026-10-25T06:00:00Z'],
    ['when they go forward, in the south', 'America/Santiago', '2026-09-06T03:00:00Z', '2026-09-06T10:00:00Z'],
    ['where that is half an hour', 'Australia/Lord_Howe', '2026-10-03T15:00:00Z', '2026-10-03T20:00:00Z'],
    ['and back', 'Australia/Lord_Howe', '2026-04-04T14:45:00Z', '2026-04-04T20:30:00Z'],
    ['in a zone of half hours', 'Asia/Kolkata', '2026-05-01T00:20:00Z', '2026-05-01T01:30:00Z'],
    ['in a zone of three quarters', 'Asia/Kathmandu', '2026-05-01T00:20:00Z', '2026-05-01T01:15:00Z'],
    // 2024-03-01 00:00 became 2024-02-29 23:00.
    ['in a zone that moved', 'Asia/Almaty', '2024-02-29T17:30:00Z', '2024-03-01T02:00:00Z'],
    // There was no 2011-12-30 in Samoa.
    ['where a day was left out', 'Pacific/Apia', '2011-12-30T09:30:00Z', '2011-12-30T17:00:00Z'],
  ])('%s', (_, zone, asked, opens) => {
    expect(new Date(quiet.opensAt(hours, zone, at(asked))).toISOString()).toBe(new Date(opens).toISOString())
  })
  test('outside them it is now, and where they begin as they end there are none', () => {
    expect(quiet.opensAt(hours, 'UTC', at('2026-05-01T07:00:00Z'))).toBe(at('2026-05-01T07:00:00Z'))
    expect(quiet.opensAt({ fromHour: 9, toHour: 9 }, 'UTC', at('2026-05-01T09:30:00Z'))).toBe(
      at('2026-05-01T09:30:00Z'),
    )
  })
  const isQuiet = (zone: string, moment: number, { fromHour, toHour }: typeof hours) => {
    const text = new Date(moment).toLocaleTimeString('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' })
    const hour = Number(text.slice(0, 2))
    return fromHour < toHour ? hour >= fromHour && hour < toHour : hour >= fromHour || hour < toHour
  }
  test('what a phone that is off does not get before they begin it gets no more, unless it is transactional', () => {
    const [late, zone] = [at('2026-06-01T18:30:00Z'), 'Asia/Kolkata']
    const kept = (change: Parameters<typeof offer>[0], now = late) =>
      keepsUntil(offer({ expiresAt: noon + 24 * hour, ...change }), contact({ zone }), door(), now)
    expect(quiet.closesAt(hours, zone, late)).toBe(late)
    expect(quiet.closesAt(hours, zone, at('2026-06-01T10:00:00Z'))).toBe(at('2026-06-01T16:30:00Z'))
    expect(quiet.closesAt({ fromHour: 9, toHour: 9 }, zone, late)).toBe(Number.POSITIVE_INFINITY)
    // Nine in the evening there, by the policy.
    expect(kept({}, noon)).toBe(at('2026-06-02T15:30:00Z'))
    expect(kept({ obligation: 'mandatory' }, noon)).toBe(at('2026-06-02T15:30:00Z'))
    expect(kept({ obligation: 'transactional' }, noon)).toBe(noon + 24 * hour)
    expect(kept({ expiresAt: noon + hour }, noon)).toBe(noon + hour)
  })
  test('negative control: by UTC, or by winter’s clock in summer, they are broken', () => {
    const night = at('2026-06-01T23:00:00Z')
    expect(isQuiet('Europe/Berlin', quiet.opensAt(hours, 'Europe/Berlin', night), hours)).toBe(false)
    expect(isQuiet('Europe/Berlin', quiet.opensAt(hours, 'Etc/GMT-3', night), hours)).toBe(true)
    expect(isQuiet('America/New_York', quiet.opensAt(hours, 'UTC', night), hours)).toBe(true)
    expect(isQuiet('Australia/Lord_Howe', quiet.opensAt(hours, 'Etc/GMT-11', at('2026-06-01T15:00:00Z')), hours)).toBe(
      true,
    )
  })
  test('at every moment of a year around, as a look at the wall each minute would have it', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Africa/Casablanca']
    const moments = fc.oneof(
      fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2026-12-31T00:00:00Z') }),
      // Around the nights on which clocks change.
      ...['2026-03-08', '2026-03-29', '2026-04-05', '2026-10-04', '2026-10-25', '2026-11-01'].map(day =>
        fc.integer({ min: at(`${day}T00:00:00Z`) - 86_400_000, max: at(`${day}T00:00:00Z`) + 86_400_000 }),
      ),
    )
    fc.assert(
      fc.property(fc.constantFrom(...zones), moments, fc.nat(23), fc.nat(23), (zone, moment, fromHour, toHour) => {
        fc.pre(fromHour !== toHour)
        const span = { fromHour, toHour }
        const opens = quiet.opensAt(span, zone, moment)
        expect(isQuiet(zone, opens, span)).toBe(false)
        if (opens === moment) return
        expect(isQuiet(zone, moment, span)).toBe(true)
        for (let look = opens - 1; look > moment; look -= 17 * 60_000) expect(isQuiet(zone, look, span)).toBe(true)
      }),
      { numRuns: 150 },
    )
  })
})
