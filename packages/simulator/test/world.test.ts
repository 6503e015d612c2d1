import { avroCodec, type Records } from '@offerstream/contracts'
import { describe, expect, test } from 'vitest'
import {
  acceptanceOf,
  createWorld,
  customerRecords,
  events,
  latentsOf,
  type OperatorEvent,
  playbookRecords,
  react,
  reactLater,
  type WorldOptions,
} from '../src/index.ts'

const hour = 3_600_000
const day = 24 * hour
const start = Date.UTC(2026, 4, 4)
const small: WorldOptions = { seed: 7, customers: 200, start }

const played = (options: WorldOptions, until: number): OperatorEvent[] => [
  ...events(createWorld(options), start, until),
]

const bytes = (records: readonly OperatorEvent[]): string =>
  records.map(record => codecs[record.type].encode(record as never).toString('base64')).join('\n')

const codecs = {
  purchase: avroCodec('purchase'),
  purchase_retracted: avroCodec('purchase-retracted'),
  usage: avroCodec('usage'),
  engagement: avroCodec('engagement'),
  customer: avroCodec('customer'),
} satisfies Record<OperatorEvent['type'], unknown>

describe('events', () => {
  test('the same seed gives the same bytes, another seed does not', () => {
    const once = bytes(played(small, start + 2 * day))
    expect(bytes(played(small, start + 2 * day))).toBe(once)
    expect(bytes(played({ ...small, seed: 8 }, start + 2 * day))).not.toBe(once)
  })

  test('they come in order of time, within the range, each id once, for customers of the world', () => {
    const all = played(small, start + 10 * day)
    expect(all.length).toBeGreaterThan(10_000)
    expect(all.every((event, i) => i === 0 || event.at >= all[i - 1]!.at)).toBe(true)
    expect(all[0]!.at).toBeGreaterThanOrEqual(start)
    expect(all.at(-1)!.at).toBeLessThan(start + 10 * day)
    expect(new Set(all.map(event => event.id)).size).toBe(all.length)
    expect(new Set(all.map(event => event.customer)).size).toBe(small.customers)
  })

  test('a range cut in pieces says what the whole says, wherever the cuts fall', () => {
    const world = createWorld(small)
    const cuts = [start, start, start + 1, start + hour, start + hour + 1234, start + 9 * hour, start + 3 * day]
    const pieces = cuts.slice(1).flatMap((to, i) => [...events(world, cuts[i]!, to)])
    expect(bytes(pieces)).toBe(bytes(played(small, start + 3 * day)))
  })

  test('a reader who stops early goes on where it stopped', () => {
    const world = createWorld(small)
    const first: OperatorEvent[] = []
    for (const event of events(world, start, start + day)) {
      first.push(event)
      if (first.length === 777) break
    }
    const rest = [...events(world, world.state.at, start + day)]
    expect(bytes([...first, ...rest])).toBe(bytes(played(small, start + day)))
  })

  test('a world does not go back', () => {
    const world = createWorld(small)
    for (const _ of events(world, start, start + hour));
    expect(() => [...events(world, start, start + hour)]).toThrow(/already stands at/)
  })

  test('the shares are plausible: ten events a day each, most of them data, evenings above nights', () => {
    const options = { seed: 3, customers: 2_000, start }
    const all = played(options, start + 30 * day)
    const count = (is: (event: OperatorEvent) => boolean): number => all.filter(is).length
    const perDay = all.length / options.customers / 30
    expect(perDay).toBeGreaterThan(8)
    expect(perDay).toBeLessThan(12)
    expect(count(e => e.type === 'usage' && e.kind === 'data') / all.length).toBeCloseTo(0.6, 1)
    const atHour = (h: number): number => count(e => Math.floor(((e.at - start) % day) / hour) === h)
    expect(atHour(19)).toBeGreaterThan(4 * atHour(1))
    const changes = count(e => e.type === 'customer') / options.customers
    expect(changes).toBeGreaterThan(0.002)
    expect(changes).toBeLessThan(0.02)
    const bought = count(e => e.type === 'purchase') / options.customers
    expect(bought).toBeGreaterThan(0.1)
    expect(bought).toBeLessThan(1)
  })

  test('log need is normal with mean 1.6 and deviation 1.0, and usage follows it', () => {
    const world = createWorld({ seed: 5, customers: 4_000, start, activity: 0.2 })
    const needs = [...customerRecords(world)].map(record => latentsOf(world, record.customer).logNeed)
    const mean = needs.reduce((sum, x) => sum + x, 0) / needs.length
    const sd = Math.sqrt(needs.reduce((sum, x) => sum + (x - mean) ** 2, 0) / needs.length)
    expect(mean).toBeCloseTo(1.6, 1)
    expect(sd).toBeCloseTo(1.0, 1)
    const used = new Map<string, number>()
    for (const e of events(world, start, start + 30 * day))
      if (e.type === 'usage') used.set(e.customer, (used.get(e.customer) ?? 0) + e.dataKb)
    const names = [...used.keys()]
    const light = names.filter(name => latentsOf(world, name).logNeed < 0.6)
    const heavy = names.filter(name => latentsOf(world, name).logNeed > 2.6)
    const average = (list: string[]): number => list.reduce((sum, name) => sum + used.get(name)!, 0) / list.length
    expect(average(heavy)).toBeGreaterThan(5 * average(light))
  })

  test('overage is charged only beyond what plan and packages include', () => {
    const world = createWorld({ seed: 11, customers: 300, start })
    const quota = new Map(
      playbookRecords(world).flatMap(({ body }) => (body.type === 'item' ? [[body.name, body]] : [])),
    )
    const unlimited = new Set(
      [...customerRecords(world)].filter(c => quota.get(c.plan!)!.quotaKb === null).map(c => c.customer),
    )
    let charged = 0
    for (const e of events(world, start, start + 20 * day)) {
      if (e.type === 'customer') unlimited.delete(e.customer)
      if (e.type !== 'usage' || e.overageMinor === 0) continue
      charged++
      expect(unlimited.has(e.customer)).toBe(false)
    }
    expect(unlimited.size).toBeGreaterThan(0)
    expect(charged).toBeGreaterThan(0)
  })

  test('a retraction repeats what its purchase said', () => {
    const all = played({ seed: 2, customers: 3_000, start, activity: 0.1 }, start + 30 * day)
    const purchases = new Map(all.flatMap(e => (e.type === 'purchase' ? [[e.id, e]] : [])))
    const retractions = all.filter(e => e.type === 'purchase_retracted')
    expect(retractions.length).toBeGreaterThan(0)
    for (const { purchase, purchasedAt, item, priceMinor, at } of retractions) {
      expect(purchases.get(purchase)).toMatchObject({ at: purchasedAt, item, priceMinor })
      expect(at).toBeGreaterThan(purchasedAt)
    }
  })
})

