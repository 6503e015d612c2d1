// What may become of an offer. An entry moves along these arrows and no others; the counts per state always add up to
// the entries ever made.
import type { DeliveryState, NextBestOffer } from '@offerstream/contracts'
import type { Hours } from './response-hours.ts'

export const ledgerStates = [
  'decided',
  'deferred',
  'suppressed',
  'expired',
  'superseded',
  'taken',
  'sending',
  'accepted',
  'rejected',
  'unknown',
  'displayed',
  'clicked',
] as const satisfies readonly DeliveryState[]

export type LedgerState = (typeof ledgerStates)[number]

const beforeSending = ['suppressed', 'expired', 'superseded', 'taken', 'sending'] as const

export const transitions: { readonly [State in LedgerState]: readonly LedgerState[] } = {
  decided: ['deferred', ...beforeSending],
  deferred: beforeSending,
  suppressed: [],
  expired: [],
  superseded: [],
  taken: [],
  sending: ['accepted', 'rejected', 'unknown'],
  accepted: ['displayed'],
  rejected: [],
  // Nobody knows whether it arrived, so a device may still report it.
  unknown: ['displayed'],
  displayed: ['clicked'],
  clicked: [],
}

/** An offer on its way to a customer. */
export type Entry = {
  /** Of the offer. */
  readonly id: string
  readonly sequence: number
  readonly item: string
  readonly channel: string
  /** Kind of the trigger behind it. */
  readonly trigger: string
  readonly state: LedgerState
  /** A short fixed reason. */
  readonly reason: string | null
  /** When it came into this state. */
  readonly at: number
  /** While it is deferred: when to look again. */
  readonly until: number | null
  /** Handle of the device it went to. */
  readonly device: string | null
  /** Hour on the customer's wall in which it went out, or may have. */
  readonly hour: number | null
  /** The offer's record as it was read, while something may still be done with it. */
  readonly offer: Buffer | null
}

/** A push that counts against the caps. */
export type Contacted = {
  readonly at: number
  readonly item: string
  readonly category: string
  readonly channel: string
}

/** A purchase that an offer may meet which is still on its way here; remembered until then. */
type Bought = { readonly item: string; readonly at: number; readonly until: number }

/** Everything the dispatcher keeps of one customer. */
export type Ledger = {
  /** Highest sequence seen; -1 before the first. */
  readonly sequence: number
  /** Pushes that went out, as far back as a cap looks. A push counts from its intent on. */
  readonly contacts: readonly Contacted[]
  /** The newest, oldest first. */
  readonly entries: readonly Entry[]
  readonly bought: readonly Bought[]
  /** Channels on which the customer said that they want no more, and when. */
  readonly unsubscribed: readonly { readonly channel: string; readonly at: number }[]
  readonly hours: Hours
}

export const emptyLedger: Ledger = { sequence: -1, contacts: [], entries: [], bought: [], unsubscribed: [], hours: [] }

/** Nothing is lost when it is forgotten. */
export const isEmpty = ({ sequence, contacts, bought, unsubscribed }: Ledger): boolean =>
  sequence < 0 && contacts.length + bought.length + unsubscribed.length === 0

const entriesKept = 8

export const isLive = (entry: Entry): boolean => entry.state === 'decided' || entry.state === 'deferred'
export const isOpen = (entry: Entry): boolean => isLive(entry) || entry.state === 'sending'

/** Whether the offer, or one so much newer that this one was forgotten, is in the ledger already. */
export function isKnown(ledger: Ledger, id: string, sequence: number): boolean {
  if (ledger.entries.some(entry => entry.id === id)) return true
  const oldest = ledger.entries[0]
  return ledger.entries.length >= entriesKept && oldest !== undefined && sequence <= oldest.sequence
}

/** What an entry says of its offer. */
export type Entered = Pick<NextBestOffer, 'id' | 'sequence' | 'item' | 'channel'> & {
  readonly trigger: Pick<NextBestOffer['trigger'], 'kind'>
}

