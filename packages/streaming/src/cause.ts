import type { Cause, CausePosition } from './ports.ts'

/** `topic@generation/partition/offset/index`: the header every published record carries, and the id derived from it. */
export const causeText = (cause: Cause): string =>
  `${cause.topic}@${cause.generation}/${cause.partition}/${cause.offset}/${cause.index}`

/** Null where the text is no cause. */
export function parseCause(text: string): Cause | null {
  const match = /^(.+)@(\d+)\/(\d+)\/(\d+)\/(\d+)$/.exec(text)
  if (match === null) return null
  return {
    topic: match[1]!,
    generation: Number(match[2]),
    partition: Number(match[3]),
    offset: Number(match[4]),
    index: Number(match[5]),
  }
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
