import type { CatalogueItem } from '@offerstream/contracts'
import type { Followed } from './follow.ts'

/** A decision, or a plan bought unasked, with what may still become of it. */
export type Group = {
  readonly id: string
  readonly customer: Followed
  readonly at: number
  readonly source: 'offer' | 'organic'
  readonly current: string | null
  readonly control: boolean
  readonly items: readonly CatalogueItem[]
  /** Index of the item that was offered, or bought. */
  readonly chosen: number
  /** Of each item; empty where nobody chose for the customer. */
  readonly propensities: ArrayLike<number>
  /** For judges alone, where they can know: probability of attending, and of accepting each item if attended. */
  readonly truth: Truth | null
  /** When the offer was seen. */
  readonly displayedAt: number[]
  opened: boolean
  rejected: boolean
  accepted: boolean
  /** Whether it has a place in the table: its outcome is known; the purchase was unasked, and not taken back. */
  kept: boolean
}

export type Truth = { readonly attending: number; readonly accept: ArrayLike<number> }

/** Groups of some time with their vectors, held until their outcomes are known. */
export type Block = {
  readonly groups: Group[]
  /** Of customers, a row for each group; grows. */
  features: Float32Array
  /** Of pairs, a row for each item of each group. */
  pairs: Float32Array
  /** Items so far. */
  rows: number
}

export const emptyBlock = (): Block => ({
  groups: [],
  features: new Float32Array(0),
  pairs: new Float32Array(0),
  rows: 0,
})

/** Adds a group with its vectors. */
export function addGroup(block: Block, group: Group, own: Float32Array, pairRows: Float32Array): void {
  const row = block.groups.push(group) - 1
  block.features = roomFor(block.features, (row + 1) * own.length)
  block.features.set(own, row * own.length)
  const width = pairRows.length / group.items.length
  const from = block.rows * width
  block.rows += group.items.length
  block.pairs = roomFor(block.pairs, from + pairRows.length)
  block.pairs.set(pairRows, from)
}

function roomFor(values: Float32Array, length: number): Float32Array {
  if (values.length >= length) return values
  const more = new Float32Array(Math.max(length, 2 * values.length, 1 << 12))
  more.set(values)
  return more
}
