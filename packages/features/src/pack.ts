// Small numbers in few bytes: seven bits a byte, lowest first; integers zigzag. Values stay below 2^52.

/** Writes into one growing buffer that every use starts anew. */
export type Packer = {
  start(): void
  natural(value: number): void
  integer(value: number): void
  sixBytes(value: number): void
  /** What was written since `start`; valid until the next one. */
  written(): Buffer
}

/** Reads what a packer wrote. */
export type Unpacker = {
  start(bytes: Uint8Array): void
  natural(): number
  integer(): number
  sixBytes(): number
  /** Throws unless exactly all bytes were read. */
  finish(): void
}

/** Below it numbers may be shifted as 32-bit integers. */
const shiftable = 0x4000_0000

export function createPacker(): Packer {
  let bytes = Buffer.alloc(1_024)
  let length = 0
  const natural = (value: number): void => {
    if (length + 8 > bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(bytes.length)])
    let rest = value
    while (rest >= shiftable) {
      bytes[length++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest > 0x7f) {
      bytes[length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    bytes[length++] = rest
  }
  return {
    start() {
      length = 0
    },
    natural,
    integer: value => natural(value < 0 ? -2 * value - 1 : 2 * value),
    sixBytes(value) {
      if (length + 6 > bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(bytes.length)])
      length = bytes.writeUIntLE(value, length, 6)
    },
    written: () => bytes.subarray(0, length),
  }
}

export function createUnpacker(): Unpacker {
  let bytes = new Uint8Array(0)
  let position = 0
  const natural = (): number => {
    let byte = bytes[position++]!
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    for (let shift = 7; shift < 28; shift += 7) {
      byte = bytes[position++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    for (let factor = 0x1000_0000; byte >= 0x80; factor *= 128) {
      byte = bytes[position++]!
      value += (byte & 0x7f) * factor
    }
    return value
  }
  return {
    start(from) {
      bytes = from as Uint8Array<ArrayBuffer>
      position = 0
    },
    natural,
    integer() {
      const value = natural()
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    },
    sixBytes() {
      const low = bytes[position]! + bytes[position + 1]! * 0x100 + bytes[position + 2]! * 0x1_0000
      const high = bytes[position + 3]! + bytes[position + 4]! * 0x100 + bytes[position + 5]! * 0x1_0000
      position += 6
      return low + high * 0x100_0000
    },
    finish() {
      if (position !== bytes.length) throw new RangeError(`a state of ${bytes.length} bytes was read to ${position}`)
    },
  }
}
