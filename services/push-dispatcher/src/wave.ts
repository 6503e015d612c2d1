import type { Delivery, NextBestOffer } from '@offerstream/contracts'
import type { Outgoing, Tally } from '@offerstream/streaming'
import type { Contact } from './contacts.ts'
import { type Entered, type Ledger, type Move, move } from './ledger.ts'
import { countHour, type Hours, nameOfHour } from './response-hours.ts'

/** An offer in hand, with its record as it was read. */
export type Candidate = { readonly offer: NextBestOffer; readonly bytes: Buffer }

/** The ledgers in hand, and what the next save is to say of them. */
export type Wave = {
  /** Watermark after the save. */
  readonly to: number | null
  readonly ledgers: Map<string, Ledger>
  /** Customers whose ledger or due moment changed since the last save. */
  readonly touched: Set<string>
  readonly deliveries: Delivery[]
  readonly deadLetters: Outgoing[]
  /** As the last check found them. */
  contacts: ReadonlyMap<string, Contact>
  put(customer: string, ledger: Ledger): void
  /** Moves the offer's entry, counts it, and adds the delivery that tells of it. */
  advance(offer: Told, step: Move): void
}

/** What a delivery says of an offer. */
type Told = Omit<Entered, 'sequence'> & Pick<NextBestOffer, 'customer'>

/** Of all customers of the partition, brought up to date by every wave. */
export type Cohort = { hours: Hours }

export function createWave(to: number | null, tally: Tally, cohort: Cohort): Wave {
  const countOf = (customer: string, hour: number, what: 'sent' | 'clicked'): void => {
    const ledger = wave.ledgers.get(customer)!
    wave.put(customer, { ...ledger, hours: countHour(ledger.hours, hour, what) })
    cohort.hours = countHour(cohort.hours, hour, what)
    tally.add(nameOfHour(hour, what))
  }
  const wave: Wave = {
    to,
    ledgers: new Map(),
    touched: new Set(),
    deliveries: [],
    deadLetters: [],
    contacts: new Map(),
    put(customer, ledger) {
      wave.ledgers.set(customer, ledger)
      wave.touched.add(customer)
    },
    advance(offer, step) {
      const ledger = wave.ledgers.get(offer.customer)!
      const from = ledger.entries.find(entry => entry.id === offer.id)!
      wave.put(offer.customer, move(ledger, offer.id, step))
      if (step.hour != null) countOf(offer.customer, step.hour, 'sent')
      if (step.to === 'clicked' && from.hour !== null) countOf(offer.customer, from.hour, 'clicked')
      tally.add(`ledger/${from.state}`, -1)
      tally.add(`ledger/${step.to}`)
      wave.deliveries.push(deliveryOf(offer, step))
    },
  }
  return wave
}

function deliveryOf(offer: Told, { to, at, reason = null, device = null, provider = null }: Move): Delivery {
  return {
    type: 'delivery',
    id: `${offer.id}/${to}`,
    customer: offer.customer,
    at,
    offer: offer.id,
    item: offer.item,
    channel: offer.channel,
    provider,
    state: to,
    reason,
    device,
    trigger: offer.trigger.kind,
  }
}
