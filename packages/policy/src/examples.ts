import { defaultContactPolicy } from '@offerstream/catalogue'
import type {
  CatalogueItem,
  ContactHistory,
  ContactPolicy,
  CustomerFacts,
  KillSwitch,
  PastOffer,
  PlaybookRecord,
  Reservation,
} from '@offerstream/contracts'

/**
 * A situation as it differs from the plain one: at noon UTC a customer of plan-m (20.00 EUR, ten gigabytes, category
 * standard) who consents to push and was never offered anything is considered for plan-l (30.00, thirty gigabytes).
 */
export type Example = {
  readonly item?: Partial<CatalogueItem>
  readonly facts?: Partial<CustomerFacts>
  readonly history?: Partial<ContactHistory>
  readonly features?: Readonly<Record<string, number>>
  readonly at?: number
  /** Answers of the stock and the budgets. */
  readonly reservations?: readonly Reservation[]
  readonly playbook?: readonly PlaybookRecord['body'][]
}

/** 6 January 2025, 12:00 UTC. */
export const noon = 1_736_164_800_000

export const stop = (scope: KillSwitch['scope'], target: string | null): KillSwitch => ({
  type: 'kill_switch',
  name: `stop-${scope}-${target}`,
  scope,
  target,
  on: true,
})

export const contactPolicy = (change: Partial<ContactPolicy>): ContactPolicy => ({ ...defaultContactPolicy, ...change })

export const offered = (item: string, at: number, channel = 'push'): PastOffer => ({ at, item, channel, capped: true })

export const offeredDaysAgo = (item: string, ...days: readonly number[]): ContactHistory => ({
  sequence: days.length,
  offered: days.toSorted((a, b) => b - a).map(each => offered(item, noon - each * 24 * 60 * 60 * 1000)),
})
