import { textHashBits } from '../hash.ts'
import { dayMs } from '../windows.ts'
import type { Cells, Form } from './form.ts'

/** How many are kept, and how far they may lie behind the newest, milliseconds. */
export const mostRecent = 16
export const recentMs = 45 * dayMs

/**
 * The newest few texts with their moments, newest first, equal moments by hash; what was taken back counts against what
 * was bought at the same moment. Cells: at, hash, how often, at, hash, how often, …
 */
export const recent: Form = {
  bucketed: false,
  add: (cells, { at, value, weight }) => put(cells, at, value, weight),
  merge(left, right) {
    let merged = left
    for (let i = 0; i < right.length; i += 3) merged = put(merged, right[i]!, right[i + 1]!, right[i + 2]!)
    return merged
  },
  pack(writer, cells, at) {
    writer.bits(cells.length / 3 - 1, countBits)
    let newer = at
    for (let i = 0; i < cells.length; i += 3) {
      writer.natural(newer - cells[i]!)
      writer.bits(cells[i + 1]!, textHashBits)
      writer.bits(cells[i + 2] === 1 ? 0 : 1, 1)
      if (cells[i + 2] !== 1) writer.integer(cells[i + 2]!)
      newer = cells[i]!
    }
  },
  unpack(reader, at) {
    const cells: number[] = []
    let newer = at
    for (let left = reader.bits(countBits) + 1; left > 0; left--) {
      newer -= reader.natural()
      cells.push(newer, reader.bits(textHashBits), reader.bits(1) === 0 ? 1 : reader.integer())
    }
    return cells
  },
  most: () => 3 * mostRecent,
}

const countBits = 4

function put(cells: Cells, at: number, hash: number, times: number): Cells {
  const length = cells.length
  if (length > 0 && at <= cells[0]! - recentMs) return cells
  let i = 0
  while (i < length && (cells[i]! > at || (cells[i] === at && cells[i + 1]! > hash))) i += 3
  if (i === 3 * mostRecent) return cells
  const held = i < length && cells[i] === at && cells[i + 1] === hash
  const kept = [...cells.slice(0, i), at, hash, held ? cells[i + 2]! + times : times]
  const oldest = kept[0]! - recentMs
  for (let j = held ? i + 3 : i; j < length && kept.length < 3 * mostRecent && cells[j]! > oldest; j += 3)
    kept.push(cells[j]!, cells[j + 1]!, cells[j + 2]!)
  return kept
}
