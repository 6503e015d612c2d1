import type { CustomerEvent } from '@offerstream/contracts'
import { unit } from '@offerstream/contracts'
import { afterEach, describe, expect, test } from 'vitest'
import { learnedHours } from '../src/learned-hours.ts'
import { ledgerCodec } from '../src/ledger-codec.ts'
import { createQuietClock } from '../src/quiet-hours.ts'
import { countHour, type Hours, hoursOf } from '../src/response-hours.ts'
import type { SendHour } from '../src/send-hour.ts'
import { createRecorder, recorded } from './doubles/recorder.ts'
import { contact, createWorld, hour, noon, offer, until, type World } from './given.ts'

const clock = createQuietClock()
const flat = (rate: number): Hours =>
  Array.from({ length: 12 }, (_, at) => ({ hour: 9 + at, sent: 2000, clicked: 2000 * rate }))
const withRate = (at: number, clicked: number): Hours =>
  flat(0.1).map(each => (each.hour === at ? { ...each, clicked } : each))
const chosen = (cohort: Hours, own: Hours = [], change: Parameters<typeof offer>[0] = {}, zone = 'UTC') =>
  learnedHours(clock)(contact({ zone }), offer(change), noon, { own, cohort })

describe('the hour learned', () => {
  test('is unknown, which means now, until some hour had a hundred clicks to be expected', () => {
    const few = (sent: number): Hours => [{ hour: 19, sent, clicked: sent / 10 }]
    expect([chosen([]), chosen(few(990)), chosen(few(1010))]).toEqual([null, null, noon])
  })
  test('is one in which everybody clicks more, at a moment of the offer’s own within it', () => {
    const moments = Array.from({ length: 200 }, (_, at) => chosen(withRate(19, 300), [], { id: `o-${at}` })!)
    expect(moments.every(at => at >= noon + 7 * hour && at < noon + 8 * hour)).toBe(true)
    expect(new Set(moments.map(at => Math.floor(at / 600_000))).size).toBe(6)
    expect(chosen(withRate(19, 300))).toBe(chosen(withRate(19, 300)))
  })
  test('is by the clock on the customer’s wall, on days when that changes too', () => {
    expect(chosen(withRate(19, 300), [], {}, 'Asia/Tokyo')).toBeGreaterThanOrEqual(noon + 22 * hour)
    // Clocks go back in the night between.
    const before = Date.parse('2026-10-24T18:00:00Z')
    const asked = offer({ expiresAt: before + 48 * hour })
    const at = learnedHours(clock)(contact({ zone: 'Europe/Berlin' }), asked, before, {
      own: [],
      cohort: withRate(9, 300),
    })!
    expect(Math.floor(at / hour)).toBe(Date.parse('2026-10-25T08:00:00Z') / hour)
  })
  test('is now where that is as good, where it would be little better, and where the offer ends before', () => {
    expect(chosen(withRate(12, 300))).toBe(noon)
    expect(chosen(withRate(19, 220))).toBe(noon)
    expect(chosen(withRate(19, 300), [], { expiresAt: noon + 7.9 * hour })).toBe(noon)
  })
  test('is the best of those left before the offer ends', () => {
    const two = withRate(19, 400).map(each => (each.hour === 15 ? { ...each, clicked: 300 } : each))
    expect(chosen(two, [], { expiresAt: noon + 5 * hour })).toBeLessThan(noon + 4 * hour)
  })
  test('is the customer’s own once they clicked in it six times; two clicks move nobody', () => {
    const own = (clicked: number): Hours => [{ hour: 17, sent: clicked, clicked }]
    expect(chosen(flat(0.1), own(2))).toBe(noon)
    expect(Math.floor((chosen(flat(0.1), own(6))! - noon) / hour)).toBe(5)
    // And where everybody clicks they do so against their own habit.
    const never: Hours = [{ hour: 19, sent: 90, clicked: 0 }]
    expect(chosen(withRate(19, 300), never)).toBe(noon)
  })
  test('does not move for who clicks often, at any hour', () => {
    const often = flat(0.1).map(({ hour }) => ({ hour, sent: 4, clicked: 4 }))
    expect(chosen(flat(0.1), often)).toBe(noon)
  })
})

/** Weeks of offers at any hour from 9 to 21 to customers who click by their own habits: clicks and waits a push. */
function weeksOf(choose: SendHour, rateOf: (customer: number, hour: number) => number) {
  const customers = 200
  const own = Array.from({ length: customers }, (): Hours => [])
  let cohort: Hours = []
  let [clicks, waits, sent] = [0, 0, 0]
  for (let day = 0; day < 80; day++)
    for (let customer = 0; customer < customers; customer++) {
      const draw = (what: string) => unit(`${what}/${customer}/${day}`)
      const now = Date.parse('2026-06-01T00:00:00Z') + day * 24 * hour + (9 + Math.floor(draw('at') * 12)) * hour
      const made = offer({ id: `o-${customer}-${day}`, expiresAt: now + 24 * hour })
      const at = choose(contact({}), made, now, { own: own[customer]!, cohort }) ?? now
      const sentIn = clock.hourAt('UTC', at)!
      const isClicked = draw('click') < rateOf(customer, sentIn)
      for (const what of isClicked ? (['sent', 'clicked'] as const) : (['sent'] as const)) {
        own[customer] = countHour(own[customer]!, sentIn, what)
        cohort = countHour(cohort, sentIn, what)
      }
      // The first half is for learning.
      if (day < 40) continue
      sent++
      if (at > now) waits++
      if (isClicked) clicks++
    }
  return { clicks: clicks / sent, waits: waits / sent }
}

