// The choice table's core. Customers are followed event by event in the order of arrival; a vector is read before anything
// later is applied, so that a row cannot know what came after it. Outcomes are joined once their time is over.
import { itemsAt, type Playbook } from '@offerstream/catalogue'
import type { CatalogueItem, CustomerEvent, CustomerFacts, Purchase } from '@offerstream/contracts'
import { acceptanceDays, factsOf, isAcceptance, type State } from '@offerstream/features'
import { addGroup, type Block, emptyBlock, type Group, type Truth } from './block.ts'
import type { Vectors } from './vectors.ts'

/** A customer as far as the log has been read. */
export type Followed = {
  readonly name: string
  state: State
  /** Of the state's profile and rejections. */
  facts: CustomerFacts | null
  /** The state before the newest change of plan: a purchase may arrive after the profile it led to. */
  beforePlan: { readonly plan: string | null; readonly at: number; readonly state: State } | null
  /** Groups whose outcome is not settled. */
  open: Group[]
  /** Plans bought, and displays, of late. */
  bought: { readonly id: string; readonly item: string; readonly at: number; takenBack: boolean }[]
  displayed: { readonly item: string; readonly at: number }[]
}

/** A decision to be followed: which plans could be offered, and which was. */
export type Asked = {
  readonly id: string
  readonly at: number
  /** Eligible, in the order of the catalogue. */
  readonly items: readonly CatalogueItem[]
  readonly propensities: ArrayLike<number>
  /** Index of the one offered. */
  readonly chosen: number
  readonly control: boolean
  readonly truth: Truth | null
}

export type Following = {
  customer(name: string): Followed
  /** An event arrives; a repeat changes nothing. An unasked purchase of a plan leaves a group where `isKept`. */
  see(customer: Followed, envelope: CustomerEvent, playbook: Playbook, isKept: boolean): void
  /** A decision is taken, after what was seen and before what comes. */
  ask(customer: Followed, asked: Asked, playbook: Playbook): void
  /** Ends the block and answers it; the next one begins. Its outcomes may still come. */
  cut(): Block
  /**
   * Joins the outcomes of a block by what was seen up to now, and forgets what no later block's can hang on. Where the log
   * ends, an offer that could still be accepted after it is not kept.
   */
  settle(block: Block, end?: number): void
}

