import type { Pace } from '@offerstream/catalogue'
import { covers } from '@offerstream/catalogue'
import type { CatalogueItem } from '@offerstream/contracts'

/** What the models say of a candidate; null where none looks at such items. */
export type Scores = {
  /** Calibrated probability that it is taken when offered. */
  readonly score: number | null
  /** What offering it adds to that probability. */
  readonly uplift: number | null
}

/**
 * Expected value of an offer, minor currency units; null where nothing can be expected. Propensity × (margin − cost), or
 * uplift × margin − propensity × cost where uplift is measured. A discount also reaches those who would have bought
 * without: by propensity alone it has no value. Where nobody knows the propensity the cost counts in full.
 * `pressure` weighs the cost, see `pressureOn`.
 */
export function expectedValue(item: CatalogueItem, { score, uplift }: Scores, pressure: number): number | null {
  const gain = uplift ?? (item.kind === 'discount' ? null : score)
  return gain === null ? null : gain * item.marginMinor - (score ?? 1) * item.costMinor * pressure
}

/** Before a hundredth of its time has passed a budget's pace says nothing. */
const leastElapsed = 0.01

/**
 * What a unit of cost weighs: 1 while the budgets that pay for the item are spent no faster than their time passes, else
 * by how much they are ahead, the furthest first (a shadow price in proportion, after Lagrangian budget pacing).
 */
export function pressureOn(item: CatalogueItem, paces: readonly Pace[]): number {
  let pressure = 1
  if (item.costMinor === 0) return pressure
  for (const { budget, spentShare, elapsedShare } of paces)
    if (covers(budget, item)) pressure = Math.max(pressure, spentShare / Math.max(elapsedShare, leastElapsed))
  return pressure
}
