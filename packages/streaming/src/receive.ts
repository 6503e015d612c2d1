import { causePosition, causeSource, isAbove, parseCause } from './cause.ts'
import { type Codec, Undecodable } from './codec.ts'
import { type Reject, reject, type Skip, skip } from './fold.ts'
import type { CausePosition, Message } from './ports.ts'

/** What a lane has applied of each source, and what of that is new since the last save. */
export type Causes = {
  readonly highest: Map<string, CausePosition>
  readonly changed: Map<string, CausePosition>
}

/** A value to handle, or what became of the record without anybody looking at its value. */
export type Reading<In> = { readonly value: In } | { readonly outcome: Skip | Reject }

/**
 * A record with this header is void unless it stands at that offset: a compare-and-set that every reader judges alike, by
 * the log alone.
 */
export const expectsOffset = 'expects-offset'

/** Larger values are not even looked at. */
const largestValueBytes = 1_000_000

/** Decodes a message; bytes nobody can read are rejected, and so is a message without a key unless it needs none. */
export function read<In>(codec: Pick<Codec<In>, 'decode'>, message: Message, keyless = false): Reading<In> {
  if (message.key === null && !keyless) return { outcome: reject('null-key') }
  if (message.value === null) return { outcome: reject('null-value') }
  const expected = message.headers[expectsOffset]
  if (expected !== undefined && expected !== `${message.offset}`) return { outcome: skip('overtaken') }
  if (message.value.length > largestValueBytes) return { outcome: reject('too-large') }
  try {
    return { value: codec.decode(message.value) }
  } catch (error) {
    if (error instanceof Undecodable) return { outcome: reject(error.reason, error) }
    throw error
  }
}

/** Whether the message repeats what its source already led to. */
export function isRepeat(message: Message, causes: Causes): boolean {
  const cause = message.cause === null ? null : parseCause(message.cause)
  return cause !== null && !isAbove(causePosition(cause), causes.highest.get(causeSource(cause)))
}

/** Whether the message is new to the lane: a repeat of what its source already led to is skipped. */
export function checkCause(message: Message, causes: Causes): Skip | Reject | null {
  if (message.cause === null) return null
  const cause = parseCause(message.cause)
  if (cause === null) return reject('wrong-cause')
  const source = causeSource(cause)
  const position = causePosition(cause)
  if (!isAbove(position, causes.highest.get(source))) return skip('repeated')
  causes.highest.set(source, position)
  causes.changed.set(source, position)
  return null
}
