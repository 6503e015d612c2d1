import type { Customer } from '@offerstream/contracts'
import { type Plan, packages, plans } from './catalogue.ts'
import type { OperatorEvent } from './events.ts'
import { type Parameters, type Preset, presets } from './parameters.ts'
import { createPopulation, type Population, purposeFirstPlan, purposeProfile } from './population.ts'
import { createRandom } from './random.ts'
import type { Reaction } from './react.ts'
import { planUtility } from './utility.ts'

const day = 24 * 60 * 60 * 1000

/** One simulated operator. `events` and `react` move its state; the rest never changes. */
export type World = {
  readonly seed: number
  readonly customers: number
  /** Milliseconds since the epoch. */
  readonly start: number
  readonly parameters: Parameters
  readonly population: Population
  /** Names by number. */
  readonly names: readonly string[]
  readonly numbers: ReadonlyMap<string, number>
  readonly profiles: readonly Profile[]
  readonly state: State
}

/** The part of a profile that stays as it is. */
type Profile = Pick<
  Customer,
  'customerSince' | 'bindingEndsAt' | 'bundle' | 'ageBand' | 'zone' | 'locale' | 'consent' | 'devices'
>

/** Where the world stands. */
type State = {
  /** Everything before this moment has happened. */
  at: number
  /** Generated, not yet handed out, in order of time. */
  pending: OperatorEvent[]
  /** The first of them that is still to be handed out. */
  next: number
  hoursPlayed: number
  /** To happen later, in order of time: second thoughts about a purchase, answers to offers. */
  scheduled: OperatorEvent[]
  readonly plan: Int8Array
  /** Recurring package by number, -1 for none. */
  readonly recurring: Int8Array
  readonly cycleEndsAt: Float64Array
  readonly reconsidersAt: Float64Array
  /** This month's need, kilobytes. */
  readonly needKb: Float64Array
  readonly usedKb: Float64Array
  /** Bought on top of the plan for this cycle. */
  readonly extraKb: Float64Array
  readonly extraSeconds: Float64Array
  readonly usedSeconds: Float64Array
  /** Beyond the quota in this cycle: kilobytes and seconds. */
  readonly overKb: Float64Array
  readonly overSeconds: Float64Array
  /** 1 when the customer would rather pay overage than buy another package in this cycle. */
  readonly declined: Uint8Array
  /** Decayed count of offers shown, and when it was last counted. */
  readonly shown: Float64Array
  readonly shownAt: Float64Array
  /** The newest answers by offer. */
  readonly answers: Map<string, Reaction>
  /** Events named so far per customer; makes ids. */
  readonly named: Uint32Array
}

export type WorldOptions = {
  readonly seed: number
  readonly customers: number
  readonly start: number
  /** `standard` unless told. */
  readonly preset?: Preset
  /** Multiplies how much everybody does; about ten events per customer and day at 1. */
  readonly activity?: number
}

export function createWorld(options: WorldOptions): World {
  const { seed, customers, start, preset = 'standard', activity = 1 } = options
  const parameters = presets[preset]
  const population = createPopulation(seed, customers, parameters)
  for (let i = 0; i < customers; i++) population.activity[i]! *= activity
  const names = Array.from({ length: customers }, (_, i) => `c${String(i).padStart(7, '0')}`)
  const world: World = {
    seed,
    customers,
    start,
    parameters,
    population,
    names,
    numbers: new Map(names.map((name, i) => [name, i])),
    profiles: names.map((name, i) => profileOf(seed, start, parameters, population, name, i)),
    state: {
      at: start,
      pending: [],
      next: 0,
      hoursPlayed: 0,
      scheduled: [],
      plan: new Int8Array(customers),
      recurring: new Int8Array(customers).fill(-1),
      cycleEndsAt: new Float64Array(customers),
      reconsidersAt: new Float64Array(customers),
      needKb: new Float64Array(customers),
      usedKb: new Float64Array(customers),
      extraKb: new Float64Array(customers),
      extraSeconds: new Float64Array(customers),
      usedSeconds: new Float64Array(customers),
      overKb: new Float64Array(customers),
      overSeconds: new Float64Array(customers),
      declined: new Uint8Array(customers),
      shown: new Float64Array(customers),
      shownAt: new Float64Array(customers).fill(start),
      answers: new Map(),
      named: new Uint32Array(customers),
    },
  }
  const random = createRandom()
  for (let i = 0; i < customers; i++) settle(world, i, random.seed(seed, i, purposeFirstPlan))
  return world
}

