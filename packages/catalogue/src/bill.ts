import type { CatalogueItem } from '@offerstream/contracts'

const kbPerGb = 1024 * 1024

/** A month's use. */
export type MonthlyUse = { readonly dataKb: number; readonly minutes: number; readonly texts: number }

/** What a month of that use costs under an item, minor currency units: its price and what goes beyond its allowances. */
export const billOf = (item: CatalogueItem, use: MonthlyUse): number =>
  item.priceMinor +
  (beyond(use.dataKb, item.quotaKb) / kbPerGb) * item.overageMinorPerGb +
  beyond(use.minutes, item.minutes) * item.overageMinorPerMinute +
  beyond(use.texts, item.texts) * item.overageMinorPerText

/** What exceeds an allowance; none means unlimited. Unknown use exceeds nothing. */
const beyond = (used: number, included: number | null): number =>
  included === null || !(used > included) ? 0 : used - included
