// No rolling window over any cap, whatever comes, fails, crashes or stays unknown: judged from what a provider was asked.

import { defaultContactPolicy } from '@offerstream/catalogue'
import { type ContactPolicy, type NextBestOffer, unit } from '@offerstream/contracts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withoutCaps } from '../../../tests/offers.ts'
import { allGuards, failPoints } from '../src/index.ts'
import { type Asked, createRecorder, type Recorder, recorded } from './doubles/recorder.ts'
import { createWorld, hour, noon, offer, until, type World } from './given.ts'

let world: World
let recorder: Recorder
beforeEach(async () => {
  world = await createWorld()
  recorder = createRecorder(world.clock)
})
afterEach(() => world.end())

const day = 24 * hour
const items = [
  { item: 'pack-s', category: 'packs' },
  { item: 'pack-m', category: 'packs' },
  { item: 'plan-l', category: 'plans' },
  { item: 'plan-m', category: 'plans' },
  { item: 'phone', category: 'phones' },
]
const customers = Array.from({ length: 16 }, (_, at) => `customer-${at}`)
const policy: ContactPolicy = {
  ...defaultContactPolicy,
  minimumGapMinutes: 6 * 60,
  offersPerWeek: 5,
  offersPerCategoryPerWeek: 3,
  offersPerChannelPerWeek: { push: 4 },
  offersPerItemPerMonth: 3,
  sameItemGapDays: 2,
  quietFromHour: 0,
  quietToHour: 0,
}
const noCaps: ContactPolicy = { ...policy, ...withoutCaps }

class Crash extends Error {
  override name = 'Crash'
}

type Run = { readonly seed: string; readonly steps: number; readonly crashes: number } & Parameters<World['start']>[0]

/** Weeks of random offers, refusals, lost answers and crashes; answers the offers, and how often it crashed. */
async function weeks(
  { seed, steps, crashes, ...change }: Run,
  playbook: ContactPolicy,
): Promise<{ readonly made: ReadonlyMap<string, NextBestOffer>; readonly crashed: number }> {
  let drawn = 0
  const draw = (): number => unit(`${seed}/${drawn++}`)
  const oneOf = <T>(some: readonly T[]): T => some[Math.floor(draw() * some.length)]!
  recorder.answer = () => {
    const chance = draw()
    if (chance < 0.15) return { kind: 'refused', reason: 'too-large' }
    return chance < 0.25 ? { kind: 'unknown', reason: 'timed-out' } : { kind: 'accepted' }
  }
  await world.append('playbook', 'default', { at: noon, body: playbook })
  await recorded(world, ...customers)
  const made = new Map<string, NextBestOffer>()
  const sequences = new Map<string, number>()
  const armed = { at: '', nth: 0 }
  let crashed = 0
  const start = () => {
    let gone = false
    return world.start({
      ...change,
      providers: [recorder],
      fetchPauseMs: 5,
      concurrency: 4,
      reach(point) {
        if (point === armed.at && --armed.nth <= 0) gone = true
        if (gone) throw new Crash(point)
      },
    })
  }
  let dispatcher = await start()
  for (let step = 0; step < steps; step++) {
    world.clock.at += Math.floor(draw() ** 2 * 30 * hour)
    if (draw() < crashes / steps) Object.assign(armed, { at: oneOf(failPoints), nth: 1 + Math.floor(draw() * 4) })
    const now = world.clock.at
    const batch: NextBestOffer[] = []
    for (const customer of customers.filter(() => draw() < 0.6)) {
      // Some share their number with the one before, or come twice at once: they do not replace each other.
      const sequence = (sequences.get(customer) ?? 0) + (draw() < 0.2 ? 0 : 1)
      sequences.set(customer, sequence)
      for (let twin = draw() < 0.15 ? 2 : 1; twin > 0; twin--)
        batch.push(
          offer({
            id: `o-${made.size + batch.length}`,
            customer,
            sequence,
            at: now,
            expiresAt: now + day,
            ...oneOf(items),
          }),
        )
    }
    for (const each of batch) made.set(each.id, each)
    await world.offers(...batch)
    for (;;) {
      const outcome = await Promise.race([
        dispatcher.done.then(
          () => 'stopped',
          () => 'crashed',
        ),
        until(
          () => dispatcher.counts(),
          found => found.total === made.size && found.decided + found.sending === 0,
        ),
      ])
      if (outcome !== 'crashed') break
      crashed++
      armed.at = ''
      dispatcher = await start()
    }
  }
  return { made, crashed }
}

