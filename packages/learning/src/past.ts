// The choice table of a journal: the export's events through the same fold, each decision where its update was caused.
import type { CustomerEvent, Decision } from '@offerstream/contracts'
import {
  type Log,
  openTopic,
  parseCause,
  Refused,
  type Registry,
  type Topic,
  Undecodable,
  UnknownTopic,
} from '@offerstream/streaming'
import type { Block } from './block.ts'
import { createFollowing, type Followed } from './follow.ts'
import { playbookVersions } from './playbook-versions.ts'
import type { Vectors } from './vectors.ts'

export type Past = { readonly log: Pick<Log, 'read' | 'bounds'>; readonly registry: Registry; readonly prefix: string }

export type PastCounts = {
  readonly events: number
  readonly decisions: number
  /** Decisions without a row, by reason. */
  readonly leftOut: Readonly<Record<LeftOut, number>>
}

/** A decision of another system is one that no record of this journal caused. */
type LeftOut = 'noPlanOffered' | 'notRipe' | 'ofAnotherSystem'

export type PastPart = {
  readonly block: Block
  readonly start: number
  readonly partition: number
  readonly partitions: number
}

/** Settled choices, partition by partition; the counts once all are there. */
export async function* pastChoices(past: Past, vectors: Vectors): AsyncGenerator<PastPart, PastCounts> {
  const { log, registry, prefix } = past
  const [events, decisions, playbook] = [
    await openTopic(registry, 'customer-events', prefix),
    await openTopic(registry, 'decisions', prefix),
    await openTopic(registry, 'playbook', prefix),
  ]
  const records = []
  for await (const { value, offset } of valuesOf(log, playbook, 0)) records.push({ record: value, offset })
  const playbookAt = playbookVersions(records)
  const bounds = await log.bounds(events.path)
  const trimmed = bounds.findIndex(({ first }) => first > 0)
  if (trimmed >= 0)
    throw new Refused(
      `${events.path}/${trimmed} begins at offset ${bounds[trimmed]!.first}: what came before is gone, and vectors cannot be folded from the middle`,
    )
  const start = await startOf(log, events, bounds.length)
  const leftOut: Record<LeftOut, number> = { noPlanOffered: 0, notRipe: 0, ofAnotherSystem: 0 }
  let seen = 0
  let decided = 0
  for (let partition = 0; partition < bounds.length; partition++) {
    const following = createFollowing(vectors)
    const customers = new Map<string, Followed>()
    const customerOf = (name: string): Followed => {
      let customer = customers.get(name)
      if (customer === undefined) {
        customer = following.customer(name)
        customers.set(name, customer)
      }
      return customer
    }
    const byOffset = new Map<number, Decision[]>()
    const ids = new Set<string>()
    try {
      for await (const { value: decision } of valuesOf(log, decisions, partition)) {
        if (ids.has(decision.id)) continue
        ids.add(decision.id)
        decided++
        const cause = parseCause(decision.id)
        if (decision.update.fingerprint === '' || cause?.topic !== 'customer-events') leftOut.ofAnotherSystem++
        else byOffset.set(cause.offset, [...(byOffset.get(cause.offset) ?? []), decision])
      }
    } catch (error) {
      if (!(error instanceof UnknownTopic)) throw error
    }
    // Before the first decision nobody says what was on sale: what that one saw.
    let version = [...byOffset.values()][0]?.[0]?.playbookVersion ?? records.at(-1)?.offset ?? -1
    let end = start
    for await (const { value: envelope, offset, key } of valuesOf(log, events, partition)) {
      seen++
      end = Math.max(end, envelope.journalledAt)
      const { event } = envelope
      const due = byOffset.get(offset)
      version = due?.[0]?.playbookVersion ?? version
      if (event.type !== 'tick' && event.customer === key)
        following.see(customerOf(key), envelope, playbookAt(version), true)
      for (const decision of due ?? []) {
        const { items: known, experiments } = playbookAt(decision.playbookVersion)
        const plans = decision.candidates.filter(
          ({ item, refused }) => refused === null && known.get(item)?.kind === 'plan',
        )
        const chosen = plans.findIndex(({ item }) => item === decision.chosen)
        if (chosen < 0) {
          leftOut.noPlanOffered++
          continue
        }
        const policies = decision.arms.map(
          ({ experiment, arm }) => experiments.get(experiment)?.arms.find(({ name }) => name === arm)?.policy,
        )
        following.ask(
          customerOf(decision.customer),
          {
            id: decision.id,
            at: decision.at,
            items: plans.map(({ item }) => known.get(item)!),
            propensities: plans.map(({ propensity }) => propensity),
            chosen,
            control: policies.some(policy => policy !== 'champion'),
            truth: null,
          },
          playbookAt(decision.playbookVersion),
        )
      }
    }
    const block = following.cut()
    following.settle(block, end)
    leftOut.notRipe += block.groups.filter(({ source, kept }) => source === 'offer' && !kept).length
    yield { block, start, partition, partitions: bounds.length }
  }
  return { events: seen, decisions: decided, leftOut }
}

type Value<T> = { readonly value: T; readonly offset: number; readonly key: string | null }

/** A partition's values in order; what nobody can read is passed over, as the line did. */
async function* valuesOf<T>(log: Past['log'], { path, codec }: Topic<T>, partition: number): AsyncGenerator<Value<T>> {
  for await (const messages of log.read(path, partition, 0)) {
    await codec.learn(messages.map(({ value }) => value))
    for (const { value, offset, key } of messages) {
      if (value === null) continue
      try {
        yield { value: codec.decode(value), offset, key }
      } catch (error) {
        if (!(error instanceof Undecodable)) throw error
      }
    }
  }
}

/** The first moment of the journal, by its own clock. */
async function startOf(log: Past['log'], events: Topic<CustomerEvent>, partitions: number): Promise<number> {
  let start = Number.POSITIVE_INFINITY
  for (let partition = 0; partition < partitions; partition++)
    for await (const { value } of valuesOf(log, events, partition)) {
      start = Math.min(start, value.journalledAt)
      break
    }
  return start
}
