import type { CustomerEvent, Delivery, Engagement, ItemStamp, Purchase, Usage } from '@offerstream/contracts'

/** What features are made of: the facts of the journal by subject. */
export type Subjects = {
  readonly usage: Usage
  readonly purchase: Omit<Purchase, 'type'>
  readonly engagement: Omit<Engagement, 'type'>
}
export type SubjectName = keyof Subjects

/** A fact as features see it; `weight` is -1 for a purchase taken back, which lies at the purchase's time. */
export type Fact = {
  readonly subject: SubjectName
  readonly body: Subjects[SubjectName]
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
      return { subject: 'purchase', body: { ...event, offer: null }, stamp, at: event.purchasedAt, weight: -1 }
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

/** A push shown is an offer displayed, a push tapped an offer opened; the rest happened without the customer. */
function engagementOf(delivery: Delivery): Subjects['engagement'] | null {
  const { id, customer, at, offer, item, state } = delivery
  const kind = state === 'displayed' ? 'displayed' : state === 'clicked' ? 'opened' : null
  return kind === null ? null : { id, customer, at, kind, surface: 'push', offer, item, interaction: null }
}