test('no event, profile or playbook record carries anything of the oracle', () => {
  const world = createWorld(small)
  const { age: _, shift: __, ...latents } = world.population
  const names = new Set(Object.keys(latents))
  const hidden = new Set(Object.values(latents).flatMap(column => [...column]))
  const leaks = (value: unknown): boolean =>
    typeof value === 'number'
      ? hidden.has(value)
      : value !== null &&
        typeof value === 'object' &&
        // That a call was made abroad is an event's own; the latent of that name is a share.
        Object.entries(value).some(([name, inner]) => (names.has(name) && typeof inner !== 'boolean') || leaks(inner))
  const records: object[] = [
    ...customerRecords(world),
    ...playbookRecords(world),
    ...events(world, start, start + 5 * day),
  ]
  expect(records.filter(leaks)).toEqual([])
  expect(leaks({ ...records[0], score: { deep: world.population.inertia[17] } })).toBe(true)
  expect(leaks({ ...records[0], attention: 0.5 })).toBe(true)
})

test('the playbook holds fifteen plans, packages, rules, limits and control arms, and every record fits its schema', () => {
  const records = playbookRecords({ start })
  const of = (type: Records['playbook']['body']['type']) => records.filter(record => record.body.type === type)
  expect(of('item').filter(({ body }) => body.type === 'item' && body.kind === 'plan')).toHaveLength(15)
  expect(of('item').length).toBeGreaterThanOrEqual(27)
  expect(of('rule').length).toBeGreaterThan(0)
  expect(of('contact_policy')).toHaveLength(1)
  const [experiment] = of('experiment').map(({ body }) => body)
  if (experiment?.type !== 'experiment') throw new Error('no experiment')
  expect(experiment.arms.reduce((sum, arm) => sum + arm.share, 0)).toBeCloseTo(1, 12)
  const codec = avroCodec('playbook')
  for (const record of records) expect(codec.decode(codec.encode(record))).toEqual(record)
})

