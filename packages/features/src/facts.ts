import type { CustomerEvent, Delivery, Engagement, ItemStamp, Purchase, Usage } from '@offerstream/contracts'
import { dayMs } from './windows.ts'

/** What follows from when something happened, by UTC. */
type Timed = {
  readonly during: 'night' | 'morning' | 'afternoon' | 'evening'
  readonly weekend: boolean
}

/** What features are made of: the facts of the journal by subject, with what follows from them. */
export type Subjects = {
  readonly usage: Usage & Timed
  readonly purchase: Omit<Purchase, 'type'> &
    Timed & {
      /** Answers an offer, by what the seller knows. A purchase taken back does not say, and so is left. */
      readonly offered: boolean
      /** Cheaper than listed. */
      readonly discounted: boolean
      /** When what was bought runs out; none where it does not. */
      readonly expiresAt: number
    }
  readonly engagement: Omit<Engagement, 'type'> & Timed
}
export type SubjectName = keyof Subjects

/** A fact as features see it; `weight` is -1 for a purchase taken back, which lies at the purchase's time. */
export type Fact = {
  readonly subject: SubjectName
  readonly body: object
  readonly stamp: ItemStamp | null
  readonly at: number
  readonly weight: 1 | -1
}

/** Null for what is no behaviour: profiles, campaigns, ticks, and deliveries the customer has no part in. */
export function factOf(envelope: CustomerEvent): Fact | null {
  const { event, item: stamp } = envelope
  switch (event.type) {
    case 'usage':
    case 'purchase':
    case 'engagement':
      return { subject: event.type, body: event, stamp, at: event.at, weight: 1 }
    case 'purchase_retracted':
      return { subject: 'purchase', body: event, stamp, at: event.purchasedAt, weight: -1 }
    case 'delivery': {
      const body = engagementOf(event)
      return body === null ? null : { subject: 'engagement', body, stamp, at: event.at, weight: 1 }
    }
    case 'customer':
    case 'campaign_due':
    case 'tick':
      return null
  }
}

/** A field of a fact: the body's own, one that follows from it, or `stamp.` and what the catalogue said of the item. */
export function fieldOf(name: string): (fact: Fact) => unknown {
  const follows = followed[name]
  if (follows !== undefined) return follows
  if (!name.startsWith('stamp.')) return fact => (fact.body as Record<string, unknown>)[name]
  const said = name.slice('stamp.'.length) as keyof ItemStamp
  return fact => fact.stamp?.[said]
}

const partsOfDay = ['night', 'morning', 'afternoon', 'evening'] as const
const dayOf = (at: number): number => Math.floor(at / dayMs)

const followed: Readonly<Record<string, (fact: Fact) => unknown>> = {
  during: ({ at }) => partsOfDay[Math.floor(((at - dayOf(at) * dayMs) / dayMs) * partsOfDay.length)],
  // Day 0 was a Thursday, so that Saturday and Sunday are the last two of a week that begins four days later.
  weekend: ({ at }) => (((dayOf(at) + 3) % 7) + 7) % 7 >= 5,
  offered: ({ body }) => ((body as Purchase).offer ?? null) !== null,
  discounted({ body, stamp }) {
    const { priceMinor, quantity } = body as Purchase
    return stamp?.listPriceMinor != null && priceMinor < stamp.listPriceMinor * quantity
  },
  expiresAt: ({ at, stamp }) => (stamp?.validityDays == null ? null : at + stamp.validityDays * dayMs),
}

/** A push shown is an offer displayed, a push tapped an offer opened; the rest happened without the customer. */
function engagementOf(delivery: Delivery): Omit<Engagement, 'type'> | null {
  const { id, customer, at, offer, item, state } = delivery
  const kind = state === 'displayed' ? 'displayed' : state === 'clicked' ? 'opened' : null
  return kind === null ? null : { id, customer, at, kind, surface: 'push', offer, item, interaction: null }
}
