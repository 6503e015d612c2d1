import type { ArmPolicy, CatalogueItem, ContactPolicy } from '@offerstream/contracts'
import type { Situation } from './situation.ts'

/** How an arm chooses among what is eligible. */
export type ArmChoice = {
  /** Share of its decisions drawn uniformly from the eligible actions. */
  readonly exploration: (policy: ContactPolicy) => number
  /** What it wants most of, null for an item it would not choose by itself. */
  readonly wants: (item: CatalogueItem, score: number | null, situation: Situation) => number | null
  /** The least it goes for. */
  readonly least: (policy: ContactPolicy) => number
  /** Why the chosen one was chosen. */
  readonly why: string
}

const asChampion = (policy: ContactPolicy) => policy.explorationShare
const anything = () => 0

export const arms: { readonly [Policy in ArmPolicy]: ArmChoice } = {
  champion: {
    exploration: asChampion,
    wants: (item, score, { guide }) => (score === null ? null : score * item.marginMinor * guide.leverOf(item)),
    least: policy => policy.minimumValueMinor,
    why: 'best-value',
  },
  no_levers: {
    exploration: asChampion,
    wants: (item, score) => (score === null ? null : score * item.marginMinor),
    least: policy => policy.minimumValueMinor,
    why: 'best-value-without-levers',
  },
  propensity_only: { exploration: asChampion, wants: (_item, score) => score, least: anything, why: 'likeliest' },
  /** The ladder: the next plan up from the one the customer pays for. */
  rules_only: {
    exploration: asChampion,
    wants: (item, _score, { chargeMinor }) =>
      item.kind === 'plan' && item.priceMinor > chargeMinor ? 1 / item.priceMinor : null,
    least: anything,
    why: 'next-step',
  },
  random_eligible: { exploration: () => 1, wants: () => null, least: anything, why: 'explored' },
  no_offer: { exploration: () => 0, wants: () => null, least: anything, why: 'no-offer-arm' },
}
