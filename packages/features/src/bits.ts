// A stream of bits, lowest first in each byte, for numbers that are mostly small. Numbers stay below 2^53.

/** Writes into one growing buffer that every use starts anew. */
export type BitWriter = {
  start(): void
  /** The lowest `width` bits; the value must not need more. */
  bits(value: number, width: number): void
  /** Not negative: groups of seven bits, each with a bit that says whether another follows. */
  natural(value: number): void
  /** Any integer, near zero the shortest. */
  integer(value: number): void
  /** What was written since `start`, filled up to a whole byte; valid until the next one. */
  written(): Buffer
}

/** Reads what a writer wrote. */
export type BitReader = {
  start(bytes: Uint8Array): void
  bits(width: number): number
  natural(): number
  integer(): number
  /** Throws unless exactly all bytes were read. */
  finish(): void
}

/** Most bits that join up to seven waiting ones in a 32-bit integer. */
const step = 24
const stepFactor = 2 ** step

export function createBitWriter(): BitWriter {
  let bytes = Buffer.alloc(1_024)
  let length = 0
  let waiting = 0
  let waitingBits = 0
  const few = (value: number, width: number): void => {
    waiting |= value << waitingBits
    waitingBits += width
    if (length + 4 > bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(bytes.length)])
    while (waitingBits >= 8) {
      bytes[length++] = waiting
      waiting >>= 8
      waitingBits -= 8
    }
  }
  const bits = (value: number, width: number): void => {
    let rest = value
    let left = width
    for (; left > step; left -= step) {
      few(rest % stepFactor, step)
      rest = Math.floor(rest / stepFactor)
    }
    few(rest, left)
  }
  const natural = (value: number): void => {
    let rest = value
    while (rest > 0x7f) {
      bits((rest % 128) + 128, 8)
      rest = Math.floor(rest / 128)
    }
    bits(rest, 8)
  }
  return {
    start() {
      length = 0
      waiting = 0
      waitingBits = 0
    },
    bits,
    natural,
    integer: value => natural(value < 0 ? -2 * value - 1 : 2 * value),
    written() {
      if (waitingBits > 0) bits(0, 8 - waitingBits)
      return bytes.subarray(0, length)
    },
  }
}

export function createBitReader(): BitReader {
  let bytes = new Uint8Array(0)
  let position = 0
  let waiting = 0
  let waitingBits = 0
  const few = (width: number): number => {
    while (waitingBits < width) {
      waiting |= bytes[position++]! << waitingBits
      waitingBits += 8
    }
    const value = waiting & ((1 << width) - 1)
    waiting >>= width
    waitingBits -= width
    return value
  }
  const bits = (width: number): number => {
    if (width <= step) return few(width)
    let value = 0
    let factor = 1
    let left = width
    for (; left > step; left -= step) {
      value += few(step) * factor
      factor *= stepFactor
    }
    return value + few(left) * factor
  }
  const natural = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const group = bits(8)
      if (group < 0x80) return value + group * factor
      value += (group - 0x80) * factor
    }
  }
  return {
    start(from) {
      bytes = from as Uint8Array<ArrayBuffer>
      position = 0
      waiting = 0
      waitingBits = 0
    },
    bits,
    natural,
    integer() {
      const value = natural()
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    },
    finish() {
      if (position !== bytes.length) throw new RangeError(`a state of ${bytes.length} bytes was read to ${position}`)
    },
  }
}

/** How many bits a number that is not negative needs. */
export const widthOf = (value: number): number =>
  value < 0x8000_0000 ? 32 - Math.clz32(value) : 31 + widthOf(Math.floor(value / 0x8000_0000))
