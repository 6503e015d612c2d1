import type { Customer, Engagement, Purchase, PurchaseRetracted, Usage } from '@offerstream/contracts'
import { kbPerGb, packages, plans } from './catalogue.ts'
import { purposeCycle, purposeReconsider } from './population.ts'
import { createRandom, type Random } from './random.ts'
import { planUtility, sigmoid } from './utility.ts'
import { customerRecord, nextId, type World } from './world.ts'

export type OperatorEvent = Purchase | PurchaseRetracted | Usage | Engagement | Customer

const hour = 60 * 60 * 1000
const day = 24 * hour

/**
 * What happens from `from` up to `to`, in order of time. The world moves along: `from` may lie ahead (what lies between
 * happens unseen), never behind. Cut anywhere, the pieces say what the whole would have said.
 */
export function* events(world: World, from: number, to: number): Generator<OperatorEvent> {
  const { state } = world
  if (from < state.at)
    throw new RangeError(`events from ${from} were asked of a world that already stands at ${state.at}; create it anew`)
  while (state.at < to) {
    const hourEnd = world.start + state.hoursPlayed * hour
    if (state.at >= hourEnd) {
      state.pending = playHour(world, state.hoursPlayed++)
      state.next = 0
      continue
    }
    const end = Math.min(hourEnd, to)
    for (;;) {
      const mine = state.pending[state.next]
      const later = state.scheduled[0]
      let event: OperatorEvent
      // What was scheduled meanwhile (an answer to an offer) takes its place among the hour's events.
      if (later !== undefined && later.at < end && (mine === undefined || later.at < mine.at)) {
        state.scheduled.shift()
        event = later
      } else if (mine !== undefined && mine.at < end) {
        state.next++
        event = mine
      } else break
      // Kept up to date here, so that a reader who stops early can go on later.
      state.at = Math.max(state.at, event.at)
      if (event.at >= from) yield event
    }
    state.at = end
  }
}

/** Puts an event among those to come. */
export function schedule(world: World, event: OperatorEvent): void {
  const list = world.state.scheduled
  let i = list.length
  while (i > 0 && list[i - 1]!.at > event.at) i--
  list.splice(i, 0, event)
}

/** Share of a day's doings by local hour; sums to 24. */
const hourProfile = normalized([
  0.3, 0.15, 0.1, 0.08, 0.1, 0.25, 0.6, 1.0, 1.2, 1.1, 1.1, 1.2, 1.4, 1.3, 1.1, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.0, 1.5,
  0.8,
])

function playHour(world: World, slot: number): OperatorEvent[] {
  const { population, parameters, state, seed } = world
  const slotStart = world.start + slot * hour
  const slotEnd = slotStart + hour
  const random = createRandom()
  const rates = parameters.eventsPerDay
  const perDay = rates.data + rates.voice + rates.text + rates.app + rates.interaction
  const hours = localHours(slotStart)
  const out: OperatorEvent[] = []
  for (let i = 0; i < world.customers; i++) {
    if (state.cycleEndsAt[i]! < slotEnd) renew(world, i, out)
    while (state.reconsidersAt[i]! < slotEnd) reconsider(world, i, out)
    const local = (hours[world.profiles[i]!.zone]! + population.shift[i]! + 24) % 24
    random.seed(seed, i, slot)
    const count = random.poisson((perDay / 24) * population.activity[i]! * hourProfile[local]!)
    if (count === 0) continue
    if (count === 1) {
      happen(world, i, slotStart + Math.floor(random.next() * hour), perDay, random, out)
      continue
    }
    const times = Array.from({ length: count }, () => slotStart + Math.floor(random.next() * hour)).sort(
      (a, b) => a - b,
    )
    for (const at of times) happen(world, i, at, perDay, random, out)
  }
  return out.sort((a, b) => a.at - b.at)
}

function happen(world: World, i: number, at: number, perDay: number, random: Random, out: OperatorEvent[]): void {
  const rates = world.parameters.eventsPerDay
  const u = random.next() * perDay
  const voiceFrom = rates.data
  const textFrom = voiceFrom + rates.voice
  const appFrom = textFrom + rates.text
  const contactFrom = appFrom + rates.app
  if (u < voiceFrom) useData(world, i, at, random, out)
  else if (u < textFrom) call(world, i, at, random, out)
  else if (u < appFrom) out.push(usage(world, i, at, 'text', 0, 0, 1, 0, false))
  else if (u < contactFrom) out.push(engagement(world, i, at, 'app_opened', 'app_home', null))
  else {
    const kind = interactions[Math.floor(random.next() * interactions.length)]!
    out.push(engagement(world, i, at, 'interaction', 'call_centre', kind))
  }
}

