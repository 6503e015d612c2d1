/** The fields of a protobuf message, one level deep: a number for a varint, else the bytes. Throws `RangeError`. */
export function* fieldsOf(bytes: Uint8Array): Generator<{ field: number; value: number | Uint8Array }> {
  let at = 0
  const varint = (): number => {
    const { value, next } = varintAt(bytes, at)
    at = next
    return value
  }
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError('truncated protobuf')
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = varint()
    const field = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        yield { field, value: varint() }
        break
      case 1:
        yield { field, value: take(8) }
        break
      case 2:
        yield { field, value: take(varint()) }
        break
      case 5:
        yield { field, value: take(4) }
        break
      default:
        throw new RangeError('not a protobuf')
    }
  }
}

/** Varints one after the other, as a packed field holds them. */
export function varintsOf(bytes: Uint8Array): number[] {
  const values: number[] = []
  for (let at = 0; at < bytes.length; ) {
    const { value, next } = varintAt(bytes, at)
    values.push(value)
    at = next
  }
  return values
}

/** Signed, 64 bits: only a negative number takes ten bytes. */
function varintAt(bytes: Uint8Array, from: number): { value: number; next: number } {
  let value = 0
  let negative = 0n
  for (let index = 0; index < 10; index++) {
    const byte = bytes[from + index]
    if (byte === undefined) throw new RangeError('truncated protobuf')
    value += (byte & 0x7f) * 2 ** (7 * index)
    negative |= BigInt(byte & 0x7f) << BigInt(7 * index)
    if (byte < 0x80) return { value: index < 9 ? value : Number(BigInt.asIntN(64, negative)), next: from + index + 1 }
  }
  throw new RangeError('endless protobuf number')
}
