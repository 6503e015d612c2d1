import { acceptanceDays, isAcceptance } from '../acceptance.ts'
import type { Cells, Entry } from '../forms/form.ts'
import { mostRecent, recentMs } from '../forms/recent.ts'
import { startOf } from '../windows.ts'
import type { Aggregation } from './aggregation.ts'

/**
 * Purchases of an offered item, see acceptance.ts, among the newest 16 purchases and the newest 16 displays: the first
 * part are purchases, the second displays, each by item.
 */
export const accepted: Aggregation = {
  forms: ['recent', 'recent'],
  says: `number, among the newest ${mostRecent}, of {} within ${acceptanceDays} days of a display of the same item`,
  inFieldUnit: false,
  retraction: 'the purchase of that moment no longer counts',
  value([purchases, displays], { bucket, resolution }, buckets) {
    const opensAt = startOf(bucket - buckets + 1, resolution)
    const bought = purchases!
    let found = 0
    for (let i = 0; i < bought.length && bought[i]! >= opensAt; i += 3)
      if (bought[i + 2]! > 0 && wasDisplayed(displays!, bought[i + 1]!, bought[i]!)) found += bought[i + 2]!
    return found
  },
  oracle([purchases, displays], { buckets, bucketsAgo }) {
    const shown = newest(displays!)
    return newest(purchases!)
      .filter(({ at, times }) => times > 0 && bucketsAgo(at) < buckets)
      .filter(({ at, item }) => shown.some(display => display.item === item && isAcceptance(display.at, at)))
      .reduce((sum, { times }) => sum + times, 0)
  },
}

function wasDisplayed(displays: Cells, item: number, boughtAt: number): boolean {
  for (let i = 0; i < displays.length; i += 3)
    if (displays[i + 1] === item && isAcceptance(displays[i]!, boughtAt)) return true
  return false
}

type Happened = { readonly at: number; readonly item: number; times: number }

/** What an oracle may know: the newest few, those of one moment and item being one. */
function newest(entries: readonly Entry[]): Happened[] {
  const all = new Map<string, Happened>()
  for (const { at, value, weight } of entries) {
    const same = all.get(`${at} ${value}`)
    if (same === undefined) all.set(`${at} ${value}`, { at, item: value, times: weight })
    else same.times += weight
  }
  const last = Math.max(...entries.map(({ at }) => at))
  return [...all.values()]
    .filter(({ at }) => last - at < recentMs)
    .sort((a, b) => b.at - a.at || b.item - a.item)
    .slice(0, mostRecent)
}