export function createFollowing(vectors: Vectors): Following {
  const { engine, features } = vectors
  const own = new Float32Array(features.length)
  let block = emptyBlock()

  const factsAt = (customer: Followed): CustomerFacts => {
    customer.facts ??= factsOf(customer.state)
    return customer.facts
  }

  const organic = (customer: Followed, purchase: Purchase, playbook: Playbook): void => {
    const { beforePlan } = customer
    const late = beforePlan !== null && beforePlan.plan === purchase.item && beforePlan.at >= purchase.at
    const state = late ? beforePlan.state : customer.state
    const facts = late ? factsOf(state) : factsAt(customer)
    const items = itemsAt(playbook, purchase.at, 'plan').filter(({ name }) => name !== facts.plan)
    const chosen = items.findIndex(({ name }) => name === purchase.item)
    if (chosen < 0) return
    const pairRows = vectors.read(state, facts, purchase.at, playbook, items, own)
    const group: Group = {
      id: purchase.id,
      customer,
      at: purchase.at,
      source: 'organic',
      current: facts.plan,
      control: false,
      items,
      chosen,
      propensities: [],
      truth: null,
      displayedAt: [],
      opened: false,
      rejected: false,
      accepted: true,
      kept: false,
    }
    addGroup(block, group, own, pairRows)
  }

  return {
    customer: name => ({
      name,
      state: engine.empty,
      facts: null,
      beforePlan: null,
      open: [],
      bought: [],
      displayed: [],
    }),
    see(customer, envelope, playbook, isKept) {
      const { event, item: stamp } = envelope
      const before = customer.state
      const after = engine.apply(before, envelope)
      if (after === before) return
      switch (event.type) {
        case 'purchase':
          // What was taken back may arrive after that.
          if (stamp?.kind === 'plan' && !customer.bought.some(({ id }) => id === event.id)) {
            if (isKept && event.offer === null) organic(customer, event, playbook)
            customer.bought.push({ id: event.id, item: event.item, at: event.at, takenBack: false })
          }
          break
        case 'purchase_retracted': {
          const taken = customer.bought.find(({ id }) => id === event.purchase)
          if (taken !== undefined) taken.takenBack = true
          else if (stamp?.kind === 'plan')
            customer.bought.push({ id: event.purchase, item: event.item, at: event.purchasedAt, takenBack: true })
          break
        }
        case 'engagement':
        case 'delivery': {
          if (event.offer === null && event.item === null) break
          const said = event.type === 'engagement' ? event.kind : event.state
          const group = answered(customer, event)
          if (said === 'displayed') {
            if (event.item !== null) customer.displayed.push({ item: event.item, at: event.at })
            group?.displayedAt.push(event.at)
          } else if (group !== undefined && (said === 'opened' || said === 'clicked')) group.opened = true
          else if (group !== undefined && event.type === 'engagement' && said === 'rejected') group.rejected = true
          break
        }
        case 'customer': {
          const { plan } = factsAt(customer)
          if (plan !== event.plan) customer.beforePlan = { plan: event.plan, at: event.at, state: before }
          break
        }
        default:
      }
      if (after.profile !== before.profile || after.rejections !== before.rejections) customer.facts = null
      customer.state = after
    },
    ask(customer, asked, playbook) {
      const facts = factsAt(customer)
      const pairRows = vectors.read(customer.state, facts, asked.at, playbook, asked.items, own)
      const group: Group = {
        ...asked,
        customer,
        source: 'offer',
        current: facts.plan,
        displayedAt: [],
        opened: false,
        rejected: false,
        accepted: false,
        kept: false,
      }
      customer.open.push(group)
      addGroup(block, group, own, pairRows)
    },
    cut() {
      const whole = block
      block = emptyBlock()
      return whole
    },
    settle,
  }
}

/** The offer that an event is about: the one it names, else the newest of its item. */
const answered = (
  { open }: Followed,
  { offer, item }: { offer: string | null; item: string | null },
): Group | undefined =>
  offer === null
    ? open.findLast(group => group.items[group.chosen]!.name === item)
    : open.find(({ id }) => id === offer)

function settle({ groups }: Block, end = Number.POSITIVE_INFINITY): void {
  let last = 0
  const customers = new Set<Followed>()
  for (const group of groups) {
    const { customer, items, chosen, source, displayedAt } = group
    const { name } = items[chosen]!
    customers.add(customer)
    last = Math.max(last, group.at)
    if (source === 'offer') {
      group.kept = Math.max(group.at, ...displayedAt) + acceptanceDays * dayMs <= end
      group.accepted = customer.bought.some(({ item, at, takenBack }) => {
        if (item !== name || takenBack) return false
        // Of several displays of an item the newest takes the purchase.
        const before = (shown: number): boolean => isAcceptance(shown, at)
        const own = Math.max(...displayedAt.filter(before))
        return (
          before(own) && !customer.displayed.some(other => other.item === name && other.at > own && before(other.at))
        )
      })
    } else
      group.kept =
        !customer.bought.some(({ id, takenBack }) => id === group.id && takenBack) &&
        !customer.displayed.some(({ item, at }) => item === name && isAcceptance(at, group.at))
  }
  const settled = new Set(groups)
  // A purchase of a later block may still answer a display of these days.
  const since = last - (acceptanceDays + 1) * dayMs
  for (const customer of customers) {
    customer.open = customer.open.filter(group => !settled.has(group))
    customer.bought = customer.bought.filter(({ at }) => at >= since)
    customer.displayed = customer.displayed.filter(({ at }) => at >= since)
  }
}

const dayMs = 86_400_000
