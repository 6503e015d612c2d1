import { compileForAnybody, itemsAt, type LocalTime, type Playbook, promotionsInUse } from '@offerstream/catalogue'
import type { CatalogueItem } from '@offerstream/contracts'
import { type Guide, guideOf } from './guide.ts'

/** What keeps items from ever being offered, the most effective first. */
export type Impediment = {
  /** A refusal's reason, or a reason for no offer. */
  readonly why: string
  /** The record of the playbook behind it, null where it is the item itself or nothing. */
  readonly record: string | null
  /** How many items on sale. */
  readonly items: number
}

/**
 * Why a playbook can offer nothing to anybody at a moment, whatever is known of them; null where it might. Empty where
 * nothing is on sale. It says so only when it is certain: rules that between them refuse every kind of customer go unnoticed.
 * A stop of a trigger's or a provider's does not count, others may set off or deliver what is left.
 */
export function neverOffers(playbook: Playbook, at: number): readonly Impediment[] | null {
  const guide = guideOf(playbook)
  const certain = [...playbook.rules.values()]
    .filter(rule => rule.active)
    .map(rule => ({ why: rule.why, record: `rule ${rule.name}`, holds: compileForAnybody(rule) }))
  const impediments = new Map<string, { why: string; record: string | null; items: number }>()
  for (const item of itemsAt(playbook, at)) {
    const found = impedimentOf(item, guide, certain)
    if (found === null) return null
    const { why, record } = found
    const known = impediments.get(`${why}/${record}`)
    if (known === undefined) impediments.set(`${why}/${record}`, { why, record, items: 1 })
    else known.items++
  }
  return [...impediments.values()].sort((a, b) => b.items - a.items)
}

type CertainRule = {
  readonly why: string
  readonly record: string
  readonly holds: (item: CatalogueItem, local: LocalTime) => boolean
}
type Found = Omit<Impediment, 'items'>

const hoursOfAWeek: readonly LocalTime[] = Array.from({ length: 7 * 24 }, (_, hour) => ({
  hour: hour % 24,
  weekday: 1 + Math.floor(hour / 24),
}))

/** Why an item is never offered to anybody, null where it might be. */
function impedimentOf(item: CatalogueItem, guide: Guide, rules: readonly CertainRule[]): Found | null {
  const { policy, playbook } = guide
  const limit = (why: string) => ({ why, record: `contact_policy ${policy.name}` })
  if (guide.stoppedEverything || guide.stoppedItems.has(item.name))
    return { why: 'stopped', record: stopOf(item, playbook) }
  if (item.stock !== null && item.stock <= 0) return { why: 'out-of-stock', record: null }
  const refusing = hoursOfAWeek.map(local => rules.find(rule => rule.holds(item, local)))
  // Rules may share the week between them; the first hour's stands for all.
  if (refusing.every(rule => rule !== undefined)) return { why: refusing[0]!.why, record: refusing[0]!.record }
  if (item.obligation !== 'none') return null
  if (policy.offersPerWeek === 0) return limit('weekly-cap')
  if (policy.offersPerCategoryPerWeek === 0) return limit('category-cap')
  if (policy.offersPerItemPerMonth === 0) return limit('item-cap')
  if (item.channels.every(channel => policy.offersPerChannelPerWeek[channel] === 0)) return limit('channel-cap')
  return unwanted(item, guide)
}

const stopOf = (item: CatalogueItem, { killSwitches }: Playbook): string | null => {
  for (const { name, on, scope, target } of killSwitches.values())
    if (on && (scope === 'global' || (scope === 'item' && target === item.name))) return `kill_switch ${name}`
  return null
}

/** Eligible, perhaps, but neither drawn nor worth enough, by any arm that may decide. */
function unwanted(item: CatalogueItem, guide: Guide): Found | null {
  const { playbook, policy } = guide
  const policies = new Set(guide.experiments.flatMap(({ arms }) => arms.map(arm => arm.policy)))
  if (guide.explorationShare > 0 || policies.has('random_eligible') || policies.has('propensity_only')) return null
  if (policies.has('rules_only') && item.kind === 'plan') return null
  if (promotionsInUse(playbook).every(promotion => promotion.stage === 'shadow'))
    return { why: 'nothing-scored', record: null }
  // A probability is at most 1, and so is what an offer adds to it or takes from it.
  const most = Math.abs(item.marginMinor) * Math.max(policies.has('no_levers') ? 1 : 0, guide.mostLeverOf(item))
  return most > 0 && most >= policy.minimumValueMinor
    ? null
    : { why: 'below-minimum-value', record: `contact_policy ${policy.name}` }
}
