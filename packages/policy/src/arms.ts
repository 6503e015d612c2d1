import type { ArmPolicy, CatalogueItem, ContactPolicy } from '@offerstream/contracts'
import type { Situation } from './situation.ts'

/** An eligible candidate as an arm sees it. */
type Eligible = {
  readonly item: CatalogueItem
  readonly score: number | null
  /** Expected value before levers, minor currency units. */
  readonly value: number | null
}

/** How an arm chooses among what is eligible. */
export type ArmChoice = {
  /** Share of its decisions drawn uniformly from the eligible actions, given the champion's. */
  readonly exploration: (champions: number) => number
  /** What it wants most of, null for an item it would not choose by itself. */
  readonly wants: (candidate: Eligible, situation: Situation) => number | null
  /** The least it goes for. */
  readonly least: (policy: ContactPolicy) => number
  /** Why the chosen one was chosen. */
  readonly why: string
}

const asChampion = (share: number): number => share
const anything = (): number => 0

export const arms: { readonly [Policy in ArmPolicy]: ArmChoice } = {
  champion: {
    exploration: asChampion,
    wants: ({ item, value }, { guide, scores }) => (value === null ? null : value * guide.leverOf(item, scores)),
    least: policy => policy.minimumValueMinor,
    why: 'best-value',
  },
  no_levers: {
    exploration: asChampion,
    wants: ({ value }) => value,
    least: policy => policy.minimumValueMinor,
    why: 'best-value-without-levers',
  },
  propensity_only: { exploration: asChampion, wants: ({ score }) => score, least: anything, why: 'likeliest' },
  /** The ladder: the next plan up from the one the customer pays for. */
  rules_only: {
    exploration: asChampion,
    wants: ({ item }, { chargeMinor }) =>
      item.kind === 'plan' && item.priceMinor > chargeMinor ? 1 / item.priceMinor : null,
    least: anything,
    why: 'next-step',
  },
  random_eligible: { exploration: () => 1, wants: () => null, least: anything, why: 'explored' },
  no_offer: { exploration: () => 0, wants: () => null, least: anything, why: 'no-offer-arm' },
}
