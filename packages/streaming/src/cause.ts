import type { Cause, CausePosition } from './ports.ts'

/** `topic@generation/partition/offset/index`: the header every published record carries, and the id derived from it. */
export const causeText = (cause: Cause): string =>
  `${cause.topic}@${cause.generation}/${cause.partition}/${cause.offset}/${cause.index}`

/** Null where the text is no cause. Read by hand: every record of the journal has one. */
export function parseCause(text: string): Cause | null {
  const at = text.lastIndexOf('@')
  const first = text.indexOf('/', at + 1)
  const second = text.indexOf('/', first + 1)
  const third = text.indexOf('/', second + 1)
  if (at < 1 || first < 0 || second < 0 || third < 0) return null
  const generation = natural(text, at + 1, first)
  const partition = natural(text, first + 1, second)
  const offset = natural(text, second + 1, third)
  const index = natural(text, third + 1, text.length)
  if (generation < 0 || partition < 0 || offset < 0 || index < 0) return null
  return { topic: text.slice(0, at), generation, partition, offset, index }
}

/** -1 where there is anything but digits, or nothing. */
function natural(text: string, from: number, to: number): number {
  let value = from < to ? 0 : -1
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** The source a cause belongs to; positions are comparable only within one. */
export const causeSource = (cause: Cause): string => `${cause.topic}/${cause.partition}`

export const causePosition = (cause: Cause): CausePosition => [cause.generation, cause.offset, cause.index]

/** Whether `position` lies after `highest`, generation first. */
export function isAbove(position: CausePosition, highest: CausePosition | undefined): boolean {
  if (highest === undefined) return true
  if (position[0] !== highest[0]) return position[0] > highest[0]
  if (position[1] !== highest[1]) return position[1] > highest[1]
  return position[2] > highest[2]
}
