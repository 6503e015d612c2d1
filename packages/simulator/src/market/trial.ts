import {
  armPropensities,
  arms,
  expectedProfit,
  expectedUnits,
  listPriceMinor,
  marginShare,
  remember,
} from './discounts.ts'
import { monthMs } from './market.ts'
import type { Play } from './playing.ts'
import { purposes } from './purposes.ts'
import { begin, end } from './rows.ts'

/** The month's trial: half of the customers randomised in thirds, half targeted. */
export function trial(playing: Play, i: number): void {
  const { market, random, batch, shoppers } = playing
  const { parameters, prices, month, seed } = market
  const randomised = random.seed(seed, i, purposes.trial).next() < 0.5
  random.seed(seed, i, purposes.discounts + month)
  const propensities = armPropensities(shoppers, i, randomised)
  const u = random.next()
  const arm = u < propensities[0] ? 0 : u < propensities[0] + propensities[1] ? 1 : 2
  const units = Math.min(255, random.poisson(expectedUnits(shoppers, i, arms[arm]!)))
  const list = Math.round(listPriceMinor * prices.index)
  const table = batch.topics.discounts
  const { columns } = table
  const row = begin(playing, table, i, playing.monthStart + Math.floor(random.next() * monthMs))
  columns.trial[row] = randomised ? 0 : 1
  columns.arm[row] = arm
  columns.propensity0[row] = propensities[0]
  columns.propensity20[row] = propensities[1]
  columns.propensity25[row] = propensities[2]
  columns.listPriceMinor[row] = list
  columns.units[row] = units
  columns.revenueMinor[row] = Math.round(units * list * (1 - arms[arm]!))
  columns.marginMinor[row] = Math.round(units * list * (marginShare - arms[arm]!))
  columns.unitsBefore[row] = shoppers.unitsBefore[i]!
  columns.discountsBefore[row] = shoppers.discountsBefore[i]!
  const o = batch.oracle.discounts
  const judged = o.rows++
  o.columns.customer[judged] = i
  o.columns.serial[judged] = columns.serial[row]!
  o.columns.units0[judged] = expectedUnits(shoppers, i, 0)
  o.columns.units20[judged] = expectedUnits(shoppers, i, 0.2)
  o.columns.units25[judged] = expectedUnits(shoppers, i, 0.25)
  o.columns.profit0[judged] = prices.index * expectedProfit(shoppers, i, 0, parameters)
  o.columns.profit20[judged] = prices.index * expectedProfit(shoppers, i, 0.2, parameters)
  o.columns.profit25[judged] = prices.index * expectedProfit(shoppers, i, 0.25, parameters)
  end(playing, table)
  remember(shoppers, i, arms[arm]!, units, parameters)
}
