import { packageItem } from './items.ts'
import { dayMs, monthMs } from './market.ts'
import { drawPackage, marketPackages } from './packages.ts'
import type { Play } from './playing.ts'
import { purposes } from './purposes.ts'
import { purchase, retract } from './rows.ts'

/** Packages by the urn; one in a hundred is taken back. */
export function shop(playing: Play, i: number): void {
  const { market, random, monthStart, packages } = playing
  random.seed(market.seed, i, purposes.packages + market.month)
  const count = random.poisson(packages.perMonth[i]!)
  for (let k = 0; k < count; k++) {
    const number = drawPackage(packages, i, playing.cumulated, random)
    const at = monthStart + Math.floor(random.next() * monthMs)
    const price = Math.round(marketPackages[number]!.basePriceMinor * market.prices.index)
    const serial = purchase(playing, i, at, packageItem(number), price, -1)
    if (random.next() < market.parameters.retractShare)
      retract(playing, i, at + 1 + Math.floor(random.next() * 2 * dayMs), packageItem(number), price, serial, at)
  }
}
