// A page of customers in one piece of memory, which goes to a thread without being copied.
import type { BasePage } from './states.ts'

export type PackedPage = {
  readonly customers: readonly string[]
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Of each state, then of each history; -1 for none. */
  readonly lengths: Int32Array<ArrayBuffer>
}

export function packPage(customers: readonly string[], { states, histories }: BasePage): PackedPage {
  const all = [...states, ...histories]
  const lengths = Int32Array.from(all, each => each?.length ?? -1)
  const bytes = new Uint8Array(all.reduce((sum, each) => sum + (each?.length ?? 0), 0))
  let at = 0
  for (const each of all) {
    if (each === null) continue
    bytes.set(each, at)
    at += each.length
  }
  return { customers, bytes, lengths }
}

export function unpackPage({
  customers,
  bytes,
  lengths,
}: PackedPage): BasePage & { readonly customers: readonly string[] } {
  let at = 0
  const all = Array.from(lengths, length => {
    if (length < 0) return null
    at += length
    return Buffer.from(bytes.buffer, bytes.byteOffset + at - length, length)
  })
  return { customers, states: all.slice(0, customers.length), histories: all.slice(customers.length) }
}
