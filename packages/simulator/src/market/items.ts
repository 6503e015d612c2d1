import { marketPackages } from './packages.ts'
import { marketPlans, never } from './plans.ts'
import { salesPerDay } from './sales.ts'

/** Items are numbers in the columns: plans from 0, their later ids from 50, packages from 100, a day's sales from 1000. */
const renamed = 50
const packagesFrom = 100
const salesFrom = 1_000

/** What the plan goes by in the month. */
export const planItem = (plan: number, month: number): number =>
  marketPlans[plan]!.renamedFrom !== never && month >= marketPlans[plan]!.renamedFrom ? plan + renamed : plan

export const packageItem = (number: number): number => packagesFrom + number

export const saleItem = (day: number, number: number): number => salesFrom + day * salesPerDay + number

/** The plan behind an item, whatever id it goes by; undefined for other items. */
export const planOf = (item: number): number | undefined =>
  item < 0 || item >= packagesFrom ? undefined : item >= renamed ? item - renamed : item

/** Name in the catalogue; null for -1. */
export function itemName(item: number): string | null {
  if (item < 0) return null
  if (item >= salesFrom) return `sale-${item - salesFrom}`
  if (item >= packagesFrom) return marketPackages[item - packagesFrom]!.name
  return item >= renamed ? marketPlans[item - renamed]!.laterName! : marketPlans[item]!.name
}