/** Windows that hold too much, by the cap they break. */
function violations(taken: readonly Asked[], made: ReadonlyMap<string, NextBestOffer>, caps: ContactPolicy): string[] {
  const found: string[] = []
  for (const customer of customers) {
    const mine = taken.filter(each => each.device === `${customer}-phone`)
    const limit = (why: string, windowMs: number, most: number, same: (offer: NextBestOffer) => string): void => {
      for (const last of mine) {
        const group = same(made.get(last.offer)!)
        const within = mine.filter(
          each => each.at > last.at - windowMs && each.at <= last.at && same(made.get(each.offer)!) === group,
        )
        if (within.length > most) found.push(why)
      }
    }
    limit('gap', caps.minimumGapMinutes * 60_000, 1, () => '')
    limit('week', 7 * day, caps.offersPerWeek, () => '')
    limit('channel', 7 * day, caps.offersPerChannelPerWeek['push']!, each => each.channel)
    limit('category', 7 * day, caps.offersPerCategoryPerWeek, each => each.category)
    limit('item', 30 * day, caps.offersPerItemPerMonth, each => each.item)
    limit('same item', caps.sameItemGapDays * day, 1, each => each.item)
  }
  return found
}

test.each(['one', 'two'])(
  'through weeks of offers, refusals, lost answers and crashes no cap is broken (seed %s), and much is sent',
  async seed => {
    const { made, crashed } = await weeks({ seed, steps: 70, crashes: 15 }, policy)
    expect(crashed).toBeGreaterThan(5)
    expect(violations(recorder.taken, made, policy)).toEqual([])
    expect(recorder.asked.some(each => each.answer === 'refused')).toBe(true)
    // Four weeks, of at most four a week.
    expect(recorder.taken.length).toBeGreaterThan(customers.length * 8)
  },
)

test('negative control: without the caps in the playbook every one of them is broken', async () => {
  const { made } = await weeks({ seed: 'one', steps: 40, crashes: 0 }, noCaps)
  expect(new Set(violations(recorder.taken, made, policy))).toEqual(
    new Set(['gap', 'week', 'channel', 'category', 'item', 'same item']),
  )
})

test('negative control: sent before the cap is reserved, crashes break them', async () => {
  const guards = { ...allGuards, intentFirst: false }
  const { made } = await weeks({ seed: 'one', steps: 40, crashes: 30, guards }, policy)
  expect(violations(recorder.taken, made, policy)).toContain('gap')
})

test('a push that a provider kept waiting counts from when it went out, not from when it was meant to', async () => {
  await recorded(world, 'customer-0')
  const dispatcher = await world.start({ providers: [recorder], breakerResetMs: 20 })
  recorder.answer = () => ({ kind: 'unavailable', reason: 'answered-503', retryAfterMs: null })
  await world.offers(offer({ customer: 'customer-0', expiresAt: noon + 23 * hour }))
  await until(
    () => recorder.asked.length,
    count => count > 0,
  )
  world.clock.at = noon + 20 * hour
  recorder.answer = () => ({ kind: 'accepted' })
  await until(
    () => dispatcher.counts(),
    found => found.accepted === 1,
  )
  world.clock.at = noon + 25 * hour
  await world.offers(
    offer({ id: 'offer-2', customer: 'customer-0', sequence: 2, item: 'pack-m', expiresAt: noon + 30 * hour }),
  )
  await until(
    () => dispatcher.counts(),
    found => found.total === 2 && found.decided + found.sending === 0,
  )
  expect(await world.deliveries()).toContain('offer-2 suppressed minimum-gap')
})
