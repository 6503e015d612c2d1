import type { Customer, Engagement, NextBestOffer, Purchase } from '@offerstream/contracts'
import { packages, plans } from './catalogue.ts'
import { changePlan, purchase, schedule } from './events.ts'
import { purposeAnswer } from './population.ts'
import { createRandom, hashText } from './random.ts'
import { gainOf, sigmoid } from './utility.ts'
import type { World } from './world.ts'

const minute = 60 * 1000
const day = 24 * 60 * minute

export type Reaction = {
  readonly engagements: readonly Engagement[]
  readonly purchases: readonly Purchase[]
  /** The profile after a change of plan. */
  readonly customers: readonly Customer[]
}

/**
 * A customer's answer to an offer shown as a push at `shownAt`: displayed, then attended or not; if attended, opened and
 * accepted, rejected or left alone, by true utilities. Chance hangs on the world's seed and the offer's id alone. An
 * offer is answered for good, and what was accepted stands at once in the world's state. The records belong to the
 * caller, who publishes them at their time.
 */
export function react(world: World, offer: Shown, shownAt: number): Reaction {
  const { answers } = world.state
  const known = answers.get(offer.id)
  if (known !== undefined) return known
  const reaction = answer(world, offer, shownAt)
  answers.set(offer.id, reaction)
  if (answers.size > answersKept) answers.delete(answers.keys().next().value!)
  return reaction
}

/** The part of an offer that the customer sees. */
export type Shown = Pick<NextBestOffer, 'id' | 'customer' | 'item'>

/** A push shown twice is answered once, as long as the second comes within so many offers. */
const answersKept = 100_000

function answer(world: World, offer: Shown, shownAt: number): Reaction {
  const i = world.numbers.get(offer.customer)
  const item = itemsByName.get(offer.item)
  const engagements: Engagement[] = []
  if (i === undefined) return { engagements, purchases: [], customers: [] }
  const random = createRandom().seed(world.seed, hashText(offer.id), purposeAnswer)
  const say = (kind: Engagement['kind'], at: number): void => {
    engagements.push({
      type: 'engagement',
      // Named by the offer, so that the same answer given twice is the same event.
      id: `${offer.id}/${kind}`,
      customer: offer.customer,
      at,
      kind,
      surface: 'push',
      offer: offer.id,
      item: offer.item,
      interaction: null,
    })
  }
  say('displayed', shownAt)
  const attends = random.next() < attendance(world, i, shownAt)
  if (!attends || item === undefined) return { engagements, purchases: [], customers: [] }
  const openedAt = shownAt + Math.floor(5_000 - Math.log(1 - random.next()) * 4 * minute)
  say('opened', openedAt)
  if (random.next() < acceptance(world, i, item)) {
    const clickedAt = openedAt + Math.floor(2_000 + 20_000 * random.next())
    say('clicked', clickedAt)
    const boughtAt = clickedAt + Math.floor(10_000 + minute * random.next())
    const target = plans.findIndex(plan => plan.item.name === offer.item)
    if (target >= 0) {
      const [bought, profile] = changePlan(world, i, boughtAt, target, 'app', offer.id)
      return { engagements, purchases: [bought], customers: [profile] }
    }
    take(world, i, offer.item)
    return {
      engagements,
      purchases: [purchase(world, i, boughtAt, item.name, item.priceMinor, 'app', offer.id)],
      customers: [],
    }
  }
  if (random.next() < world.parameters.rejectShare)
    say('rejected', openedAt + Math.floor(3_000 + 15_000 * random.next()))
  return { engagements, purchases: [], customers: [] }
}

/**
 * As `react`, with the answer put among the world's own events instead, once. An answer to an offer shown before the
 * moment at which the world stands comes out at once, with its own time.
 */
export function reactLater(
  world: World,
  offer: Pick<NextBestOffer, 'id' | 'customer' | 'item'>,
  shownAt: number,
): void {
  if (world.state.answers.has(offer.id)) return
  const { engagements, purchases, customers } = react(world, offer, shownAt)
  for (const event of [...engagements, ...purchases, ...customers]) schedule(world, event)
}

/** Probability that the customer attends to a push now, offers shown before wearing it down with a half-life of three days. */
function attendance(world: World, i: number, at: number): number {
  const { state, population } = world
  const passed = Math.max(0, at - state.shownAt[i]!)
  const load = state.shown[i]! * 2 ** (-passed / (3 * day))
  state.shown[i] = load + 1
  state.shownAt[i] = Math.max(at, state.shownAt[i]!)
  return population.attention[i]! * Math.exp(-0.25 * load)
}

/** Probability that the customer accepts the item, once attended to. */
export function acceptance(world: World, i: number, item: (typeof packages)[number]): number {
  const { population, parameters, state } = world
  const current = state.plan[i]!
  if (plans[current]!.item.name === item.name) return 0
  const gain = gainOf(population, parameters, i, current, item)
  // A package is a small step: it meets half of the inertia.
  const inertia = population.inertia[i]! * (item.kind === 'plan' ? 1 : 0.5)
  return sigmoid((gain - inertia) / parameters.temperature)
}

export const itemsByName: ReadonlyMap<string, (typeof packages)[number]> = new Map(
  [...plans.map(plan => plan.item), ...packages].map(item => [item.name, item]),
)

function take(world: World, i: number, name: string): void {
  const number = packages.findIndex(item => item.name === name)
  const item = packages[number]!
  world.state.extraKb[i]! += item.quotaKb ?? 0
  world.state.extraSeconds[i]! += (item.minutes ?? 0) * 60
  if (item.recurring) world.state.recurring[i] = number
}
