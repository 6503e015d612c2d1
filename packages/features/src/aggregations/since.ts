import { dayMs } from '../windows.ts'
import type { Aggregation } from './aggregation.ts'

/** Days since the newest. */
export const since: Aggregation = {
  forms: ['newestMoment'],
  says: 'days since the last {}',
  inFieldUnit: false,
  retraction: 'changes nothing',
  value: ([cells], { at }) => (cells!.length === 0 ? Number.NaN : (at - cells![0]!) / dayMs),
  oracle([entries], { at }) {
    const moments = entries!.filter(({ weight }) => weight > 0).map(entry => entry.at)
    return moments.length === 0 ? Number.NaN : (at - Math.max(...moments)) / 86_400_000
  },
}
