// The judge on logs made by hand: an honest one, and one for each way to break a promise.
import { createHash } from 'node:crypto'
import { defaultContactPolicy } from '@offerstream/catalogue'
import type { ContactPolicy, KillSwitch, NextBestOffer, PlaybookRecord } from '@offerstream/contracts'
import type { PushEvent } from '@offerstream/stack'
import { expect, test } from 'vitest'
import { packOffer } from '../../../tests/offers.ts'
import { judgePushes, type PushHistory, type PushViolations } from '../src/push-judge.ts'

const second = 1000
const hour = 3600 * second
const day = 24 * hour
/** A Tuesday, two in the afternoon in Berlin. */
const noon = Date.parse('2026-06-02T12:00:00Z')

const offer = (id: string, change: Partial<NextBestOffer> = {}): NextBestOffer =>
  packOffer({ id, customer: 'customer-1', at: noon, expiresAt: noon + 60 * day, ...change })
const profile = (at: number, change: Partial<PushHistory['customers'][number]> = {}) => ({
  customer: 'customer-1',
  at,
  consent: { push: true },
  zone: 'UTC',
  ...change,
})
const wide: ContactPolicy = {
  ...defaultContactPolicy,
  minimumGapMinutes: 0,
  offersPerWeek: 100,
  offersPerCategoryPerWeek: 100,
  offersPerItemPerMonth: 100,
  offersPerChannelPerWeek: {},
  sameItemGapDays: 0,
  quietFromHour: 22,
  quietToHour: 8,
}
const policy = (change: Partial<ContactPolicy> = {}, at = noon - day): PlaybookRecord => ({
  at,
  body: { ...wide, ...change },
})
const stop = (at: number, change: Partial<KillSwitch> = {}): PlaybookRecord => ({
  at,
  body: { type: 'kill_switch', name: 'stop', scope: 'global', target: null, on: true, ...change },
})

/** The log of offers that were accepted and shown at these moments, in this order. */
const logOf = (...pushes: readonly (readonly [string, number, replaced?: boolean])[]): PushEvent[] =>
  pushes.flatMap(([id, at, replaced = false], message): PushEvent[] => {
    const topic = createHash('sha256').update(id).digest('base64url').slice(0, 32)
    return [
      { event: 'accepted', at, device: 'phone', message, topic, ttl: 60 },
      { event: 'shown', at: at + 1, device: 'phone', message, offer: id, topic, replaced, payload: {} },
    ]
  })

function judged(change: Partial<PushHistory>): Record<string, number> {
  const found: PushViolations = judgePushes({
    events: [],
    offers: [offer('a'), offer('b'), offer('c')],
    customers: [profile(noon - day)],
    playbook: [policy()],
    withinMs: second,
    ...change,
  })
  return Object.fromEntries(
    Object.entries(found)
      .filter(([, cases]) => cases.length > 0)
      .map(([kind, cases]) => [kind, cases.length]),
  )
}

test('pushes by the rules break none', () => {
  expect(judged({ events: logOf(['a', noon], ['b', noon + hour], ['c', noon + day]) })).toEqual({})
})

test.each<[string, Partial<ContactPolicy>, number]>([
  ['gap', { minimumGapMinutes: 60 }, hour],
  ['week', { offersPerWeek: 1 }, 7 * day],
  ['category', { offersPerCategoryPerWeek: 1 }, 7 * day],
  ['channel', { offersPerChannelPerWeek: { push: 1 } }, 7 * day],
  ['item', { offersPerItemPerMonth: 1 }, 30 * day],
  ['same item', { sameItemGapDays: 3 }, 3 * day],
])('a %s is broken a millisecond before the window has passed, not after', (_, change, windowMs) => {
  // Quiet hours are another test's.
  const open = { quietFromHour: 0, quietToHour: 0 }
  const at = (ms: number) =>
    judged({ playbook: [policy({ ...change, ...open })], events: logOf(['a', noon], ['b', ms]) })
  expect(at(noon + windowMs - 1)).toEqual({ caps: 1 })
  expect(at(noon + windowMs)).toEqual({})
})

test('what must be sent fills no cap', () => {
  const offers = [offer('a', { obligation: 'mandatory' }), offer('b')]
  const events = logOf(['a', noon], ['b', noon + 1])
  expect(judged({ offers, events, playbook: [policy({ offersPerWeek: 1 })] })).toEqual({})
})

