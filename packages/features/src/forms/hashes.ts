import { textHashBits } from '../hash.ts'
import type { Cells, Form } from './form.ts'

/** Hashes that are kept, the smallest. */
export const mostHashes = 32

/** The smallest different hashes of texts, ascending; a purchase taken back leaves them. */
export const hashes: Form = {
  bucketed: false,
  add: (cells, { value, weight }) => (weight < 0 ? cells : put(cells, value)),
  merge: (left, right) => right.reduce(put, left),
  pack(writer, cells) {
    writer.bits(cells.length - 1, countBits)
    for (const hash of cells) writer.bits(hash, textHashBits)
  },
  unpack: reader => Array.from({ length: reader.bits(countBits) + 1 }, () => reader.bits(textHashBits)),
  most: () => mostHashes,
}

const countBits = 5

function put(cells: Cells, hash: number): Cells {
  let i = 0
  while (i < cells.length && cells[i]! < hash) i++
  if (cells[i] === hash || i === mostHashes) return cells
  return [...cells.slice(0, i), hash, ...cells.slice(i, mostHashes - 1)]
}
