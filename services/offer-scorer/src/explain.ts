// Finds a decision, what it was made by and what followed it. Reads only, and of the customer's partition only.
import type { Playbook } from '@offerstream/catalogue'
import type { CustomerEvent, Decision } from '@offerstream/contracts'
import { ModelRefused, type Models } from '@offerstream/ranker'
import { openTopic, partitionOf, type Surroundings, UnknownTopic } from '@offerstream/streaming'
import { decideAgain } from './decide-again.ts'
import { type Explanation, explanationOf } from './explanation.ts'
import { type LookBack, lookBack, lookBackBy, type Searched } from './look-back.ts'
import { followHistory } from './playbook-history.ts'

type ExplainOptions = {
  /** The decision of this id; else the newest, of those at or before `at` in event time. */
  readonly decision?: string
  readonly at?: number
  /** How far to look back, in days of wall time. */
  readonly days: number
  /** Decide it again by the playbook made of today's. */
  readonly again?: (today: Playbook) => Playbook | Promise<Playbook>
}

type Explained = { readonly explanation: Explanation | null; readonly searched: Searched }

export type Explainer = {
  /** The playbook as it is now. */
  playbook(): Playbook
  explain(customer: string, options: ExplainOptions): Promise<Explained>
  stop(): Promise<void>
}

const day = 24 * 60 * 60 * 1000
/** Most records of a partition looked at, per topic. */
export const mostRecords = 100_000

/** Topics are opened and the playbook is read. `models` are the caller's to close. */
export async function openExplainer(
  { log, registry, prefix, notice }: Pick<Surroundings, 'log' | 'registry' | 'prefix' | 'notice'>,
  models: Models,
): Promise<Explainer> {
  const decisions = await openTopic(registry, 'decisions', prefix)
  const deliveries = await openTopic(registry, 'deliveries', prefix)
  const journal = await openTopic(registry, 'customer-events', prefix)
  const playbook = await followHistory(log, await openTopic(registry, 'playbook', prefix), notice)
  const partitionIn = async (path: string, customer: string): Promise<number> =>
    partitionOf(customer, (await log.bounds(path)).length)

  return {
    playbook: playbook.current,
    stop: playbook.stop,
    async explain(customer, { decision: wanted, at = Number.POSITIVE_INFINITY, days, again }) {
      const options = { since: Date.now() - days * day, records: mostRecords }
      const found = lookBack(log, decisions, await partitionIn(decisions.path, customer), customer, options)
      let decision: Decision | null = null
      for await (const each of found.values)
        if (wanted === undefined ? each.at <= at : each.id === wanted) {
          decision = each
          break
        }
      const { searched } = found
      if (decision === null) return { explanation: null, searched }

      await playbook.catchUp()
      // Nothing followed it that was written before the oldest record of the window it was found in.
      const after = { since: searched.since ?? options.since, records: mostRecords }
      const pushed = await all(async () =>
        lookBack(log, deliveries, await partitionIn(deliveries.path, customer), customer, after),
      )
      const events = await all(async () =>
        lookBackBy(eventId, log, journal, await partitionIn(journal.path, customer), customer, after),
      )
      const then = playbook.at(decision.playbookVersion)
      const today = playbook.current()
      return {
        searched,
        explanation: explanationOf({
          decision,
          playbook: then,
          today,
          entries: playbook.entries(),
          pairNames: await pairNamesOf(decision, then, models),
          deliveries: pushed.values,
          events: events.values.map(({ event }) => event),
          followedWhole: pushed.isWhole && events.isWhole,
          again: again === undefined ? null : await decideAgain(decision, { then, today: await again(today) }, models),
        }),
      }
    },
  }
}

const eventId = ({ event }: CustomerEvent): string => ('id' in event ? `${event.type}/${event.id}` : event.type)

/** Everything of a search, and whether it reached the time it was to reach; a topic that is not there holds nothing. */
async function all<T>(search: () => Promise<LookBack<T>>): Promise<{ values: T[]; isWhole: boolean }> {
  try {
    const { values, searched } = await search()
    return { values: await Array.fromAsync(values), isWhole: searched.endedBy !== 'records' }
  } catch (error) {
    if (error instanceof UnknownTopic) return { values: [], isWhole: true }
    throw error
  }
}

/** The pair features of an item are those of the model that scores its kind, as its manifest orders them. */
async function pairNamesOf(
  { models: used }: Decision,
  { items }: Playbook,
  models: Models,
): Promise<(item: string) => readonly string[]> {
  const byKind = new Map<string, readonly string[]>()
  for (const { name, version, sha256, stage } of used) {
    if (stage === 'shadow') continue
    const model = await models.load({ name, version, sha256 }).catch(error => {
      if (error instanceof ModelRefused) return null
      throw error
    })
    if (model !== null) byKind.set(model.manifest.kind, model.manifest.pairs)
  }
  return item => byKind.get(items.get(item)?.kind ?? '') ?? []
}
