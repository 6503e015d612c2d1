import {
  asksForScore,
  asksForTime,
  type CompiledRule,
  compileRule,
  contactPolicyOf,
  type Playbook,
  promotionsInUse,
} from '@offerstream/catalogue'
import type { CatalogueItem, ContactPolicy, Experiment, Lever } from '@offerstream/contracts'
import { featureNames } from './use.ts'

export type MarketingRule = CompiledRule & { readonly why: string; readonly asksForScore: boolean }

/** A playbook made ready for deciding: what is the same for every decision is worked out once. */
export type Guide = {
  readonly playbook: Playbook
  readonly policy: ContactPolicy
  /** Marketing's active rules, in the order in which they first appeared. */
  readonly marketing: readonly MarketingRule[]
  /** Whether a rule of marketing's asks what time it is where the customer is. */
  readonly asksForTime: boolean
  readonly experiments: readonly Experiment[]
  /** Of the champion's decisions. */
  readonly explorationShare: number
  /** Items by name in one order that hangs on no catalogue's: equals are told apart by it. */
  readonly positions: ReadonlyMap<string, number>
  readonly stoppedEverything: boolean
  readonly stoppedItems: ReadonlySet<string>
  /** Kinds of triggers, or the event behind one: a campaign's own name. */
  readonly stoppedCampaigns: ReadonlySet<string>
  /** Product of the levers on the item and on its category; of one by a model's score, factor × score where there is one. */
  leverOf(item: CatalogueItem, scores: Scores): number
  /** The most that product can be, whatever the scores. */
  mostLeverOf(item: CatalogueItem): number
}

/** What models of customers say of one, by the model's name; null before they were asked. */
export type Scores = ReadonlyMap<string, number> | null

/** The guide of a playbook; the same one for the same playbook. */
export function guideOf(playbook: Playbook): Guide {
  let guide = guides.get(playbook)
  if (guide === undefined) {
    guide = guideFrom(playbook)
    guides.set(playbook, guide)
  }
  return guide
}

/** What a model learns from must hold something of everything. */
const leastWhereLearning = 0.1

const guides = new WeakMap<Playbook, Guide>()

function guideFrom(playbook: Playbook): Guide {
  const stops = [...playbook.killSwitches.values()].filter(kill => kill.on)
  const targets = (scope: 'item' | 'campaign') =>
    new Set(stops.filter(kill => kill.scope === scope).map(kill => kill.target ?? ''))
  const byItem = new Map<string, number>()
  const byCategory = new Map<string, number>()
  const byScore: Lever[] = []
  for (const lever of playbook.levers.values()) {
    const { active, item, category, factor, score } = lever
    if (!active) continue
    if (score !== null) {
      byScore.push(lever)
      continue
    }
    if (item !== null) byItem.set(item, (byItem.get(item) ?? 1) * factor)
    else byCategory.set(category ?? '', (byCategory.get(category ?? '') ?? 1) * factor)
  }
  // A lever that names neither item nor category holds for all.
  const everywhere = byCategory.get('') ?? 1
  const plain = (item: CatalogueItem): number =>
    everywhere * (byItem.get(item.name) ?? 1) * (item.category === '' ? 1 : (byCategory.get(item.category) ?? 1))
  const scored = (item: CatalogueItem, scoreOf: (lever: Lever) => number | null): number => {
    let product = 1
    for (const lever of byScore) {
      const score = concerns(lever, item) ? scoreOf(lever) : null
      if (score !== null) product *= lever.factor * score
    }
    return product
  }
  const active = [...playbook.rules.values()].filter(rule => rule.active)
  const policy = contactPolicyOf(playbook)
  const learning = promotionsInUse(playbook).some(promotion => promotion.learning)
  return {
    playbook,
    policy,
    explorationShare: learning ? Math.max(policy.explorationShare, leastWhereLearning) : policy.explorationShare,
    positions: new Map([...playbook.items.keys()].sort().map((name, position) => [name, position])),
    marketing: active.map(rule => ({
      why: rule.why,
      asksForScore: asksForScore(rule),
      ...compileRule(rule, featureNames),
    })),
    asksForTime: active.some(asksForTime),
    experiments: [...playbook.experiments.values()].filter(experiment => experiment.active),
    stoppedEverything: stops.some(kill => kill.scope === 'global'),
    stoppedItems: targets('item'),
    stoppedCampaigns: targets('campaign'),
    leverOf: (item, scores) => plain(item) * scored(item, ({ score }) => scores?.get(score!) ?? null),
    mostLeverOf: item => plain(item) * scored(item, ({ factor }) => (factor < 1 ? null : 1)),
  }
}

const concerns = ({ item, category }: Lever, of: CatalogueItem): boolean =>
  item !== null ? item === of.name : category === null || category === '' || category === of.category