test('profiles carry plan, charge, consent, zone and devices, some without consent', () => {
  const world = createWorld(small)
  const profiles = [...customerRecords(world)]
  expect(profiles).toHaveLength(200)
  const consents = profiles.filter(profile => profile.consent['push']).length
  expect(consents).toBeGreaterThan(140)
  expect(consents).toBeLessThan(195)
  for (const profile of profiles) {
    expect(profile.devices.length).toBeGreaterThan(0)
    expect(profile.zone).toMatch(/^Europe\//)
    expect(profile.monthlyChargeMinor).toBeGreaterThan(0)
  }
  const shared = profiles.flatMap(profile => profile.devices)
  expect(new Set(shared).size).toBe(shared.length)
})

describe('answers to offers', () => {
  const lively: WorldOptions = { seed: 4, customers: 1_000, start, preset: 'lively' }
  const answers = (options: WorldOptions) => {
    const world = createWorld(options)
    return [...customerRecords(world)].map(({ customer }) =>
      react(world, { id: `offer-${customer}`, customer, item: 'data-5' }, start + 5),
    )
  }

  test('they hang on seed and offer alone', () => {
    expect(answers(lively)).toEqual(answers(lively))
    expect(answers({ ...lively, seed: 5 })).not.toEqual(answers(lively))
  })

  test('every kind occurs: displayed by all, opened by few, then bought, rejected or left', () => {
    const all = answers(lively)
    const share = (kind: string): number =>
      all.filter(answer => answer.engagements.some(e => e.kind === kind)).length / all.length
    expect(share('displayed')).toBe(1)
    expect(share('opened')).toBeGreaterThan(0.2)
    expect(share('opened')).toBeLessThan(0.5)
    expect(share('rejected')).toBeGreaterThan(0)
    const bought = all.filter(answer => answer.purchases.length > 0)
    expect(bought.length / all.length).toBe(share('clicked'))
    expect(bought.length).toBeGreaterThan(0)
    expect(share('opened')).toBeGreaterThan(share('clicked') + share('rejected'))
    for (const { purchases } of bought) expect(purchases[0]!.offer).toBe(`offer-${purchases[0]!.customer}`)
  })

  test('an offer shown twice is answered once', () => {
    const world = createWorld(lively)
    const offer = { id: 'o', customer: 'c0000003', item: 'flex-25' }
    expect(react(world, offer, start + 5)).toBe(react(world, offer, start + 60_000))
  })

  test('a changed plan stands in the profile and in what follows', () => {
    const world = createWorld(lively)
    const accepted = [...customerRecords(world)].find(({ customer }) => {
      const { purchases, customers } = react(world, { id: `p-${customer}`, customer, item: 'smart-10' }, start)
      if (purchases.length > 0) expect(customers[0]!.plan).toBe('smart-10')
      return purchases.length > 0
    })
    const now = [...customerRecords(world)].find(({ customer }) => customer === accepted!.customer)
    expect(now!.plan).toBe('smart-10')
    expect(acceptanceOf(world, now!.customer, 'smart-10')).toBe(0)
  })

  test('those whom the oracle says would accept do so more often', () => {
    const world = createWorld({ ...lively, customers: 4_000 })
    const bins = { low: [0, 0], high: [0, 0] }
    for (const { customer } of customerRecords(world)) {
      const bin = bins[acceptanceOf(world, customer, 'data-5') < 0.2 ? 'low' : 'high']
      const { engagements, purchases } = react(world, { id: `x-${customer}`, customer, item: 'data-5' }, start)
      if (engagements.length === 1) continue
      bin[0]!++
      bin[1]! += purchases.length
    }
    expect(bins.high[1]! / bins.high[0]!).toBeGreaterThan(2 * (bins.low[1]! / bins.low[0]!))
  })

  test('many offers in a row wear attention down', () => {
    const opened = (days: number): number => {
      const world = createWorld({ ...lively, customers: 1_500 })
      let count = 0
      for (const { customer } of customerRecords(world))
        for (let d = 0; d <= days; d++) {
          const { engagements } = react(world, { id: `${customer}-${d}`, customer, item: 'max-80' }, start + d * day)
          if (d === days && engagements.some(e => e.kind === 'opened')) count++
        }
      return count
    }
    expect(opened(6)).toBeLessThan(0.7 * opened(0))
  })

  test('answered later, the answer comes among the other events in order of time', () => {
    const world = createWorld(lively)
    for (const _ of events(world, start, start + hour));
    for (let i = 0; i < 50; i++)
      reactLater(world, { id: `l-${i}`, customer: `c00000${10 + i}`, item: 'data-2' }, start + hour + i * 1000)
    const all = [...events(world, start + hour, start + 2 * hour)]
    expect(all.filter(e => e.type === 'engagement' && e.kind === 'displayed')).toHaveLength(50)
    expect(all.every((event, i) => i === 0 || event.at >= all[i - 1]!.at)).toBe(true)
  })

  test('an unknown customer answers nothing, an unknown item is only displayed', () => {
    const world = createWorld(lively)
    expect(react(world, { id: 'a', customer: 'nobody', item: 'data-2' }, start).engagements).toEqual([])
    expect(
      react(world, { id: 'b', customer: 'c0000001', item: 'nothing' }, start).engagements.map(e => e.kind),
    ).toEqual(['displayed'])
  })
})
