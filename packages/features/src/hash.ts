import type { CustomerEvent } from '@offerstream/contracts'

/** Twelve hexadecimal digits that change with the text. */
export const fingerprintOf = (text: string): string => hash48(text, 0).toString(16).padStart(12, '0')

/** Bits of a text's hash: among 32 texts two share one once in 30,000 times. */
export const textHashBits = 24

/** What a text is compared by where texts are kept as numbers. */
export const textHash = (text: string): number => hash48(text, 0) % 2 ** textHashBits

type Happening = Exclude<CustomerEvent['event'], { type: 'tick' }>

/** Ids are unique per source, and each type of record has a source of its own. */
const sources: Readonly<Record<Happening['type'], number>> = {
  purchase: 1,
  purchase_retracted: 2,
  usage: 3,
  engagement: 4,
  customer: 5,
  delivery: 6,
  campaign_due: 7,
}

/** What an event is remembered and ordered by; two events of a customer share it once in 2^48. */
export const eventHash = (event: Happening): number => hash48(event.id, sources[event.type])

/** 48 bits of a text and a salt: two lanes of MurmurHash3 (Austin Appleby, x86, 128 bits), a character at a time. */
function hash48(text: string, salt: number): number {
  let a = 0
  let b = 0
  for (let i = -1; i < text.length; i++) {
    const unit = i < 0 ? salt : text.charCodeAt(i)
    let k = Math.imul(unit, 0x239b961b)
    k = Math.imul((k << 15) | (k >>> 17), 0xab0e9789)
    a ^= k
    a = (Math.imul((a << 19) | (a >>> 13), 5) + 0x561ccd1b + b) | 0
    k = Math.imul(unit, 0xab0e9789)
    k = Math.imul((k << 16) | (k >>> 16), 0x38b34ae5)
    b ^= k
    b = (Math.imul((b << 17) | (b >>> 15), 5) + 0x0bcaa747 + a) | 0
  }
  a = mixed((a ^ text.length) + b)
  b = mixed((b ^ text.length) + a)
  return ((a + b) & 0xffff) * 0x1_0000_0000 + (b >>> 0)
}

function mixed(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
