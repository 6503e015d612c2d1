import { type CustomerEvent, defaults } from '@offerstream/contracts'
import { memoryStore, openTopic } from '@offerstream/streaming'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { allGuards, type Dispatcher } from '../src/index.ts'
import { newsFailPoints, serviceName } from '../src/setup.ts'
import { createWorld, hour, noon, offer, profile, until, type World } from './given.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.end())

type Event = CustomerEvent['event']
const stamp = (known: boolean): CustomerEvent['item'] => ({
  ...defaults.ItemStamp,
  known,
  kind: 'package',
  category: 'packs',
})
/** What intake would have journalled. */
const journal = async (...events: readonly (Event & { readonly customer: string })[]): Promise<void> => {
  for (const event of events)
    await world.append('customer-events', event.customer, {
      journalledAt: noon,
      triggers: true,
      item: event.type === 'purchase' ? stamp(event.item !== 'unheard-of') : null,
      event,
    } satisfies CustomerEvent)
}
type Kind = Extract<Event, { type: 'engagement' }>['kind']
const engaged = (kind: Kind, of = 'offer-1', customer = 'customer-1', at = noon + 1000) => ({
  ...({ type: 'engagement', id: `${of}/${kind}`, surface: 'push', item: 'pack-s', interaction: null } as const),
  ...{ customer, at, kind, offer: of },
})
const bought = (item = 'pack-s', at = noon + 1000, customer = 'customer-1') => ({
  ...({ type: 'purchase', id: `purchase-${item}-${at}`, quantity: 1, priceMinor: 500, currency: 'EUR' } as const),
  ...{ customer, at, item, channel: 'app', offer: null },
})

const countsOf = (dispatcher: Dispatcher, wanted: object) =>
  until(
    () => dispatcher.counts(),
    found => Object.entries(wanted).every(([state, count]) => (found as Record<string, number>)[state] === count),
  )

/** As soon as the partition is the dispatcher's. */
const heard = (dispatcher: Dispatcher, wanted: object) =>
  until(
    async () => {
      await dispatcher.hear()
      return dispatcher.counts()
    },
    found => Object.entries(wanted).every(([state, count]) => (found as Record<string, number>)[state] === count),
  )

describe('what devices report', () => {
  const accepted = async () => {
    await world.customers('customer-1')
    const dispatcher = await world.start()
    await world.offers(offer({}))
    await countsOf(dispatcher, { accepted: 1 })
    return dispatcher
  }

  test('moves an offer on without being asked to look, once however often it is said, each step with its delivery', async () => {
    const dispatcher = await accepted()
    await journal(engaged('displayed'), engaged('displayed'))
    await countsOf(dispatcher, { displayed: 1, accepted: 0, total: 1 })
    await journal(engaged('opened'), engaged('clicked'), engaged('clicked'), engaged('displayed'))
    await countsOf(dispatcher, { clicked: 1, displayed: 0, total: 1 })
    await journal(engaged('clicked'))
    expect(await dispatcher.hear()).toBe(false)
    const steps = ['sending', 'accepted', 'displayed', 'clicked']
    expect(await world.deliveries()).toEqual(steps.map(each => `offer-1 ${each}`))
  })

  test('is heard at once by whoever asks; what is clicked was displayed', async () => {
    const dispatcher = await accepted()
    await journal(engaged('clicked'))
    expect(await dispatcher.hear()).toBe(true)
    expect(await dispatcher.counts()).toMatchObject({ clicked: 1, total: 1 })
    expect((await world.deliveries()).slice(-2)).toEqual(['offer-1 displayed', 'offer-1 clicked'])
  })

  test('of an offer that was not sent, or that nobody made, changes nothing', async () => {
    const dispatcher = await world.start()
    await world.offers(offer({ customer: 'stranger' }))
    await countsOf(dispatcher, { suppressed: 1 })
    await journal(engaged('clicked', 'offer-1', 'stranger'), engaged('displayed', 'nobodys', 'stranger'))
    expect(await dispatcher.hear()).toBe(false)
    expect(await dispatcher.counts()).toMatchObject({ suppressed: 1, total: 1 })
  })

  test('shows that an offer arrived whose fate was unknown', async () => {
    await world.customers('customer-1')
    world.push.script({ answer: 'reset-after-accept' })
    const dispatcher = await world.start()
    await world.offers(offer({}))
    await countsOf(dispatcher, { unknown: 1 })
    await journal(engaged('displayed'))
    await dispatcher.hear()
    expect(await dispatcher.counts()).toMatchObject({ displayed: 1, unknown: 0, total: 1 })
  })

  test('is in the ledger again though the store lost it, by the deliveries', async () => {
    const first = await accepted()
    await journal(engaged('clicked'))
    await first.hear()
    await first.stop()
    const subscribe: World['log']['subscribe'] = (group, topics, member, options) =>
      world.log.subscribe(
        group,
        topics,
        { ...member, assigned: (topic, partition) => member.assigned(topic, partition, null) },
        options,
      )
    const owner = await world.start({ store: memoryStore(), log: { ...world.log, subscribe } })
    await countsOf(owner, { clicked: 1, total: 1 })
    expect(world.push.accepted.length).toBe(1)
  })
})