test('quiet hours are those of the customer’s wall, the zone of the time among them', () => {
  const late = Date.parse('2026-06-02T21:30:00Z')
  const events = logOf(['a', late])
  expect(judged({ events })).toEqual({})
  expect(judged({ events, customers: [profile(noon - day, { zone: 'Europe/Berlin' })] })).toEqual({ quietHours: 1 })
  expect(judged({ events, customers: [profile(noon - day, { zone: 'Nowhere/City' })] })).toEqual({ quietHours: 1 })
  const receipt = [offer('a', { obligation: 'transactional' })]
  expect(judged({ events, offers: receipt, customers: [profile(noon - day, { zone: 'Europe/Berlin' })] })).toEqual({})
})

test.each([
  // Clocks go from two to three on 29 March, from three to two on 25 October.
  ['2026-03-29T05:59:00Z', 1],
  ['2026-03-29T06:00:02Z', 0],
  ['2026-03-28T06:59:00Z', 1],
  ['2026-03-28T07:00:02Z', 0],
  ['2026-10-25T06:59:00Z', 1],
  ['2026-10-25T07:00:02Z', 0],
  ['2026-10-24T05:59:00Z', 1],
  ['2026-10-24T06:00:02Z', 0],
])('on days that clocks change too: a push at %s in Berlin', (at, count) => {
  const when = Date.parse(at)
  const found = judgePushes({
    events: logOf(['a', when]),
    offers: [offer('a', { expiresAt: when + day })],
    customers: [profile(0, { zone: 'Europe/Berlin' })],
    playbook: [policy({}, 0)],
    withinMs: second,
  })
  expect(found.quietHours).toHaveLength(count)
})

test('a revocation binds within the time, not before; so does one of the category; nobody known is nobody who consents', () => {
  const revoked = profile(noon, { consent: { push: false } })
  const customers = [profile(noon - day), revoked]
  expect(judged({ customers, events: logOf(['a', noon + second - 2]) })).toEqual({})
  expect(judged({ customers, events: logOf(['a', noon + second]) })).toEqual({ consent: 1 })
  const category = [profile(noon - day), profile(noon, { consent: { push: true, 'push/packs': false } })]
  expect(judged({ customers: category, events: logOf(['a', noon + second]) })).toEqual({ consent: 1 })
  expect(judged({ customers: [], events: logOf(['a', noon]) })).toEqual({ consent: 1 })
  expect(judged({ customers: [...customers, profile(noon + hour)], events: logOf(['a', noon + hour]) })).toEqual({})
})

test('an offer shown after it expired', () => {
  const offers = [offer('a', { expiresAt: noon })]
  expect(judged({ offers, events: logOf(['a', noon - 1]) })).toEqual({})
  expect(judged({ offers, events: logOf(['a', noon + second]) })).toEqual({ expiry: 1 })
})

test('a kill switch binds what it names within the time, until it is taken back', () => {
  const events = logOf(['a', noon + second])
  expect(judged({ events: logOf(['a', noon + second - 1]), playbook: [policy(), stop(noon)] })).toEqual({})
  expect(judged({ events, playbook: [policy(), stop(noon)] })).toEqual({ killSwitch: 1 })
  expect(judged({ events, playbook: [policy(), stop(noon - hour), stop(noon, { on: false })] })).toEqual({})
  for (const [scope, target, count] of [
    ['item', 'pack-s', 1],
    ['item', 'pack-m', 0],
    ['campaign', 'allowance-used', 1],
    ['campaign', 'event-1', 1],
    ['provider', 'web-push', 1],
    ['provider', 'fcm', 0],
  ] as const)
    expect(judged({ events, playbook: [policy(), stop(noon, { scope, target })] })).toEqual(
      count === 0 ? {} : { killSwitch: count },
    )
})

test('accepted twice, and shown twice unless it took the place of the first', () => {
  expect(judged({ events: logOf(['a', noon], ['a', noon + 1]) })).toEqual({ acceptedTwice: 1, shownTwice: 1 })
  const replaced = logOf(['a', noon], ['a', noon + 1, true])
  expect(judged({ events: replaced })).toEqual({ acceptedTwice: 1 })
  expect(judged({ events: replaced, atLeastOnce: ['packs'] })).toEqual({})
})

test('a message that a browser’s service worker took counts as shown', () => {
  const events = logOf(['a', noon]).slice(0, 1)
  events.push({ event: 'acknowledged', at: noon + 1, device: 'browser', message: 0, code: 100 })
  expect(judged({ events, offers: [offer('a', { expiresAt: noon - hour })] })).toEqual({ expiry: 1 })
})