/** The ledger with a new entry in state `decided`. Entries with nothing left to do are forgotten, oldest first. */
export function enter(ledger: Ledger, offer: Entered, at: number, bytes: Buffer): Ledger {
  const { id, sequence, item, channel, trigger } = offer
  const began = { state: 'decided', reason: null, at, until: null, device: null, hour: null, offer: bytes } as const
  const entries: Entry[] = [...ledger.entries, { id, sequence, item, channel, trigger: trigger.kind, ...began }]
  while (entries.length > entriesKept) {
    const oldest = entries.findIndex(entry => !isOpen(entry))
    if (oldest < 0) break
    entries.splice(oldest, 1)
  }
  return { ...ledger, sequence: Math.max(ledger.sequence, sequence), entries }
}

export type Move = {
  readonly to: LedgerState
  readonly at: number
  readonly reason?: string | null
  readonly until?: number
  readonly device?: string | null
  /** On its way out: the hour on the customer's wall; null for one that is not to be learned from. */
  readonly hour?: number | null
  /** Who was asked to send it. */
  readonly provider?: string | null
}

/** The ledger with an entry moved on. Throws on a transition that does not exist: a bug. */
export function move(ledger: Ledger, id: string, { to, at, reason = null, until, device, hour }: Move): Ledger {
  const from = ledger.entries.find(entry => entry.id === id)
  if (from === undefined) throw new Error(`the ledger has no offer ${id} to move to ${to}`)
  if (!transitions[from.state].includes(to)) throw new Error(`no transition from ${from.state} to ${to}`)
  const open = to === 'deferred' || to === 'sending'
  const moved: Entry = {
    ...from,
    state: to,
    reason,
    at,
    until: to === 'deferred' ? (until ?? null) : null,
    device: device === undefined ? from.device : device,
    hour: hour ?? from.hour,
    offer: open ? from.offer : null,
  }
  return { ...ledger, entries: ledger.entries.map(entry => (entry === from ? moved : entry)) }
}

/** A held offer is held again: the state is the same, only why and the moment to look are others. */
export function holdLonger(ledger: Ledger, id: string, until: number, reason: string): Ledger {
  const longer = (entry: Entry): Entry =>
    entry.id === id && entry.state === 'deferred' ? { ...entry, until, reason } : entry
  return { ...ledger, entries: ledger.entries.map(longer) }
}

/** Counts a push against the caps from now on; what lies before `since`, where no cap looks any more, is dropped. */
export const reserve = (ledger: Ledger, contact: Contacted, since: number): Ledger => ({
  ...ledger,
  contacts: [...ledger.contacts.filter(each => each.at > since), contact],
})

const placeOf = ({ contacts }: Ledger, { at, item }: Contacted): number =>
  contacts.findLastIndex(each => each.at === at && each.item === item)

export const hasContact = (ledger: Ledger, contact: Contacted): boolean => placeOf(ledger, contact) >= 0

/** What was reserved counts from when it went out, or may have: a provider may have kept it waiting since the intent. */
export function commit(ledger: Ledger, contact: Contacted, at: number): Ledger {
  const place = placeOf(ledger, contact)
  return place < 0 ? ledger : { ...ledger, contacts: ledger.contacts.with(place, { ...contact, at }) }
}

/** Gives a reservation back, after a definite failure only. */
export function refund(ledger: Ledger, contact: Contacted): Ledger {
  const place = placeOf(ledger, contact)
  return place < 0 ? ledger : { ...ledger, contacts: ledger.contacts.toSpliced(place, 1) }
}

/**
 * When the customer wants a look without a new offer: 0 while a push is under way, so that a new owner finds it first; later
 * what is held, or remembered no longer.
 */
export function dueOf(ledger: Ledger): number | null {
  let due: number | null = null
  for (const { until } of ledger.bought) due = Math.min(due ?? until, until)
  for (const entry of ledger.entries) {
    if (entry.state === 'sending') return 0
    if (entry.state === 'deferred' && entry.until !== null) due = Math.min(due ?? entry.until, entry.until)
  }
  return due
}
