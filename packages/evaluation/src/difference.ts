/** Where two values of bytes part. */
export type Difference = { readonly offset: number; readonly expected: string; readonly found: string }

/** Bytes that differ, a missing byte counting as one; null when there are none. */
export function compareBytes(
  expected: Uint8Array,
  found: Uint8Array,
): { readonly differing: number; readonly first: Difference } | null {
  let differing = Math.abs(expected.length - found.length)
  let first = -1
  const shared = Math.min(expected.length, found.length)
  for (let at = 0; at < shared; at++)
    if (expected[at] !== found[at]) {
      if (first < 0) first = at
      differing++
    }
  if (differing === 0) return null
  if (first < 0) first = shared
  const around = (bytes: Uint8Array): string =>
    Buffer.from(bytes.subarray(Math.max(0, first - 8), first + 8)).toString('hex')
  return { differing, first: { offset: first, expected: around(expected), found: around(found) } }
}
