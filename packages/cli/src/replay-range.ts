import type { CustomerEvent } from '@offerstream/contracts'
import { type Log, parseCause, Refused, type Topic } from '@offerstream/streaming'
import { InvalidArgumentError } from 'commander'
import { valuesOf } from './replay-past.ts'

/** One end of a range: a moment of event time, or an offset that counts in every partition of the journal. */
export type Edge = { readonly at: number } | { readonly offset: number }

export type Range = {
  /** Whether what happened at a moment, caused by the journal record of an id, lies within it. */
  includes(at: number, id: string): boolean
}

/** A moment like 2026-03-02T09:00:00Z, or a whole number for an offset. Throws on anything else. */
export function parseEdge(text: string): Edge {
  if (/^\d+$/.test(text)) return { offset: Number(text) }
  const at = Date.parse(text)
  if (Number.isNaN(at))
    throw new InvalidArgumentError('wanted a moment like 2026-03-02T09:00:00Z, or an offset of the journal like 12000')
  return { at }
}

const moment = (at: number): string => new Date(at).toISOString()

/**
 * The range from `from` on and before `to`, held against what the journal keeps. Throws `Refused` where the range and the
 * journal have nothing in common, or where the journal's beginning is gone, naming what is kept and the nearest range.
 */
export async function rangeOf(log: Log, journal: Topic<CustomerEvent>, from?: Edge, to?: Edge): Promise<Range> {
  const bounds = await log.bounds(journal.path)
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const [partition, { first: begin, next }] of bounds.entries()) {
    if (next === begin) continue
    const begins = await momentsOf(log, journal, partition, begin, begin + 1)
    const ends = await momentsOf(log, journal, partition, Math.max(begin, next - 200), next)
    first = Math.min(first, ...begins)
    last = Math.max(last, ...ends)
  }
  const kept = `${journal.path} keeps ${Number.isFinite(first) ? `${moment(first)} to ${moment(last)}` : 'nothing'}`
  const offsets = Math.max(0, ...bounds.map(({ next }) => next))
  const trimmed = bounds.findIndex(bound => bound.first > 0)
  if (trimmed >= 0)
    throw new Refused(
      `${kept}, and its partition ${trimmed} begins at offset ${bounds[trimmed]!.first}: states cannot be folded from the middle. The nearest right one is an export that has the beginning: --export DIR`,
    )
  for (const [name, edge, outside] of [
    ['--from', from, (at: number) => at > last],
    ['--to', to, (at: number) => at <= first],
  ] as const) {
    if (edge === undefined) continue
    const wrong = 'at' in edge ? outside(edge.at) : name === '--from' ? edge.offset >= offsets : edge.offset === 0
    if (!wrong) continue
    const nearest =
      'at' in edge ? moment(name === '--from' ? last : first + 1) : name === '--from' ? Math.max(0, offsets - 1) : 1
    throw new Refused(
      `nothing lies ${name === '--from' ? 'after' : 'before'} ${name} ${'at' in edge ? moment(edge.at) : `offset ${edge.offset}`}: ${kept}, offsets 0 to ${offsets}; the nearest right one is ${name} ${nearest}`,
    )
  }
  if (from !== undefined && to !== undefined && 'at' in from && 'at' in to && from.at >= to.at)
    throw new Refused(`--from ${moment(from.at)} is not before --to ${moment(to.at)}`)
  if (from !== undefined && to !== undefined && 'offset' in from && 'offset' in to && from.offset >= to.offset)
    throw new Refused(`--from ${from.offset} is not before --to ${to.offset}`)
  const before = (edge: Edge, at: number, offset: number): boolean =>
    'at' in edge ? at < edge.at : offset < edge.offset
  return {
    includes(at, id) {
      const offset = parseCause(id)?.offset ?? 0
      return (from === undefined || !before(from, at, offset)) && (to === undefined || before(to, at, offset))
    },
  }
}

async function momentsOf(
  log: Log,
  journal: Topic<CustomerEvent>,
  partition: number,
  from: number,
  to: number,
): Promise<number[]> {
  const moments: number[] = []
  for await (const { event } of valuesOf({ log }, journal, partition, from, to)) moments.push(event.at)
  return moments
}
