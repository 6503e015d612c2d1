import type { Customer, CustomerEvent, Delivery, NextBestOffer, PlaybookRecord } from '@offerstream/contracts'
import type { Clock, Log, Metrics, Reach, Store, Topic } from '@offerstream/streaming'
import type { Contacts } from './contacts.ts'
import type { DeletionBreaker } from './deletion-breaker.ts'
import type { Links } from './links.ts'
import type { Mode } from './mode.ts'
import type { Pacer } from './pacing.ts'
import type { PlaybookView } from './playbook.ts'
import type { Gates } from './providers/gate.ts'
import type { QuietClock } from './quiet-hours.ts'
import type { SendHour } from './send-hour.ts'
import type { Subscriptions } from './subscriptions.ts'

/** Names the group, the ledger and the source of deliveries. */
export const serviceName = 'push-dispatcher'

/** Guards that only negative controls turn off, to show that the checker sees what they prevent. */
export type DispatcherGuards = {
  /** Skip records whose cause was applied before. */
  readonly causes: boolean
  /** Save and publish the intent before the provider is called. */
  readonly intentFirst: boolean
  /** Check again before a call when the last check is old, as after a freeze. */
  readonly recheck: boolean
  /** Save how far the journal was read together with what that said. */
  readonly newsTogether: boolean
  /** Go by the intents in `deliveries` where the store fell back behind them. */
  readonly intentsKnown: boolean
}

export const allGuards: DispatcherGuards = {
  causes: true,
  intentFirst: true,
  recheck: true,
  newsTogether: true,
  intentsKnown: true,
}

/** Where tests crash or freeze the dispatcher; `after-` a stage it is saved, `-published` its deliveries are out. */
export const failPoints = [
  'before-intent',
  'after-intent',
  'intent-published',
  'before-send',
  'after-send',
  'before-outcome',
  'after-outcome',
  'outcome-published',
] as const

/** As those, of what the journal said. */
export const newsFailPoints = ['before-news', 'after-news', 'news-published'] as const

/** What every lane shares. */
export type Setup = {
  readonly log: Log
  readonly store: Store
  readonly clock: Clock
  readonly offers: Topic<NextBestOffer>
  readonly deliveries: Topic<Delivery>
  readonly contacts: Contacts
  readonly journal: Topic<CustomerEvent>
  /** Null where messages have no links. */
  readonly links: Links | null
  readonly playbook: PlaybookView
  readonly quiet: QuietClock
  readonly subscriptions: Subscriptions
  readonly gates: Gates
  readonly deletions: DeletionBreaker
  readonly mode: Mode
  readonly pacer: Pacer
  readonly sendHour: SendHour
  /** Offers that share an intent and an outcome: what a crash can leave `unknown` at most. */
  readonly waveOffers: number
  /** Pushes under way at once, per partition. */
  readonly concurrency: number
  /** Categories whose offers are sent again rather than left unknown. */
  readonly atLeastOnce: ReadonlySet<string>
  /** Of the deliveries as a source, raised when the ledger was lost. */
  readonly generation: number
  readonly guards: DispatcherGuards
  readonly continueAfterRejects: boolean
  readonly metrics: Metrics | undefined
  readonly reach: Reach
  readonly notice: (line: string) => void
}

export type Topics = {
  readonly offers: Topic<NextBestOffer>
  readonly deliveries: Topic<Delivery>
  readonly customers: Topic<Customer>
  readonly journal: Topic<CustomerEvent>
  readonly playbook: Topic<PlaybookRecord>
}
