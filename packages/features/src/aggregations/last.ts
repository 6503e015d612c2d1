import type { Aggregation } from './aggregation.ts'

/** The newest value, equal times in the order of their ids. */
export const last: Aggregation = {
  forms: ['newest'],
  says: 'last {}',
  inFieldUnit: true,
  retraction: 'changes nothing',
  value: ([cells]) => cells![2] ?? Number.NaN,
  oracle([entries]) {
    const inOrder = entries!.filter(({ weight }) => weight > 0).sort((a, b) => a.at - b.at || a.id - b.id)
    return inOrder.at(-1)?.value ?? Number.NaN
  },
}
