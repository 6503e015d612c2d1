import type { Aggregation, Cells } from './aggregation.ts'

/** The newest value, equal times in the order of their ids; a purchase taken back leaves it as it was. Cells: at, id, value. */
export const last: Aggregation = {
  cells: 3,
  says: 'last {}',
  empty: [],
  add: (cells, { at, id, value, weight }) => (weight < 0 || !isAfter(at, id, cells) ? cells : [at, id, value]),
  merge: (left, right) => (right.length > 0 && isAfter(right[0]!, right[1]!, left) ? right : left),
  value: cells => (cells.length === 0 ? Number.NaN : cells[2]!),
  oracle(entries) {
    const inOrder = entries.filter(({ weight }) => weight > 0).sort((a, b) => a.at - b.at || a.id - b.id)
    return inOrder.at(-1)?.value ?? Number.NaN
  },
}

const isAfter = (at: number, id: number, cells: Cells): boolean =>
  cells.length === 0 || at > cells[0]! || (at === cells[0] && id > cells[1]!)
