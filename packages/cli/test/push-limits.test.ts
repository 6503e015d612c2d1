// Week-ends on which clocks change, with offers, revocations, kill switches, refusals, lost answers and crashes,
// judged from what devices were sent and showed. Each control turns one guard off, and the judge names what that breaks
// and nothing else.
import { type ContactPolicy, type NextBestOffer, unit } from '@offerstream/contracts'
import { allGuards, type DispatcherOptions, failPoints, type Provider } from '@offerstream/push-dispatcher'
import type { PushBehaviour } from '@offerstream/stack'
import { beforeAll, expect, test } from 'vitest'
import { withoutCaps } from '../../../tests/offers.ts'
import type { PushViolations } from '../src/push-judge.ts'
import { offerOf, openPushing, type Pushing, profileOf, type Told } from './pushing.ts'

const hour = 60 * 60 * 1000
const day = 24 * hour

/** Clocks on walls in Berlin go from two to three on the second day of the one, from three to two on that of the other. */
const [march, october] = [Date.parse('2026-03-28T00:00:00Z'), Date.parse('2026-10-24T00:00:00Z')]
/** Hours of UTC after the beginning of a week-end. */
const stops = [11, 19.4, 20.6, 29.7, 30.6, 36, 43.2, 44.2, 47.5, 55, 60]

