import type { Playbook } from '@offerstream/catalogue'
import type { CatalogueItem, FeatureUpdate, ModelUsed } from '@offerstream/contracts'
import { guideOf } from './guide.ts'
import { emptyHistory } from './history.ts'
import { refusalOf } from './rules.ts'
import { scoresOf } from './scores.ts'
import { situationOf } from './situation.ts'

/**
 * The items that a customer could be offered who was never offered anything. History only ever refuses more, so what is
 * missing here will be refused, and nothing needs to be reserved for it.
 */
export function possibleFor(
  update: FeatureUpdate,
  at: number,
  items: readonly CatalogueItem[],
  playbook: Playbook,
  models: readonly ModelUsed[],
): CatalogueItem[] {
  if (items.length === 0) return []
  const situation = situationOf(update, at, emptyHistory, guideOf(playbook), scoresOf(models))
  return items.filter(item => refusalOf(item, situation) === null)
}
