import { type ModelPromotion, unit } from '@offerstream/contracts'
import { type Playbook, promotionKey } from './playbook.ts'

/**
 * The promotions that score one customer, a model name at most once: the canary where the customer's hash falls into its
 * share, else the champion promoted last. Shadows and retired versions are left out.
 */
export function promotionsFor(playbook: Playbook, customer: string): ModelPromotion[] {
  const serving = new Map<string, ModelPromotion>()
  for (const promotion of playbook.promotions.values())
    if (promotion.stage === 'champion') serving.set(promotion.name, promotion)
  for (const promotion of playbook.promotions.values())
    if (promotion.stage === 'canary' && unit(`canary/${promotionKey(promotion)}/${customer}`) < promotion.share)
      serving.set(promotion.name, promotion)
  return [...serving.values()]
}

/** Every promotion whose model must be at hand: all but the retired. */
export const promotionsInUse = (playbook: Playbook): ModelPromotion[] =>
  [...playbook.promotions.values()].filter(promotion => promotion.stage !== 'retired')

/** A promotion that is held to its guardrails, against the version that it would replace or replaced. */
export type Trial = {
  readonly promotion: ModelPromotion
  /** Null for a canary without a champion: it is judged by its failures alone. */
  readonly baseline: ModelPromotion | null
  /** Of the record that promoted it: what was seen before says nothing. */
  readonly since: { readonly version: number; readonly at: number }
}

const hour = 60 * 60 * 1000

/**
 * The version whose scores a promotion's are compared with, and which stands in where it gives none: of a canary the
 * champion, of a new champion for its first hours the one before. Null where there is none, or no guardrails are wanted.
 */
export function baselineOf(playbook: Playbook, promotion: ModelPromotion, at: number): ModelPromotion | null {
  const { active, watchHours } = promotion.guardrails
  if (!active) return null
  const champions = [...playbook.promotions.values()].filter(
    each => each.name === promotion.name && each.stage === 'champion',
  )
  if (promotion.stage === 'canary') return champions.at(-1) ?? null
  const since = playbook.promoted.get(promotionKey(promotion))!
  return champions.at(-1)?.version === promotion.version && at < since.at + watchHours * hour
    ? (champions.at(-2) ?? null)
    : null
}

/** Every trial under way at a moment. A champion is on trial only while there is one to go back to. */
export function trialsOf(playbook: Playbook, at: number): Trial[] {
  const trials: Trial[] = []
  for (const promotion of playbook.promotions.values()) {
    if (!promotion.guardrails.active || (promotion.stage !== 'canary' && promotion.stage !== 'champion')) continue
    const baseline = baselineOf(playbook, promotion, at)
    if (promotion.stage === 'canary' || baseline !== null)
      trials.push({ promotion, baseline, since: playbook.promoted.get(promotionKey(promotion))! })
  }
  return trials
}
