import type { Asking, MonthlyUse } from '@offerstream/catalogue'
import type { CatalogueItem, ContactHistory, FeatureUpdate, Reservation } from '@offerstream/contracts'
import type { Guide, MarketingRule, Scores } from './guide.ts'
import { type ClockTime, localTime } from './local-time.ts'
import { quietEndsInMs } from './quiet-hours.ts'
import { useOf } from './use.ts'

/** Everything a rule may ask about, the item apart. */
export type Situation = Asking & {
  readonly at: number
  readonly history: ContactHistory
  readonly guide: Guide
  /** Marketing's rules, as far as they concern this customer now. */
  readonly marketing: readonly MarketingRule[]
  /** The plan the customer has, null where the catalogue does not know it. */
  readonly current: CatalogueItem | null
  /** What the customer's plan costs a month, minor units; 0 when nobody knows. */
  readonly chargeMinor: number
  /** The last 30 days. */
  readonly use: MonthlyUse
  /** How long quiet hours still last; 0 outside them, and where every offer outlives them. */
  readonly quietMs: number
  /** Items of which a stock or a budget has nothing left. */
  readonly refusedResources: ReadonlyMap<string, 'stock' | 'budget'>
}

export function situationOf(
  update: FeatureUpdate,
  at: number,
  history: ContactHistory,
  guide: Guide,
  scores: Scores,
  reservations: readonly Reservation[] = [],
): Situation {
  const { facts } = update
  const current = facts.plan === null ? null : (guide.playbook.items.get(facts.plan) ?? null)
  const offersOutliveQuiet = guide.policy.validHours >= 24
  const local = guide.asksForTime || !offersOutliveQuiet ? localTime(facts.zone, at) : anyTime
  const asking: Asking = {
    trigger: update.trigger,
    facts,
    vector: update.features,
    local,
    scores,
  }
  return {
    ...asking,
    at,
    history,
    guide,
    marketing: guide.marketing.filter(rule => (scores !== null || !rule.asksForScore) && rule.concerns(asking)),
    current,
    chargeMinor: facts.monthlyChargeMinor > 0 ? facts.monthlyChargeMinor : (current?.priceMinor ?? 0),
    use: useOf(update.features),
    quietMs: offersOutliveQuiet ? 0 : quietEndsInMs(local, at, guide.policy),
    refusedResources: refusedOf(reservations),
  }
}

/** Where no rule asks. */
const anyTime: ClockTime = { hour: 0, minute: 0, weekday: 1 }

function refusedOf(reservations: readonly Reservation[]): Situation['refusedResources'] {
  if (reservations.every(reservation => reservation.granted)) return nothing
  return new Map(
    reservations
      .filter(reservation => !reservation.granted)
      .map(({ item, resource }) => [item, resource.startsWith('budget/') ? 'budget' : 'stock']),
  )
}

const nothing: Situation['refusedResources'] = new Map()