const engagement = (
  world: World,
  i: number,
  at: number,
  kind: Engagement['kind'],
  surface: Engagement['surface'],
  interaction: string | null,
): Engagement => ({
  type: 'engagement',
  id: nextId(world, i),
  customer: world.names[i]!,
  at,
  kind,
  surface,
  offer: null,
  item: null,
  interaction,
})

const interactions = ['question', 'question', 'technical', 'complaint', 'cancellation']

function useData(world: World, i: number, at: number, random: Random, out: OperatorEvent[]): void {
  const { state, population, parameters } = world
  const plan = plans[state.plan[i]!]!.item
  const perMonth = 30 * parameters.eventsPerDay.data * population.activity[i]!
  const size = Math.max(1, Math.round((state.needKb[i]! / perMonth) * Math.exp(0.9 * random.normal() - 0.405)))
  const roaming = random.next() < 0.1 * population.roaming[i]!
  if (plan.quotaKb === null) {
    out.push(usage(world, i, at, 'data', size, 0, 0, 0, roaming))
    return
  }
  let over = state.usedKb[i]! + size - plan.quotaKb - state.extraKb[i]!
  if (over > 0 && state.declined[i] === 0) {
    const bought = topUp(world, i, at, random, out)
    if (bought) over = state.usedKb[i]! + size - plan.quotaKb - state.extraKb[i]!
    else state.declined[i] = 1
  }
  let overage = 0
  if (over > 0) {
    // Charged by the running total, so that the parts add up to the bill.
    const beyond = Math.min(size, over)
    const before = Math.floor((state.overKb[i]! * plan.overageMinorPerGb) / kbPerGb)
    state.overKb[i]! += beyond
    overage = Math.floor((state.overKb[i]! * plan.overageMinorPerGb) / kbPerGb) - before
  }
  state.usedKb[i]! += size
  out.push(usage(world, i, at, 'data', size, 0, 0, overage, roaming))
}

/** The quota ran out: buy the cheapest one-time package that lasts to the end of the cycle, or none. */
function topUp(world: World, i: number, at: number, random: Random, out: OperatorEvent[]): boolean {
  const { state, population, parameters } = world
  const willing = sigmoid(
    Math.log(parameters.packageShare / (1 - parameters.packageShare)) - Math.log(population.sensitivity[i]!),
  )
  if (random.next() >= willing) return false
  const left = Math.max(0.5 * kbPerGb, (state.needKb[i]! * (state.cycleEndsAt[i]! - at)) / (30 * day))
  const item = oneTime.find(candidate => candidate.quotaKb! >= left) ?? oneTime.at(-1)!
  state.extraKb[i]! += item.quotaKb!
  const bought = purchase(world, i, at, item.name, item.priceMinor, random.next() < 0.8 ? 'app' : 'web', null)
  out.push(bought)
  if (random.next() < parameters.retractShare) {
    const { type: _, id, at: purchasedAt, offer: __, ...said } = bought
    schedule(world, {
      ...said,
      type: 'purchase_retracted',
      id: nextId(world, i),
      at: at + Math.floor((1 + 47 * random.next()) * hour),
      purchase: id,
      purchasedAt,
    })
  }
  return true
}

const oneTime = packages.filter(item => item.serviceType === 'mobile-data' && !item.recurring)

function call(world: World, i: number, at: number, random: Random, out: OperatorEvent[]): void {
  const { state, population } = world
  const plan = plans[state.plan[i]!]!.item
  // One call in twelve is not answered.
  const seconds = random.next() < 1 / 12 ? 0 : Math.max(1, Math.round(120 * Math.exp(random.normal())))
  const roaming = random.next() < 0.1 * population.roaming[i]!
  state.usedSeconds[i]! += seconds
  let overage = 0
  if (plan.minutes !== null) {
    const beyond = Math.min(seconds, Math.max(0, state.usedSeconds[i]! - plan.minutes * 60 - state.extraSeconds[i]!))
    const before = Math.floor((state.overSeconds[i]! * plan.overageMinorPerMinute) / 60)
    state.overSeconds[i]! += beyond
    overage = Math.floor((state.overSeconds[i]! * plan.overageMinorPerMinute) / 60) - before
  }
  out.push(usage(world, i, at, 'voice', 0, seconds, 0, overage, roaming))
}

