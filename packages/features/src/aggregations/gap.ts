import { dayMs } from '../windows.ts'
import type { Aggregation } from './aggregation.ts'

/** Days between the newest two, those of one moment being one; missing before the second. */
export const gap: Aggregation = {
  forms: ['newestTwoMoments'],
  says: 'days between the last two {}',
  inFieldUnit: false,
  retraction: 'changes nothing',
  value: ([cells]) => (cells!.length < 2 ? Number.NaN : (cells![0]! - cells![1]!) / dayMs),
  oracle([entries]) {
    const moments = new Set(entries!.filter(({ weight }) => weight > 0).map(({ at }) => at))
    const [newest, before] = [...moments].sort((a, b) => b - a)
    return before === undefined ? Number.NaN : (newest! - before) / 86_400_000
  },
}