describe('an offer whose item was bought meanwhile', () => {
  const morning = noon + 21 * hour
  const heldOvernight = async () => {
    await world.customers('customer-1')
    world.clock.at = noon + 10 * hour
    const dispatcher = await world.start()
    await world.offers(offer({}))
    await countsOf(dispatcher, { deferred: 1 })
    return dispatcher
  }

  test('is taken where it waits, at once', async () => {
    const dispatcher = await heldOvernight()
    await journal(bought())
    await dispatcher.hear()
    expect(await dispatcher.counts()).toMatchObject({ taken: 1, deferred: 0, total: 1 })
    world.clock.at = morning
    await new Promise(resolve => setTimeout(resolve, 400))
    expect(world.push.accepted).toEqual([])
    expect(await world.deliveries()).toEqual(['offer-1 deferred quiet-hours', 'offer-1 taken bought'])
  })

  test.each<[string, ReturnType<typeof bought>]>([
    ['another item', bought('pack-m')],
    ['the item before the trigger', bought('pack-s', noon - 1)],
    ['the item, as the trigger itself', bought('pack-s', noon)],
    ['by somebody else', bought('pack-s', noon + 1000, 'customer-2')],
  ])('negative control: it goes out where what was bought is %s', async (_, purchase) => {
    const dispatcher = await heldOvernight()
    await journal(purchase)
    await dispatcher.hear()
    world.clock.at = morning
    await countsOf(dispatcher, { accepted: 1 })
  })

  test('is taken though the purchase was heard before the offer came, and after a restart', async () => {
    await world.customers('customer-1')
    const first = await world.start()
    await journal(bought())
    await until(
      () => world.store.size(serviceName, 0),
      size => size === 1,
    )
    await first.stop()
    const dispatcher = await world.start()
    await world.offers(offer({}))
    await countsOf(dispatcher, { taken: 1 })
    expect(world.push.accepted).toEqual([])
  })

  test('a purchase is forgotten after a day, and with it a customer of whom there is nothing else', async () => {
    const dispatcher = await world.start()
    await journal(bought(), bought('unheard-of'))
    await until(
      () => world.store.size(serviceName, 0),
      size => size === 1,
    )
    world.clock.at = noon + 25 * hour
    await until(
      () => world.store.size(serviceName, 0),
      size => size === 0,
    )
    await journal(bought())
    expect(await dispatcher.hear()).toBe(false)
  })

  test('a notice that must be sent goes all the same', async () => {
    await world.customers('customer-1')
    await journal(bought())
    const dispatcher = await world.start()
    await world.offers(offer({ obligation: 'mandatory' }))
    await countsOf(dispatcher, { accepted: 1 })
  })
})

