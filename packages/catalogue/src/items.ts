import { type CatalogueItem, defaults, type ItemKind, type ItemStamp } from '@offerstream/contracts'
import type { Playbook } from './playbook.ts'

/** On sale at a moment: not withdrawn, within its dates; `availableTo` itself is too late. */
export const isSold = (item: CatalogueItem, at: number): boolean =>
  !item.withdrawn &&
  (item.availableFrom === null || item.availableFrom <= at) &&
  (item.availableTo === null || at < item.availableTo)

/** Items on sale at a moment, in the order of the catalogue; of one kind where it is named. */
export function itemsAt(playbook: Playbook, at: number, kind?: ItemKind): CatalogueItem[] {
  const sold: CatalogueItem[] = []
  for (const item of playbook.items.values())
    if ((kind === undefined || item.kind === kind) && isSold(item, at)) sold.push(item)
  return sold
}

/** What the catalogue says of an item when an event is journalled; the price only while it is on sale. */
export function stampOf(playbook: Playbook, name: string, at: number): ItemStamp {
  const item = playbook.items.get(name)
  if (item === undefined) return unknownItem
  return {
    known: true,
    kind: item.kind,
    serviceType: item.serviceType,
    category: item.category,
    brand: item.brand,
    recurring: item.recurring,
    validityDays: item.validityDays,
    quotaKb: item.quotaKb,
    listPriceMinor: isSold(item, at) ? item.priceMinor : null,
  }
}

const unknownItem: ItemStamp = { ...defaults.ItemStamp, known: false }
