import { isSold, type Playbook } from '@offerstream/catalogue'
import type { CatalogueItem, FeatureUpdate } from '@offerstream/contracts'
import { guideOf } from './guide.ts'
import { refusalBeforeContact } from './rules.ts'
import { situationOf } from './situation.ts'

export const candidateLimit = 50

/**
 * What is considered for a customer, in the order of the catalogue: everything on sale, so that each refusal is on the
 * record. Where that is more than the limit, what the rules refuse whatever the history goes first, then what earns
 * least.
 */
export function candidatesFor(update: FeatureUpdate, at: number, playbook: Playbook): readonly CatalogueItem[] {
  const sold: CatalogueItem[] = []
  for (const item of playbook.items.values()) if (isSold(item, at)) sold.push(item)
  if (sold.length <= candidateLimit) return sold
  const guide = guideOf(playbook)
  const situation = situationOf(update, at, { sequence: 0, offered: [] }, guide)
  const suitable = sold.filter(item => refusalBeforeContact(item, situation) === null)
  if (suitable.length <= candidateLimit) return suitable
  const worth = new Map(suitable.map(item => [item, item.marginMinor * guide.leverOf(item)]))
  const kept = new Set(suitable.toSorted((a, b) => worth.get(b)! - worth.get(a)!).slice(0, candidateLimit))
  return suitable.filter(item => kept.has(item))
}
