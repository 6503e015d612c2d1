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
