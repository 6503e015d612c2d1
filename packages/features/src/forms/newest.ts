import type { Cells, Form } from './form.ts'

/** The newest value, equal times in the order of their ids; a purchase taken back leaves it. Cells: at, id, value. */
export const newest: Form = {
  bucketed: false,
  add: (cells, { at, id, value, weight }) => (weight < 0 || !isAfter(at, id, cells) ? cells : [at, id, value]),
  merge: (left, right) => (right.length > 0 && isAfter(right[0]!, right[1]!, left) ? right : left),
  pack(writer, cells, at) {
    writer.integer(at - cells[0]!)
    writer.bits(cells[1]!, 48)
    writer.integer(cells[2]!)
  },
  unpack: (reader, at) => [at - reader.integer(), reader.bits(48), reader.integer()],
  most: () => 3,
}

const isAfter = (at: number, id: number, cells: Cells): boolean =>
  cells.length === 0 || at > cells[0]! || (at === cells[0] && id > cells[1]!)
