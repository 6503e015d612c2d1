import type { CustomerEvent } from '@offerstream/contracts'
import { dayMs } from './windows.ts'

/**
 * What triggers remember of a customer beside the features. What was bought, opened and failed is a function of the set of
 * events, whatever their order: entries are dropped by their own content and the newest moment any event spoke of.
 */
export type Watch = {
  /** The few that matter longest, in that order. */
  readonly bought: readonly Bought[]
  /** The newest opening of each offer; the few newest. */
  readonly opened: readonly Opened[]
  /** When a push failed last because of its provider, 0 for never. */
  readonly outageAt: number
  /** The last tick that looked at the moments that had come, 0 for none. */
  readonly wokenAt: number
  /** When a tick is to look again, as the runner was told; null for never. */
  readonly dueAt: number | null
}

/** A purchase that a trigger may ask about. */
type Bought = {
  readonly item: string
  readonly at: number
  /** When a recurring package ends; null for anything else, and for imported history. */
  readonly endsAt: number | null
  /** It says that the purchase was taken back. */
  readonly retracted: boolean
}

/** An offer the customer looked at. */
type Opened = { readonly offer: string; readonly item: string; readonly at: number }

export const nothingWatched: Watch = { bought: [], opened: [], outageAt: 0, wokenAt: 0, dueAt: null }

/** How long after it was opened an offer counts as not taken, and for how long after that it still does. */
export const takenWithinMs = dayMs
export const followUpMs = dayMs / 2
/** A purchase answers an offer opened up to a day later too: looking again at what one bought is no new interest. */
const answersMs = 2 * takenWithinMs + followUpMs

const boughtKept = 8
const openedKept = 4

/** What is remembered after an event; `newest` is the newest moment any event spoke of, this one included. */
export function watchEvent(watch: Watch, envelope: CustomerEvent, newest: number): Watch {
  const entry = entryOf(envelope)
  if (entry === null && isFresh(watch, newest)) return watch
  const bought = entry?.kind === 'bought' ? [...watch.bought, entry.bought] : watch.bought
  const opened = entry?.kind === 'opened' ? [...watch.opened, entry.opened] : watch.opened
  const outageAt = entry?.kind === 'outage' ? Math.max(watch.outageAt, entry.at) : watch.outageAt
  return { ...watch, ...kept(bought, opened, newest), outageAt }
}

/** What is remembered of two sets of events; `newest` is the newest moment any of them spoke of. */
export const mergeWatch = (left: Watch, right: Watch, newest: number): Watch => ({
  ...kept([...left.bought, ...right.bought], [...left.opened, ...right.opened], newest),
  outageAt: Math.max(left.outageAt, right.outageAt),
  wokenAt: Math.max(left.wokenAt, right.wokenAt),
  dueAt: left.dueAt === null || right.dueAt === null ? (left.dueAt ?? right.dueAt) : Math.min(left.dueAt, right.dueAt),
})

type Entry =
  | { readonly kind: 'bought'; readonly bought: Bought }
  | { readonly kind: 'opened'; readonly opened: Opened }
  | { readonly kind: 'outage'; readonly at: number }

/** Of imported history only purchases count, as answers: no decision follows from it, later ones neither. */
function entryOf({ event, item: stamp, triggers }: CustomerEvent): Entry | null {
  switch (event.type) {
    case 'purchase':
    case 'purchase_retracted': {
      if (!stamp?.known) return null
      const retracted = event.type === 'purchase_retracted'
      const at = event.type === 'purchase_retracted' ? event.purchasedAt : event.at
      const recurs = stamp.kind === 'package' && stamp.recurring && stamp.validityDays !== null
      const endsAt = triggers && recurs ? at + stamp.validityDays! * dayMs : null
      return { kind: 'bought', bought: { item: event.item, at, endsAt, retracted } }
    }
    case 'engagement':
      return triggers &&
        (event.kind === 'opened' || event.kind === 'clicked') &&
        event.offer !== null &&
        event.item !== null
        ? { kind: 'opened', opened: { offer: event.offer, item: event.item, at: event.at } }
        : null
    case 'delivery':
      if (event.state === 'rejected' && isOutage(event.reason)) return { kind: 'outage', at: event.at }
      return triggers && event.state === 'clicked'
        ? { kind: 'opened', opened: { offer: event.offer, item: event.item, at: event.at } }
        : null
    default:
      return null
  }
}

/** Reasons that speak of the provider, or of our account with it, rather than of one customer's device. */
export const isOutage = (reason: string | null): boolean =>
  reason === 'provider-unavailable' ||
  reason === 'unreachable' ||
  (reason !== null && /^answered-(401|403|429|5\d\d)$/.test(reason))

const boughtUntil = ({ at, endsAt }: Bought): number => Math.max(at + answersMs, endsAt ?? 0)
const openedUntil = ({ at }: Opened): number => at + takenWithinMs + followUpMs

function isFresh({ bought, opened }: Watch, newest: number): boolean {
  const shortest = bought[bought.length - 1]
  const oldest = opened[opened.length - 1]
  return (
    (shortest === undefined || boughtUntil(shortest) >= newest) &&
    (oldest === undefined || openedUntil(oldest) >= newest)
  )
}

function kept(bought: readonly Bought[], opened: readonly Opened[], newest: number): Pick<Watch, 'bought' | 'opened'> {
  return {
    bought: first(boughtKept, bought.filter(each => boughtUntil(each) >= newest).sort(byUntil), isSamePurchase),
    opened: first(openedKept, opened.filter(each => openedUntil(each) >= newest).sort(byOpening), isSameOffer),
  }
}

const text = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)
const byUntil = (a: Bought, b: Bought): number =>
  boughtUntil(b) - boughtUntil(a) ||
  b.at - a.at ||
  text(a.item, b.item) ||
  Number(b.retracted) - Number(a.retracted) ||
  (b.endsAt ?? 0) - (a.endsAt ?? 0)
const byOpening = (a: Opened, b: Opened): number => b.at - a.at || text(a.offer, b.offer) || text(a.item, b.item)
const isSamePurchase = (a: Bought, b: Bought): boolean => byUntil(a, b) === 0
const isSameOffer = (a: Opened, b: Opened): boolean => a.offer === b.offer && a.item === b.item

/** The first few, without what repeats an earlier one. */
function first<T>(many: number, sorted: readonly T[], isSame: (a: T, b: T) => boolean): readonly T[] {
  const found: T[] = []
  for (const each of sorted) {
    if (found.length === many) break
    if (!found.some(other => isSame(each, other))) found.push(each)
  }
  return found
}
