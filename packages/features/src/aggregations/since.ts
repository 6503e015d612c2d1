import { dayMs } from '../windows.ts'
import type { Aggregation } from './aggregation.ts'

/** Days since the newest; a purchase taken back was still a purchase made. */
export const since: Aggregation = {
  cells: 1,
  says: 'days since the last {}',
  empty: [],
  add: (cells, { at, weight }) => (weight < 0 || (cells.length > 0 && cells[0]! >= at) ? cells : [at]),
  merge: (left, right) => (right.length === 0 || (left.length > 0 && left[0]! >= right[0]!) ? left : right),
  value: (cells, { at }) => (cells.length === 0 ? Number.NaN : (at - cells[0]!) / dayMs),
  oracle(entries, _inside, at) {
    const moments = entries.filter(({ weight }) => weight > 0).map(entry => entry.at)
    return moments.length === 0 ? Number.NaN : (at - Math.max(...moments)) / dayMs
  },
}
