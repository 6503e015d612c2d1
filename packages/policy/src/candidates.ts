import { itemsAt, type Playbook } from '@offerstream/catalogue'
import type { CatalogueItem, FeatureUpdate, ItemKind } from '@offerstream/contracts'
import { type Guide, guideOf } from './guide.ts'
import { emptyHistory } from './history.ts'
import { refusalBeforeContact } from './rules.ts'
import { situationOf } from './situation.ts'

export const candidateLimit = 50

/**
 * What is considered for a customer, in the order of the catalogue: everything on sale, so that each refusal is on the
 * record. Where that is more than the limit, what the rules refuse whatever the history goes first, then what earns least
 * of each kind, so that no kind of item drives out another.
 */
export function candidatesFor(update: FeatureUpdate, at: number, playbook: Playbook): readonly CatalogueItem[] {
  const sold = itemsAt(playbook, at)
  if (sold.length <= candidateLimit) return sold
  const guide = guideOf(playbook)
  const situation = situationOf(update, at, emptyHistory, guide, null)
  const suitable = sold.filter(item => refusalBeforeContact(item, situation) === null)
  if (suitable.length <= candidateLimit) return suitable
  const kept = fairShare(suitable, guide)
  return suitable.filter(item => kept.has(item))
}

/** What must be sent, then the best of every kind, the second best of every kind, and so on. */
function fairShare(items: readonly CatalogueItem[], guide: Guide): ReadonlySet<CatalogueItem> {
  const kept = new Set(items.filter(item => item.obligation !== 'none').slice(0, candidateLimit))
  const byKind = new Map<ItemKind, CatalogueItem[]>()
  for (const item of items) {
    if (kept.has(item)) continue
    const kind = byKind.get(item.kind)
    if (kind === undefined) byKind.set(item.kind, [item])
    else kind.push(item)
  }
  const worth = new Map(items.map(item => [item, item.marginMinor * guide.leverOf(item, null)]))
  const queues = [...byKind.values()].map(kind =>
    kind.sort((a, b) => worth.get(b)! - worth.get(a)! || guide.positions.get(a.name)! - guide.positions.get(b.name)!),
  )
  for (let place = 0; kept.size < candidateLimit; place++)
    for (const queue of queues) {
      const item = queue[place]
      if (item !== undefined && kept.size < candidateLimit) kept.add(item)
    }
  return kept
}