/** A billing cycle ends: allowances begin anew and a recurring package is paid for again, or dropped. */
function renew(world: World, i: number, out: OperatorEvent[]): void {
  const { state, population, parameters, seed } = world
  const at = Math.floor(state.cycleEndsAt[i]!)
  const random = createRandom().seed(seed ^ Math.floor(at / day), i, purposeCycle)
  state.cycleEndsAt[i]! += 30 * day
  state.needKb[i] = Math.exp(population.logNeed[i]! + parameters.monthNoiseSd * random.normal()) * kbPerGb
  state.usedKb[i] = 0
  state.extraKb[i] = 0
  state.extraSeconds[i] = 0
  state.usedSeconds[i] = 0
  state.overKb[i] = 0
  state.overSeconds[i] = 0
  state.declined[i] = 0
  const recurring = packages[state.recurring[i]!]
  if (recurring === undefined) return
  if (random.next() < 0.08) {
    state.recurring[i] = -1
    return
  }
  state.extraKb[i] = recurring.quotaKb ?? 0
  state.extraSeconds[i] = (recurring.minutes ?? 0) * 60
  out.push(purchase(world, i, at, recurring.name, recurring.priceMinor, 'renewal', null))
}

/** Of their own accord: one other plan comes to mind, and wins if it beats the present one by more than inertia. */
function reconsider(world: World, i: number, out: OperatorEvent[]): void {
  const { state, population, parameters, seed } = world
  const at = Math.floor(state.reconsidersAt[i]!)
  const random = createRandom().seed(seed ^ Math.floor(at / 1000), i, purposeReconsider)
  state.reconsidersAt[i]! -= (Math.log(1 - random.next()) * 30 * day) / parameters.reconsiderShare
  const current = state.plan[i]!
  const other = (current + 1 + Math.floor(random.next() * (plans.length - 1))) % plans.length
  const gain =
    planUtility(population, parameters, i, plans[other]!) - planUtility(population, parameters, i, plans[current]!)
  if (gain - population.inertia[i]! + 0.5 * random.logistic() <= 0) return
  const channel = channels[Math.floor(random.next() * channels.length)]!
  out.push(...changePlan(world, i, at, other, channel, null))
}

const channels = ['app', 'app', 'web', 'shop', 'call-centre']

/** The purchase and the profile that follows from it. */
export function changePlan(
  world: World,
  i: number,
  at: number,
  plan: number,
  channel: string,
  offer: string | null,
): [Purchase, Customer] {
  const { name, priceMinor } = plans[plan]!.item
  world.state.plan[i] = plan
  world.state.declined[i] = 0
  return [purchase(world, i, at, name, priceMinor, channel, offer), customerRecord(world, i, at)]
}

export function purchase(
  world: World,
  i: number,
  at: number,
  item: string,
  priceMinor: number,
  channel: string,
  offer: string | null,
): Purchase {
  return {
    type: 'purchase',
    // Named by the offer where there is one, so that an answer does not rename the customer's other events.
    id: offer === null ? nextId(world, i) : `${offer}/purchase`,
    customer: world.names[i]!,
    at,
    item,
    quantity: 1,
    priceMinor,
    currency: 'EUR',
    channel,
    offer,
  }
}

const usage = (
  world: World,
  i: number,
  at: number,
  kind: Usage['kind'],
  dataKb: number,
  seconds: number,
  texts: number,
  overageMinor: number,
  roaming: boolean,
): Usage => ({
  type: 'usage',
  id: nextId(world, i),
  customer: world.names[i]!,
  at,
  kind,
  dataKb,
  seconds,
  texts,
  overageMinor,
  roaming,
})

/** Local hour of each zone at a moment, daylight saving included. */
function localHours(at: number): Readonly<Record<string, number>> {
  const hours: Record<string, number> = {}
  for (const [zone, format] of formats) hours[zone] = Number(format.format(at)) % 24
  return hours
}

const formats = ['Europe/Berlin', 'Europe/Lisbon', 'Europe/Athens'].map(
  zone => [zone, new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', hourCycle: 'h23' })] as const,
)

function normalized(weights: readonly number[]): readonly number[] {
  const mean = weights.reduce((sum, w) => sum + w, 0) / weights.length
  return weights.map(w => w / mean)
}
