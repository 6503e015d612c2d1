import { applyRecord, emptyPlaybook, itemsAt, type Playbook, stampOf } from '@offerstream/catalogue'
import { type CatalogueItem, type FeatureUpdate, unit } from '@offerstream/contracts'
import { apply, empty, factsOf, fingerprint, read, type State } from '@offerstream/features'
import {
  acceptanceOf,
  createWorld,
  customerRecords,
  events,
  type OperatorEvent,
  playbookRecords,
  reactLater,
  type WorldOptions,
} from '@offerstream/simulator'
import { inputsOf, type PairName } from '../src/index.ts'

const day = 24 * 60 * 60 * 1000

/** A plan with what the model may know of it for one customer. */
export type Choice = { readonly item: CatalogueItem; readonly row: readonly number[] }

/** A plan shown as a push, and what came of it; 1 for yes. */
export type Shown = Choice & {
  readonly customer: string
  /** Out of how many it was drawn, uniformly. */
  readonly outOf: number
  opened: number
  accepted: number
}

/** At the month's end, for judging: the plans a customer could step up to, each with its true value. */
export type Judged = { readonly customer: string; readonly plans: readonly (Choice & { readonly value: number })[] }

export type Month = {
  readonly playbook: Playbook
  readonly shown: readonly Shown[]
  readonly judged: readonly Judged[]
}

/** Events go through the feature engine as in production; on five days every customer is shown a plan drawn at random. */
export function playMonth(options: WorldOptions, pairs: readonly PairName[]): Month {
  const world = createWorld(options)
  const playbook = playbookRecords(world).reduce(applyRecord, emptyPlaybook)
  const states = new Map<string, State>()
  const shown = new Map<string, Shown>()

  const learn = (event: OperatorEvent): void => {
    const name = event.type === 'customer' ? event.plan : event.type === 'usage' ? null : event.item
    const item = name === null ? null : stampOf(playbook, name, event.at)
    const envelope = { journalledAt: event.at, triggers: true, item, event }
    states.set(event.customer, apply(states.get(event.customer) ?? empty, envelope))
    if ((event.type !== 'engagement' && event.type !== 'purchase') || event.offer === null) return
    const answered = shown.get(event.offer)
    if (answered === undefined) return
    if (event.type === 'purchase') answered.accepted = 1
    else if (event.kind === 'opened') answered.opened = 1
  }

  const plansFor = (customer: string, at: number): Choice[] => {
    const state = states.get(customer)!
    const facts = factsOf(state)
    const trigger = { kind: 'purchase', event: '', at }
    const features = Array.from(read(state, at))
    const update: FeatureUpdate = { id: '', customer, at, trigger, fingerprint, features, facts }
    const items = itemsAt(playbook, at, 'plan').filter(item => item.priceMinor > facts.monthlyChargeMinor)
    const rows = inputsOf({ features: [], pairs }, update, at, items, playbook).pairs
    return items.map((item, index) => ({ item, row: rows[index]! }))
  }

  for (const customer of customerRecords(world)) learn(customer)
  for (let today = 1; today <= 30; today++) {
    const at = options.start + today * day
    for (const event of events(world, at - day, at)) learn(event)
    if (today < 12 || today > 28 || today % 4 > 0) continue
    for (const customer of states.keys()) {
      const plans = plansFor(customer, at)
      if (plans.length === 0) continue
      const id = `${customer}/${today}`
      const drawn = plans[Math.floor(unit(`show/${id}`) * plans.length)]!
      shown.set(id, { ...drawn, customer, outOf: plans.length, opened: 0, accepted: 0 })
      reactLater(world, { id, customer, item: drawn.item.name }, at)
    }
  }
  const end = options.start + 30 * day
  const worth = (customer: string, item: CatalogueItem) => acceptanceOf(world, customer, item.name) * item.marginMinor
  return {
    playbook,
    shown: [...shown.values()],
    judged: [...states.keys()].map(customer => ({
      customer,
      plans: plansFor(customer, end).map(choice => ({ ...choice, value: worth(customer, choice.item) })),
    })),
  }
}
