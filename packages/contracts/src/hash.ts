/**
 * 53 bits of a text, evenly spread and the same everywhere: for arms, draws and shares, never for secrets.
 * Two 32-bit multiplicative lanes mixed as in cyrb53 (public domain).
 */
export function hash(text: string): number {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return 2 ** 32 * (low & (2 ** 21 - 1)) + (high >>> 0)
}

/** A number in [0, 1) that hangs on the text alone. */
export const unit = (text: string): number => hash(text) / 2 ** 53
