// The small operator that the demo talks to, as a choice table: what its shipped ranker is fitted on.
import { applyRecord, emptyPlaybook, itemsAt, stampOf } from '@offerstream/catalogue'
import { unit } from '@offerstream/contracts'
import { factsOf } from '@offerstream/features'
import {
  acceptanceOf,
  createWorld,
  customerRecords,
  events,
  latentsOf,
  type OperatorEvent,
  playbookRecords,
  reactLater,
  type WorldOptions,
} from '@offerstream/simulator'
import { createFollowing, type Followed } from './follow.ts'
import type { Vectors } from './vectors.ts'
import type { Part } from './world.ts'

const dayMs = 86_400_000
const daysPerMonth = 30
/** Every so many days each customer is shown a plan, drawn evenly from those dearer than theirs. */
const daysBetweenOffers = 4
/** Days at the start that only make the states. */
const quietDays = 8

/** Plays the operator day by day, months of thirty days; settled a month later, as in `worldChoices`. */
export function* operatorChoices(
  options: WorldOptions & { readonly months: number },
  vectors: Vectors,
): Generator<Part> {
  const world = createWorld(options)
  const playbook = playbookRecords(world).reduce(applyRecord, emptyPlaybook)
  const following = createFollowing(vectors)
  const customers = new Map<string, Followed>()
  const { start, months } = options

  const see = (event: OperatorEvent): void => {
    let customer = customers.get(event.customer)
    if (customer === undefined) {
      customer = following.customer(event.customer)
      customers.set(event.customer, customer)
    }
    const about = event.type === 'customer' ? event.plan : event.type === 'usage' ? null : event.item
    const item = about === null ? null : stampOf(playbook, about, event.at)
    following.see(customer, { journalledAt: event.at, triggers: true, item, event }, playbook, true)
  }
  const offer = (customer: Followed, at: number): void => {
    const { plan, monthlyChargeMinor } = factsOf(customer.state)
    const items = itemsAt(playbook, at, 'plan').filter(
      item => item.name !== plan && item.priceMinor > monthlyChargeMinor,
    )
    if (items.length === 0) return
    const id = `${customer.name}/${at}`
    const chosen = Math.floor(unit(`show/${id}`) * items.length)
    const truth = {
      attending: latentsOf(world, customer.name).attention,
      accept: items.map(item => acceptanceOf(world, customer.name, item.name)),
    }
    const propensities = items.map(() => 1 / items.length)
    following.ask(customer, { id, at, items, propensities, chosen, control: false, truth }, playbook)
    reactLater(world, { id, customer: customer.name, item: items[chosen]!.name }, at)
  }

  for (const customer of customerRecords(world)) see(customer)
  let held: Omit<Part, 'start'> | null = null
  for (let month = 0; month < months; month++) {
    for (let day = month * daysPerMonth; day < (month + 1) * daysPerMonth; day++) {
      const at = start + day * dayMs
      if (day >= quietDays && day % daysBetweenOffers === 0)
        for (const customer of customers.values()) offer(customer, at)
      for (const event of events(world, at, at + dayMs)) see(event)
    }
    if (held !== null) {
      following.settle(held.block)
      yield { ...held, start }
    }
    held = { block: following.cut(), month }
  }
  following.settle(held!.block)
  yield { ...held!, start }
}