/** Behind UTC, ahead of it, by half an hour too, and with summer time of one hour and of half an hour. */
const zones = ['Europe/Berlin', 'Europe/London', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe']
const customers = Array.from({ length: 40 }, (_, at) => ({ name: `c-${at}`, zone: zones[at % zones.length]! }))
const items = ['pack-s', 'pack-m', 'plan-l', 'plan-m', 'phone']
const categoryOf = (item: string): string => item.split('-')[0]!
/** Plans are sent at least once, all else at most once. */
const atLeastOnce = ['plan']

const policy: Partial<ContactPolicy> = {
  minimumGapMinutes: 90,
  offersPerWeek: 6,
  offersPerCategoryPerWeek: 3,
  offersPerChannelPerWeek: { push: 5 },
  offersPerItemPerMonth: 2,
  sameItemGapDays: 1,
  quietFromHour: 21,
  quietToHour: 8,
  cancelledWhenQuiet: ['phone'],
  releaseSpreadMinutes: 30,
}

/** What the provider does to the first pushes of each stop, in turn. */
const faults: readonly PushBehaviour[] = [
  { answer: 'reset-after-accept', times: 2 },
  { answer: 413, times: 2 },
  { answer: 503, times: 2 },
  { answer: 'reset-after-accept', times: 2 },
  { answer: 'reset' },
]

type Off = {
  readonly told?: Told
  readonly dispatcher?: Partial<DispatcherOptions>
  readonly provider?: (webPush: Provider<'web-push'>, pushing: () => Pushing) => Provider<'web-push'>
  /** Any of them without. */
  readonly crashesAt?: readonly string[]
}

/** Answers what was broken over a week-end, once all offers have come to an end. */
async function weekendOf(
  start: number,
  seed: string,
  { told, dispatcher, provider, crashesAt = failPoints }: Off = {},
) {
  let drawn = 0
  const draw = (): number => unit(`${seed}/${drawn++}`)
  const oneOf = <T>(some: readonly T[]): T => some[Math.floor(draw() * some.length)]!
  const pushing: Pushing = await openPushing({
    start: start + stops[0]! * hour,
    atLeastOnce,
    ...(told === undefined ? {} : { told }),
    ...(dispatcher === undefined ? {} : { dispatcher }),
    ...(provider === undefined ? {} : { provider: webPush => provider(webPush, () => pushing) }),
  })
  const sequences = new Map<string, number>()
  const make = (): NextBestOffer => {
    const { name } = oneOf(customers)
    const sequence = (sequences.get(name) ?? 0) + 1
    sequences.set(name, sequence)
    const item = oneOf(items)
    const { at } = pushing.clock
    return offerOf(`o-${pushing.offers.length}-${name}-${sequence}`, name, at, {
      sequence,
      item,
      category: categoryOf(item),
      expiresAt: at + Math.floor((1 + draw() * 30) * hour),
      obligation: draw() < 0.03 ? 'transactional' : 'none',
      trigger: { kind: oneOf(['daily-sale', 'allowance-used']), event: 'event', at },
    })
  }
  try {
    const profile = ({ name, zone }: (typeof customers)[number], push = true) =>
      profileOf(name, pushing.clock.at, { zone, consent: { push } })
    for (const { name } of customers)
      for (const which of ['phone', 'tablet']) await pushing.device(name, `${name}-${which}`)
    await pushing.customers(...customers.map(each => profile(each)))
    await pushing.policy(policy)
    for (const [stop, hours] of stops.entries()) {
      await pushing.leap(start + hours * hour)
      pushing.push.script(faults[stop % faults.length]!)
      if (stop % 2 === 0) pushing.crashAt(oneOf(crashesAt), 1 + Math.floor(draw() * 4))
      await pushing.offer(...Array.from({ length: 40 }, make))
      if (stop === 1) await pushing.customers(...customers.filter(() => draw() < 0.3).map(each => profile(each, false)))
      if (stop === 2) await pushing.killSwitch({ name: 'no-phones', scope: 'item', target: 'phone' })
      if (stop === 5) await pushing.killSwitch()
      if (stop === 6) await pushing.killSwitch({ on: false })
      if (stop === 6) pushing.push.unsubscribe(`${oneOf(customers).name}-phone`)
      if (stop === 8) await pushing.customers(...customers.map(each => profile(each)))
      await pushing.settled()
      // What is due by now goes out.
      await new Promise(resolve => setTimeout(resolve, 300))
      await pushing.settled()
      pushing.push.script(null)
    }
    await pushing.leap(start + 5 * day)
    let counts = await pushing.settled()
    for (const end = performance.now() + 10_000; counts.deferred > 0 && performance.now() < end; ) {
      await new Promise(resolve => setTimeout(resolve, 50))
      counts = await pushing.settled()
    }
    const { total, decided, deferred, sending, ...ends } = counts
    expect({ total, decided, deferred, sending }).toEqual({
      total: pushing.offers.length,
      decided: 0,
      deferred: 0,
      sending: 0,
    })
    expect(Object.values(ends).reduce((sum, count) => sum + count, 0)).toBe(pushing.offers.length)
    const arrived = new Set(pushing.push.accepted.map(each => each.topic)).size
    return { violations: pushing.judged(), ends, arrived, crashes: pushing.crashes }
  } finally {
    await pushing.end()
  }
}

/** What a wall that never heard of summer time shows; zones of half hours as they are. */
const withoutSummer: Readonly<Record<string, string>> = { 'Europe/Berlin': 'Etc/GMT-1', 'Europe/London': 'UTC' }
const withoutWinter: Readonly<Record<string, string>> = { 'Europe/Berlin': 'Etc/GMT-2', 'Europe/London': 'Etc/GMT-1' }
const zonesAs = (other: Readonly<Record<string, string>>): Off => ({
  told: { customer: each => ({ ...each, zone: other[each.zone] ?? each.zone }) },
})

/** Whatever is unknown is tried at the next device. */
const unknownGoesOn: Off = {
  provider: (webPush, pushing) => ({
    ...webPush,
    async send(request, signal) {
      const answer = await webPush.send(request, signal)
      const offer = pushing().offers.find(({ id }) => id === request.message.offer)!
      const isFor = atLeastOnce.includes(offer.category)
      return answer.kind === 'unknown' && isFor ? { kind: 'doubtful', reason: answer.reason } : answer
    },
  }),
}

/** Whatever is unknown is called refused. */
const unknownIsNo: Off = {
  provider: webPush => ({
    ...webPush,
    async send(request, signal) {
      const answer = await webPush.send(request, signal)
      return answer.kind === 'unknown' ? { kind: 'refused', reason: answer.reason } : answer
    },
  }),
}

const noCaps: Off = {
  told: {
    policy: each => ({ ...each, ...withoutCaps }),
  },
}

const noIntent: Off = { dispatcher: { guards: { ...allGuards, intentFirst: false } }, crashesAt: ['after-send'] }

const runs: readonly (readonly [string, number])[] = [
  ['spring', march],
  ['autumn', october],
]
const controls: readonly (readonly [string, keyof PushViolations, Off, number?])[] = [
  ['caps', 'caps', noCaps],
  ['quiet hours', 'quietHours', { told: { policy: each => ({ ...each, quietFromHour: 0, quietToHour: 0 }) } }],
  ['summer time', 'quietHours', zonesAs(withoutSummer)],
  ['winter time', 'quietHours', zonesAs(withoutWinter), october],
  ['revocations', 'consent', { told: { customer: each => (each.consent['push'] === false ? null : each) } }],
  ['expiry', 'expiry', { told: { offer: each => ({ ...each, expiresAt: each.expiresAt + 3 * day }) } }],
  ['kill switches', 'killSwitch', { told: { killSwitch: () => null } }],
  ['the intent before the call', 'acceptedTwice', noIntent],
  ['an end at what is unknown', 'shownTwice', unknownGoesOn],
]

// They mostly wait, so they do it together.
let found: readonly PromiseSettledResult<Awaited<ReturnType<typeof weekendOf>>>[] = []
beforeAll(async () => {
  found = await Promise.allSettled([
    ...runs.map(([name, start]) => weekendOf(start, name)),
    ...controls.map(([, , off, start = march]) => weekendOf(start, 'spring', off)),
    // Without a crash, after which whatever is under way is unknown.
    weekendOf(march, 'spring', { ...unknownIsNo, crashesAt: [''] }),
  ])
}, 120_000)
const foundAt = (place: number) => {
  const result = found[place]!
  if (result.status === 'rejected') throw result.reason
  return result.value
}

test.each(runs.map(([name], place) => [name, place] as const))(
  'no promise is broken on the week-end in %s on which clocks change, through refusals, lost answers, revocations, switches and crashes',
  (name, place) => {
    const { violations, ends, arrived, crashes } = foundAt(place)
    console.log(`week-end in ${name}: ${arrived} pushes accepted, ${crashes} crashes, ${JSON.stringify(ends)}`)
    expect(violations).toEqual({})
    expect(arrived).toBeGreaterThan(30)
    // What a device has and the ledger does not know of is unknown.
    expect(arrived).toBeGreaterThanOrEqual(ends.accepted)
    expect(arrived).toBeLessThanOrEqual(ends.accepted + ends.unknown)
    expect(crashes).toBeGreaterThan(1)
    for (const state of ['accepted', 'suppressed', 'expired', 'superseded', 'unknown'] as const)
      expect(ends[state], state).toBeGreaterThan(0)
  },
)

test.each(controls.map(([guard, kind], place) => [guard, kind, runs.length + place] as const))(
  'negative control: without %s the judge finds %s alone',
  (_, kind, place) => {
    expect(Object.keys(foundAt(place).violations)).toEqual([kind])
  },
)

test('negative control: where a lost answer means no, devices have more than the ledger counts', () => {
  const { ends, arrived } = foundAt(runs.length + controls.length)
  expect(arrived).toBeGreaterThan(ends.accepted + ends.unknown)
})
