import type { LocalTime, MonthlyUse } from '@offerstream/catalogue'
import type { CatalogueItem, ContactHistory, CustomerFacts, FeatureUpdate, Trigger } from '@offerstream/contracts'
import type { Guide } from './guide.ts'
import { localTime } from './local-time.ts'
import { useOf } from './use.ts'

/** Everything a rule may ask about, the item apart. */
export type Situation = {
  readonly at: number
  readonly trigger: Trigger
  readonly facts: CustomerFacts
  readonly vector: ArrayLike<number>
  /** As far as a rule asks for it; midnight of a Monday where none does. */
  readonly local: LocalTime
  readonly history: ContactHistory
  readonly guide: Guide
  /** The plan the customer has, null where the catalogue does not know it. */
  readonly current: CatalogueItem | null
  /** What the customer's plan costs a month, minor units; 0 when nobody knows. */
  readonly chargeMinor: number
  /** The last 30 days. */
  readonly use: MonthlyUse
}

export function situationOf(update: FeatureUpdate, at: number, history: ContactHistory, guide: Guide): Situation {
  const { facts } = update
  const current = facts.plan === null ? null : (guide.playbook.items.get(facts.plan) ?? null)
  return {
    at,
    trigger: update.trigger,
    facts,
    vector: update.features,
    local: guide.asksForTime ? localTime(facts.zone, at) : midnight,
    history,
    guide,
    current,
    chargeMinor: facts.monthlyChargeMinor > 0 ? facts.monthlyChargeMinor : (current?.priceMinor ?? 0),
    use: useOf(update.features),
  }
}

const midnight: LocalTime = { hour: 0, weekday: 1 }