/** Freezes an owner between intent and call; meanwhile something comes into the journal; then it wakes. */
async function frozenWhile(happens: () => Promise<void>, recheck = true): Promise<Dispatcher> {
  await world.customers('customer-1')
  await world.offers(offer({}))
  const reached = Promise.withResolvers<void>()
  const thaw = Promise.withResolvers<void>()
  const dispatcher = await world.start({
    guards: { ...allGuards, recheck },
    reach: async point => {
      if (point !== 'before-send') return
      reached.resolve()
      await thaw.promise
    },
  })
  await reached.promise
  await happens()
  await new Promise(resolve => setTimeout(resolve, 600))
  thaw.resolve()
  return dispatcher
}

test.each<[string, () => Promise<void>]>([
  ['bought', () => journal(bought())],
  ['unsubscribed', () => journal(engaged('unsubscribed'))],
])('just before it is sent an offer is stopped by what the journal says: %s', async (reason, happens) => {
  const dispatcher = await frozenWhile(happens)
  await countsOf(dispatcher, { rejected: 1, total: 1 })
  expect(await world.deliveries()).toEqual(['offer-1 sending', `offer-1 rejected ${reason}`])
  // Named by a device it would read as a push that failed there, which sets off another offer.
  const deliveries = await openTopic(world.registry, 'deliveries')
  for await (const messages of world.log.read('deliveries', 0, 1))
    for (const { value } of messages) expect(deliveries.codec.decode(value!).device).toBeNull()
  expect(world.push.accepted).toEqual([])
})

test('negative control: without the check it is sent though it was bought', async () => {
  const dispatcher = await frozenWhile(() => journal(bought()), false)
  await countsOf(dispatcher, { accepted: 1 })
})

describe('a customer who wants no more', () => {
  const next = (number: number, change: Parameters<typeof offer>[0] = {}) =>
    offer({ id: `offer-${number}`, sequence: number, item: `pack-${number}`, category: `c-${number}`, ...change })
  const profileOf = async (at: number, push: boolean) => {
    const value = profile('customer-1', { at, consent: { push } })
    await world.append('customers', 'customer-1', value)
    await journal(value)
  }

  test('gets none from then on, whatever the company’s profile says, until that has said no itself', async () => {
    await world.customers('customer-1')
    const dispatcher = await world.start()
    await journal(engaged('unsubscribed'))
    await world.offers(next(1))
    await countsOf(dispatcher, { suppressed: 1 })
    await profileOf(noon + 2 * hour, true)
    await world.offers(next(2))
    await countsOf(dispatcher, { suppressed: 2 })
    expect(await world.deliveries()).toEqual(['offer-1 suppressed unsubscribed', 'offer-2 suppressed unsubscribed'])
    await profileOf(noon + 3 * hour, false)
    await profileOf(noon + 4 * hour, true)
    await dispatcher.hear()
    await world.offers(next(3))
    await countsOf(dispatcher, { accepted: 1, suppressed: 2 })
  })

  test('a profile from before says nothing about it', async () => {
    await world.customers('customer-1')
    const dispatcher = await world.start()
    await journal(engaged('unsubscribed'), profile('customer-1', { at: noon, consent: {} }))
    await world.offers(next(1))
    await countsOf(dispatcher, { suppressed: 1 })
  })

  test('of one channel is not asked about another; of a place that is none it is all of them', async () => {
    await world.customers('customer-1', 'customer-2')
    const dispatcher = await world.start()
    await journal(
      { ...engaged('unsubscribed'), surface: 'email' },
      { ...engaged('unsubscribed', 'x', 'customer-2'), surface: 'other' },
    )
    await world.offers(next(1), next(2, { customer: 'customer-2' }))
    await countsOf(dispatcher, { accepted: 1, suppressed: 1 })
    expect(world.push.received.map(each => each.offer)).toEqual(['offer-1'])
  })

  test('still gets what the law wants sent without asking', async () => {
    await world.customers('customer-1')
    const dispatcher = await world.start()
    await journal(engaged('unsubscribed'))
    await world.offers(next(1, { obligation: 'mandatory', needsConsent: false }), next(2, { obligation: 'mandatory' }))
    await countsOf(dispatcher, { accepted: 1, suppressed: 1 })
  })
})

