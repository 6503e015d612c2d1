// A customer's decision explained; for one who never had a decision, what is known and why no trigger fired.
import type { CustomerEvent } from '@offerstream/contracts'
import { updaterName } from '@offerstream/feature-updater'
import { names, read, states, triggerTable } from '@offerstream/features'
import { type Explanation, lookBackBy, openExplainer } from '@offerstream/offer-scorer'
import { createModels } from '@offerstream/ranker'
import { openTopic, partitionOf, type Surroundings } from '@offerstream/streaming'
import { checkAll } from './playbook.ts'

export type Explained = {
  readonly customer: string
  /** Null where no such decision was found. */
  readonly explanation: Explanation | null
  /** Null where a decision was found, or nothing is known. */
  readonly known: Known | null
  /** Whether it was decided again with records on top of today's playbook. */
  readonly onTop: boolean
  readonly searched: { readonly records: number; readonly since: string | null }
}

/** Of a customer nothing was decided for. */
export type Known = {
  readonly lastEventAt: string
  readonly features: Readonly<Record<string, number | null>>
  readonly triggers: readonly {
    readonly kind: string
    readonly says: string
    /** When it fired last; null for never. */
    readonly firedAt: string | null
    /** Events that might have set it off, as far as the journal was looked at, and how many of them were history. */
    readonly events: number
    readonly imported: number
  }[]
}

export type ExplainOptions = {
  readonly at?: number
  readonly decision?: string
  /** How far to look back, days of wall time. */
  readonly days: number
  readonly models: string
  /** Decide again by today's playbook, with records as `playbook put` takes them on top where they are given. */
  readonly again?: boolean
  readonly records?: string
}

const day = 24 * 60 * 60 * 1000
const mostRecords = 100_000

/** Reads the customer's partition of decisions, deliveries and journal, as far back as it is asked to. */
export async function explainCustomer(
  surroundings: Surroundings,
  customer: string,
  { at, decision, days, models: folder, again = false, records }: ExplainOptions,
): Promise<Explained> {
  const models = createModels(folder)
  const explainer = await openExplainer(surroundings, models)
  try {
    const { explanation, searched } = await explainer.explain(customer, {
      days,
      ...(at === undefined ? {} : { at }),
      ...(decision === undefined ? {} : { decision }),
      ...(again || records !== undefined
        ? {
            again: async today => {
              if (records === undefined) return today
              const { after } = await checkAll(records, today, { at: 0, models: folder, force: true })
              return { ...after, version: today.version }
            },
          }
        : {}),
    })
    const isAsked = at !== undefined || decision !== undefined
    return {
      customer,
      explanation,
      known: explanation === null && !isAsked ? await knownOf(surroundings, customer, days) : null,
      onTop: records !== undefined,
      searched: {
        records: searched.records,
        since: searched.since === null ? null : new Date(searched.since).toISOString(),
      },
    }
  } finally {
    await explainer.stop()
    await models.close()
  }
}

async function knownOf(
  { log, store, registry, prefix }: Surroundings,
  customer: string,
  days: number,
): Promise<Known | null> {
  const journal = await openTopic(registry, 'customer-events', prefix)
  const partition = partitionOf(customer, (await log.bounds(journal.path)).length)
  const [bytes] = await store.peek(updaterName, partition, [customer])
  if (bytes == null) return null
  const state = states.decode(bytes)
  const vector = read(state, state.at)
  const seen = new Map<string, { events: number; imported: number }>()
  const options = { since: Date.now() - days * day, records: mostRecords }
  for await (const { event, triggers } of lookBackBy(idOf, log, journal, partition, customer, options).values) {
    const counted = seen.get(event.type) ?? { events: 0, imported: 0 }
    counted.events++
    if (!triggers) counted.imported++
    seen.set(event.type, counted)
  }
  return {
    lastEventAt: new Date(state.at).toISOString(),
    features: Object.fromEntries(names.map((name, index) => [name, numberOr(vector[index]!)])),
    triggers: triggerTable.map(({ kind, says, on }) => {
      const firedAt = state.fired[kind]
      return {
        kind,
        says,
        firedAt: firedAt === undefined ? null : new Date(firedAt).toISOString(),
        ...(seen.get(on) ?? { events: 0, imported: 0 }),
      }
    }),
  }
}

const idOf = ({ event }: CustomerEvent): string => ('id' in event ? `${event.type}/${event.id}` : event.type)
const numberOr = (value: number): number | null => (Number.isNaN(value) ? null : value)
