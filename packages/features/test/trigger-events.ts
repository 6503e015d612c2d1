import {
  type CampaignDue,
  type Customer,
  type CustomerEvent,
  type Delivery,
  defaults,
  type Engagement,
  type ItemStamp,
} from '@offerstream/contracts'
import { apply, empty, type Firing, fire, type State } from '../src/index.ts'

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour
/** A Sunday, the first of a month. */
export const june = Date.UTC(2025, 5, 1)

const nothingSaid: ItemStamp = {
  ...defaults.ItemStamp,
  known: true,
}
/** A package that ends after so many days. */
export const lasting = (validityDays: number): Partial<ItemStamp> => ({
  kind: 'package',
  recurring: true,
  validityDays,
})

let ids = 0
const head = (at: number) => ({ id: `e-${ids++}`, customer: 'c-1', at })
/** Journalled a second after it happened. */
const envelope = (event: CustomerEvent['event'], item: Partial<ItemStamp> | null = null): CustomerEvent => ({
  journalledAt: event.at + 1_000,
  triggers: true,
  item: item === null ? null : { ...nothingSaid, ...item },
  event,
})

const money = { quantity: 1, priceMinor: 990, currency: 'EUR', channel: 'app' }
export const bought = (at: number, item: string, stamp: Partial<ItemStamp>): CustomerEvent =>
  envelope({ type: 'purchase', ...head(at), ...money, item, offer: null }, stamp)
export const takenBack = (at: number, purchasedAt: number, item: string, stamp: Partial<ItemStamp>): CustomerEvent =>
  envelope({ type: 'purchase_retracted', ...head(at), ...money, purchase: 'p', purchasedAt, item }, stamp)

export const used = (at: number, dataKb: number): CustomerEvent =>
  envelope({
    type: 'usage',
    ...head(at),
    kind: 'data',
    dataKb,
    seconds: 0,
    texts: 0,
    overageMinor: 0,
    roaming: false,
  })

export const engaged = (at: number, kind: Engagement['kind'], answers: Partial<Engagement> = {}): CustomerEvent =>
  envelope({
    type: 'engagement',
    ...head(at),
    kind,
    surface: 'app_home',
    offer: null,
    item: null,
    interaction: null,
    ...answers,
  })
export const offer = { offer: 'offer-1', item: 'package-1' }

/** A push whose provider's last word was no. */
export const delivered = (at: number, said: Partial<Delivery>): CustomerEvent =>
  envelope({
    type: 'delivery',
    ...head(at),
    offer: 'offer-1',
    item: 'package-1',
    channel: 'push',
    provider: 'web-push',
    state: 'rejected',
    reason: null,
    device: null,
    trigger: 'purchase',
    ...said,
  })

export const described = (said: Partial<Customer> = {}, plan: Partial<ItemStamp> = {}): CustomerEvent =>
  envelope(
    {
      ...defaults.Customer,
      ...head(june - 60 * day),
      plan: 'plan-s',
      monthlyChargeMinor: 990,
      currency: 'EUR',
      brand: 'main',
      ...said,
    },
    { kind: 'plan', ...plan },
  )

export const campaign = (at: number, said: Partial<CampaignDue> = {}): CustomerEvent =>
  envelope({
    type: 'campaign_due',
    ...head(at),
    campaign: 'summer',
    kind: 'campaign',
    item: null,
    fromMinor: null,
    toMinor: null,
    ...said,
  })

export const tick = (at: number): CustomerEvent => ({
  journalledAt: at,
  triggers: false,
  item: null,
  event: { type: 'tick', at },
})

export const history = (event: CustomerEvent): CustomerEvent => ({ ...event, triggers: false })
/** The event, so much later in the journal. */
export const late = (event: CustomerEvent, ms: number): CustomerEvent => ({
  ...event,
  journalledAt: event.event.at + ms,
})

/** What each event fires, one after the other; a tick wakes the customer only where one is due, as the runner does. */
export function follow(events: readonly CustomerEvent[]): { readonly firings: Firing[][]; readonly state: State } {
  let state: State = empty
  let due: number | null = null
  const firings = events.map(event => {
    if (event.event.type === 'tick' && (due === null || due > event.event.at)) return []
    const fired = fire(event, state, apply(state, event))
    state = fired.state
    if (fired.due !== undefined) due = fired.due
    return [...fired.firings]
  })
  return { firings, state }
}

/** The kinds that each event fires. */
export const firedBy = (...events: readonly CustomerEvent[]): string[][] =>
  follow(events).firings.map(each => each.map(({ kind }) => kind))
