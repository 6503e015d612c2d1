import type { Budget, BudgetSpent, CatalogueItem } from '@offerstream/contracts'
import type { Playbook } from './playbook.ts'

/** Something there is only so much of, and what one offer takes of it: units of a stock, minor currency units of a budget. */
export type Resource = {
  readonly name: string
  readonly limit: number
  readonly amount: number
  /** The budget's own name, null for a stock. */
  readonly budget: string | null
}

/**
 * What must be reserved before an item may be offered: a unit of its stock, and its cost from every budget that covers it.
 * A stock is counted over the item's whole life, so that putting the item again refills nothing: who adds twenty units
 * raises it by twenty. A budget is counted from its `from` on: another `from` begins anew.
 */
export function resourcesOf(item: CatalogueItem, at: number, playbook: Playbook): Resource[] {
  const resources: Resource[] = []
  if (item.stock !== null) resources.push({ name: stockName(item.name), limit: item.stock, amount: 1, budget: null })
  if (item.costMinor > 0)
    for (const budget of playbook.budgets.values())
      if (covers(budget, item) && isRunning(budget, at))
        resources.push({
          name: budgetName(budget),
          limit: budget.amountMinor,
          amount: item.costMinor,
          budget: budget.name,
        })
  return resources
}

/** Every resource an offer of the item may have taken of, whenever it was made. */
export function resourceNamesOf(itemName: string, playbook: Playbook): string[] {
  const item = playbook.items.get(itemName)
  const names = [stockName(itemName)]
  for (const budget of playbook.budgets.values())
    if (item === undefined || covers(budget, item)) names.push(budgetName(budget))
  return names
}

/** How a budget is spent against how its time passes, both as shares of the whole. */
export type Pace = { readonly budget: Budget; readonly spentShare: number; readonly elapsedShare: number }

/** The pace of each budget that is still in the playbook. Without both dates it has no pace to keep: all has elapsed. */
export function pacesOf(spent: readonly BudgetSpent[], at: number, playbook: Playbook): Pace[] {
  const paces: Pace[] = []
  for (const { name, spentMinor } of spent) {
    const budget = playbook.budgets.get(name)
    if (budget === undefined) continue
    const { from, to, amountMinor } = budget
    paces.push({
      budget,
      spentShare: amountMinor > 0 ? spentMinor / amountMinor : 1,
      elapsedShare: from === null || to === null ? 1 : Math.min(1, Math.max(0, (at - from) / (to - from))),
    })
  }
  return paces
}

/** Whether a budget pays for an item: the one it names, a category, or everything. */
export const covers = (budget: Budget, item: CatalogueItem): boolean =>
  (budget.item === null || budget.item === item.name) && (budget.category === null || budget.category === item.category)

const isRunning = (budget: Budget, at: number): boolean =>
  (budget.from === null || budget.from <= at) && (budget.to === null || at < budget.to)

const stockName = (item: string): string => `stock/${item}`
const budgetName = (budget: Budget): string => `budget/${budget.name}/${budget.from ?? ''}`