test('customers with hours of their own click more; where hours mean nothing hardly anybody is made to wait', () => {
  const habit = (customer: number, at: number) => (Math.abs(at - (customer % 2 === 0 ? 10 : 19)) <= 1 ? 0.35 : 0.08)
  const learned = weeksOf(learnedHours(clock), habit)
  const now = weeksOf((_contact, _offer, at) => at, habit)
  const idle = weeksOf(learnedHours(clock), () => 0.15)
  console.log(
    `hours learned: ${learned.clicks.toFixed(3)} clicks a push, ${now.clicks.toFixed(3)} without; ${learned.waits.toFixed(2)} wait, ${idle.waits.toFixed(2)} where hours mean nothing`,
  )
  expect(learned.clicks).toBeGreaterThan(1.5 * now.clicks)
  expect(idle.waits).toBeLessThan(0.08)
})

describe('what came of pushes is counted', () => {
  let world: World
  afterEach(() => world.end())
  const click = (id: string, customer: string) =>
    world.append('customer-events', customer, {
      journalledAt: noon,
      triggers: true,
      item: null,
      event: {
        ...({ type: 'engagement', kind: 'clicked', surface: 'push', item: null, interaction: null } as const),
        ...{ id: `${id}/clicked`, customer, at: world.clock.at, offer: id },
      },
    } satisfies CustomerEvent)
  const hours = async (customer: string): Promise<Hours> =>
    ledgerCodec.decode((await world.store.peek('push-dispatcher', 0, [customer]))[0]!).hours
  const ofAll = async () => hoursOf((await world.store.peekProgress('push-dispatcher', 0))!.counts)

  test('once each, through a restart; and then an offer waits for the hour in which customers click', async () => {
    world = await createWorld()
    const recorder = createRecorder(world.clock)
    const others = Array.from({ length: 10 }, (_, at) => `other-${at}`)
    await recorded(world, 'customer-1', ...others)
    const start = () =>
      world.start({ providers: [recorder], fetchPauseMs: 5, sendHour: learnedHours(createQuietClock(), 0.1) })
    let dispatcher = await start()
    const everybody = ['customer-1', ...others]
    const send = async (sequence: number, at: number) => {
      world.clock.at = at
      const change = { sequence, item: `item-${sequence}`, expiresAt: at + 24 * hour }
      await world.offers(...everybody.map(customer => offer({ id: `${customer}/${sequence}`, customer, ...change })))
      await until(
        () => recorder.taken.length,
        count => count === 11 * sequence,
      )
    }
    const clicked = async (sequence: number, inAll: number) => {
      for (const customer of everybody) await click(`${customer}/${sequence}`, customer)
      await click('customer-1/2', 'customer-1')
      await until(
        async () => {
          await dispatcher.hear()
          return dispatcher.counts()
        },
        counts => counts.clicked === inAll,
      )
    }
    await send(1, noon)
    await send(2, noon + 29 * hour)
    await clicked(2, 11)
    await dispatcher.stop()
    dispatcher = await start()
    await send(3, noon + 77 * hour)
    await clicked(3, 22)
    expect(await hours('customer-1')).toEqual([
      { hour: 12, sent: 1, clicked: 0 },
      { hour: 17, sent: 2, clicked: 2 },
    ])
    expect(await ofAll()).toEqual([
      { hour: 12, sent: 11, clicked: 0 },
      { hour: 17, sent: 22, clicked: 22 },
    ])

    const later = noon + 8 * 24 * hour
    world.clock.at = later
    const change = { item: 'item-4', sequence: 4, expiresAt: later + 24 * hour }
    await world.offers(
      offer({ id: 'waits', customer: 'customer-1', ...change }),
      offer({ id: 'ends', customer: 'other-1', ...change, expiresAt: later + 5 * hour }),
      offer({ id: 'receipt', customer: 'other-2', obligation: 'transactional', ...change }),
    )
    await until(
      () => world.deliveries(),
      found => ['waits deferred send-hour', 'ends accepted', 'receipt accepted'].every(each => found.includes(each)),
    )
    world.clock.at = later + 5 * hour - 1
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(recorder.taken.some(each => each.offer === 'waits')).toBe(false)
    world.clock.at = later + 6 * hour
    await until(
      () => recorder.taken.map(each => each.offer),
      found => found.includes('waits'),
    )
    // What must be sent says nothing of hours that are chosen.
    expect((await hours('other-2'))[0]).toEqual({ hour: 12, sent: 1, clicked: 0 })
  })
})