/** Every customer's profile as it stands now. */
export function* customerRecords(world: World): Generator<Customer> {
  for (let i = 0; i < world.customers; i++) yield customerRecord(world, i, world.state.at)
}

export function customerRecord(world: World, customer: number, at: number): Customer {
  const plan = plans[world.state.plan[customer]!]!
  return {
    type: 'customer',
    id: `${world.names[customer]!}/profile/${at.toString(36)}`,
    customer: world.names[customer]!,
    at,
    plan: plan.item.name,
    monthlyChargeMinor: plan.item.priceMinor,
    currency: plan.item.currency,
    brand: plan.item.brand,
    segment: null,
    ...world.profiles[customer]!,
  }
}

export function nextId(world: World, customer: number): string {
  return `${world.names[customer]!}/${(world.state.named[customer]!++).toString(36)}`
}

/** The first plan is a choice of long ago: the same utility under a need since grown, with noise. */
function settle(world: World, customer: number, random: ReturnType<typeof createRandom>): void {
  const { population, parameters, state } = world
  const need = population.logNeed[customer]!
  population.logNeed[customer] = need - 0.4 + 0.4 * random.normal()
  let best = 0
  let highest = Number.NEGATIVE_INFINITY
  plans.forEach((plan: Plan, j) => {
    const gumbel = -Math.log(-Math.log(Math.max(random.next(), 1e-12)))
    const value = planUtility(population, parameters, customer, plan) + 0.4 * gumbel
    if (value > highest) {
      highest = value
      best = j
    }
  })
  population.logNeed[customer] = need
  state.plan[customer] = best
  if (random.next() < 0.12) {
    const held = recurringPackages[Math.floor(random.next() * recurringPackages.length)]!
    state.recurring[customer] = packages.indexOf(held)
    state.extraKb[customer] = held.quotaKb ?? 0
    state.extraSeconds[customer] = (held.minutes ?? 0) * 60
  }
  // Cycles began at any moment of the past month; the first is joined part way.
  state.cycleEndsAt[customer] = world.start + random.next() * 30 * day
  state.reconsidersAt[customer] = world.start - (Math.log(1 - random.next()) * 30 * day) / parameters.reconsiderShare
  const left = (state.cycleEndsAt[customer]! - world.start) / (30 * day)
  state.needKb[customer] = Math.exp(need + parameters.monthNoiseSd * random.normal()) * 1024 * 1024
  const quota = plans[best]!.item.quotaKb ?? Number.POSITIVE_INFINITY
  state.usedKb[customer] = Math.min(quota, state.needKb[customer]! * (1 - left))
}

const recurringPackages = packages.filter(item => item.recurring)

const zones = ['Europe/Berlin', 'Europe/Berlin', 'Europe/Berlin', 'Europe/Lisbon', 'Europe/Athens'] as const

function profileOf(
  seed: number,
  start: number,
  parameters: Parameters,
  population: Population,
  name: string,
  customer: number,
): Profile {
  const random = createRandom().seed(seed, customer, purposeProfile)
  const tenureDays = 7 + Math.floor(1800 * random.next() ** 1.5)
  const bindingDays = Math.floor(-365 + 730 * random.next())
  const age = population.age[customer]!
  const push = random.next() < parameters.consentShare
  const devices = Array.from({ length: random.next() < 0.2 ? 2 : 1 }, (_, d) => `${name}-${d + 1}`)
  return {
    customerSince: start - tenureDays * day,
    bindingEndsAt: Math.max(start - tenureDays * day, start + bindingDays * day),
    bundle: random.next() < 0.3,
    ageBand: ageBands.find(([to]) => age < to)![1],
    zone: zones[Math.floor(random.next() * zones.length)]!,
    locale: 'en',
    consent: { push },
    devices,
  }
}

const ageBands: readonly (readonly [number, string])[] = [
  [25, '18-24'],
  [35, '25-34'],
  [45, '35-44'],
  [55, '45-54'],
  [65, '55-64'],
  [Number.POSITIVE_INFINITY, '65+'],
]