describe('a crash', () => {
  const customers = Array.from({ length: 6 }, (_, at) => `customer-${at}`)
  class Crash extends Error {}
  const reported = async () => {
    await world.customers(...customers)
    await world.offers(...customers.map((customer, at) => offer({ id: `o-${at}`, customer })))
    const first = await world.start()
    await countsOf(first, { accepted: 6 })
    await first.stop()
    await journal(...customers.map((customer, at) => engaged('displayed', `o-${at}`, customer)))
  }
  const crashAt = async (point: string, nth: number, newsTogether = true) => {
    let seen = 0
    const old = await world
      .start({
        guards: { ...allGuards, newsTogether },
        reach: reached => {
          if (reached === point && ++seen >= nth) throw new Crash(point)
        },
      })
      .catch(error => ({ done: Promise.reject(error) }))
    await expect(old.done).rejects.toThrow(Crash)
  }

  test.each(newsFailPoints)('at %s loses no report and counts none twice', async point => {
    await reported()
    await crashAt(point, 1)
    const owner = await world.start()
    await heard(owner, { displayed: 6, accepted: 0, total: 6 })
    const displayed = (await world.deliveries()).filter(each => each.endsWith(' displayed'))
    expect(new Set(displayed).size).toBe(6)
    // The outbox of a save may be published once more, under the same cause.
    expect(displayed.length).toBeLessThanOrEqual(point === 'news-published' ? 12 : 6)
  })

  test('negative control: where how far was read is saved first, what was said is lost', async () => {
    await reported()
    await crashAt('before-news', 2, false)
    const owner = await world.start()
    await until(
      () => world.store.peekProgress(serviceName, 0),
      progress => progress?.counts.get('journal-read') === 6,
    )
    await new Promise(resolve => setTimeout(resolve, 1500))
    expect(await owner.counts()).toMatchObject({ displayed: 0, accepted: 6 })
  })
})

test('the counts add up at every save, whatever is heard', async () => {
  const customers = Array.from({ length: 40 }, (_, at) => `customer-${at}`)
  await world.customers(...customers)
  const dispatcher = await world.start()
  let looks = 0
  let going = true
  const looking = (async () => {
    while (going) {
      const counts = (await world.store.peekProgress(serviceName, 0))?.counts ?? new Map<string, number>()
      let sum = 0
      for (const [name, count] of counts) if (name.startsWith('ledger/')) sum += count
      expect(sum).toBe(counts.get('applied') ?? 0)
      looks++
      await new Promise(resolve => setImmediate(resolve))
    }
  })()
  for (let round = 0; round < 4; round++) {
    const mine = customers.slice(round * 10, round * 10 + 10)
    await world.offers(...mine.map(customer => offer({ id: `o-${customer}`, customer })))
    await journal(...mine.slice(0, 5).map(customer => engaged('clicked', `o-${customer}`, customer)))
    await journal(...mine.slice(5).map(customer => bought('pack-s', noon + 1000, customer)))
    await dispatcher.hear()
  }
  await countsOf(dispatcher, { total: 40, decided: 0, sending: 0 })
  going = false
  await looking
  expect(looks).toBeGreaterThan(20)
  const { clicked, taken, accepted, rejected, displayed } = await dispatcher.counts()
  expect(clicked + displayed + taken + accepted + rejected).toBe(40)
})
