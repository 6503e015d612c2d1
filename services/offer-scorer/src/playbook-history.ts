// The playbook as a reader sees it who loads no model: every version, who put it, when, and what it changed.
import { checkRecord, emptyPlaybook, type Playbook } from '@offerstream/catalogue'
import type { PlaybookRecord } from '@offerstream/contracts'
import { names } from '@offerstream/features'
import { follow, type Log, type Topic } from '@offerstream/streaming'
import { createPast } from './playbook.ts'

type Body = PlaybookRecord['body']

/** A record that holds. */
export type PlaybookEntry = {
  readonly version: number
  /** When it was written, milliseconds of wall time, and by whom; null where it does not say. */
  readonly at: number
  readonly by: string | null
  readonly body: Body
}

export type PlaybookHistory = {
  current(): Playbook
  /** The empty playbook where there never was that version. */
  at(version: number): Playbook
  /** In order; what was passed over is left out. */
  entries(): readonly PlaybookEntry[]
  catchUp(): Promise<void>
  stop(): Promise<void>
}

/** Follows the topic, judging records as scorers do, but for a promotion's model. */
export async function followHistory(
  log: Log,
  topic: Topic<PlaybookRecord>,
  notice?: (line: string) => void,
): Promise<PlaybookHistory> {
  const past = createPast()
  const entries: PlaybookEntry[] = []
  const following = await follow(
    log,
    topic,
    (record, { offset, timestamp, headers }) => {
      const isRight = checkRecord(record, names, past.current()).length === 0
      if (isRight) entries.push({ version: offset, at: timestamp, by: headers['by'] ?? null, body: record.body })
      past.add(isRight ? record : null, offset)
    },
    notice,
  )
  return {
    current: past.current,
    at(version) {
      try {
        return past.at(version)
      } catch (error) {
        if (error instanceof RangeError) return emptyPlaybook
        throw error
      }
    },
    entries: () => entries,
    catchUp: following.catchUp,
    stop: following.stop,
  }
}

/** A field that differs; null where the record is new. */
export type Change = { readonly field: string; readonly from: unknown; readonly to: unknown }

/** What a record changes in a playbook, the fields that stay left out; for a new one every field. */
export function changesOf(before: Playbook, body: Body): readonly Change[] {
  const key = keyOf(body)
  const was = bodiesOf(before).find(each => keyOf(each) === key)
  return Object.entries(body)
    .filter(([field]) => field !== 'type' && field !== 'name')
    .map(([field, to]) => ({ field, from: was === undefined ? null : was[field as keyof Body], to: to as unknown }))
    .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to))
}

/** A record of the later playbook that differs from the earlier one. */
export type Difference = { readonly body: Body; readonly changes: readonly Change[] }

/** Two versions side by side: what the later one changed and added. */
export const differences = (from: Playbook, to: Playbook): readonly Difference[] =>
  bodiesOf(to)
    .map(body => ({ body, changes: changesOf(from, body) }))
    .filter(({ changes }) => changes.length > 0)

/** All records of a playbook. */
export function bodiesOf(playbook: Playbook): readonly Body[] {
  const { version: _version, promoted: _promoted, ...places } = playbook
  return Object.values(places).flatMap(place => [...(place as ReadonlyMap<string, Body>).values()])
}

/** What tells records apart: the later one of two replaces the earlier. */
const keyOf = (body: Body): string => `${body.type}/${body.name}${body.type === 'model' ? `/${body.version}` : ''}`
