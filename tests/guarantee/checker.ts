// Everything wrong with what a line left behind, nothing when its promises held. Reads topics, states and the push
// service's own log; call it after `finish`.

import { createHash } from 'node:crypto'
import { applyRecord, emptyPlaybook, type Playbook, stampOf } from '@offerstream/catalogue'
import { type Audit, audit, replayCommand } from '@offerstream/cli'
import type { CustomerEvent, RecordOf, TopicName } from '@offerstream/contracts'
import { createUpdater, updaterName } from '@offerstream/feature-updater'
import { naive, read, type State, states } from '@offerstream/features'
import { readPushLog } from '@offerstream/stack'
import { openTopic, partitionOf, type Topic } from '@offerstream/streaming'
import { type Line, passages } from './line.ts'

export type Finding = {
  readonly audit: Audit
  readonly violations: readonly string[]
  /** Pushes the push service took. */
  readonly pushes: number
  /** Versions of models that decided. */
  readonly models: number
}

/** At most so many of a kind are listed. */
const listed = 5

export async function check(line: Line): Promise<Finding> {
  const found = await audit({ ...line, updater: updaterName })
  const violations: string[] = []
  const say = (kind: string, cases: readonly string[]): void => {
    if (cases.length > 0) violations.push(`${kind}: ${cases.length}, such as ${cases.slice(0, listed).join('; ')}`)
  }
  for (const [stage, ids] of Object.entries(found.lostAt)) say(`lost at ${stage}`, ids)
  say('two records differ under one cause', found.divergent)
  say('counts that do not add up to the offset', await wrongCounts(line))
  for (const topic of ['feature-updates', 'decisions', 'next-best-offers'] as const)
    say(`two records of ${topic} differ under one id`, await divergentIds(line, topic))
  say('features other than the fold of the journal', await otherThanJournal(line))
  say('features other than the naive fold of the sources', await otherThanSources(line))
  say('replay', await replayedOtherwise(line))
  say('sequences that do not rise', await fallingSequences(line))
  say('offers with two ends', await twoEnds(line))
  const pushes = await pushesOf(line)
  say('offers accepted twice', pushes.acceptedTwice)
  say('offers shown twice', pushes.shownTwice)
  say('offers accepted that nobody decided', pushes.unknown)
  say('deliveries that say accepted of what no device has', pushes.notThere)
  return { audit: found, violations, pushes: pushes.accepted, models: await modelsOf(line) }
}

/** Records of a topic as they stand, with where. */
async function each<Name extends TopicName>(
  line: Line,
  name: Name,
  see: (value: RecordOf<Name>, at: { partition: number; cause: string | null; bytes: Buffer }) => void,
): Promise<void> {
  const topic: Topic<RecordOf<Name>> = await openTopic(line.registry, name, line.prefix)
  for (const [partition, { first, next }] of (await line.log.bounds(topic.path)).entries())
    for await (const messages of line.log.read(topic.path, partition, first, next))
      for (const { cause, value } of messages) see(topic.codec.decode(value!), { partition, cause, bytes: value! })
}

/** The whole line decided again: every byte of updates and decisions as it was recorded, nothing missing, nothing more. */
async function replayedOtherwise(line: Line): Promise<readonly string[]> {
  const quiet = { progress: () => {}, bar: () => ({ update() {}, stop() {} }) }
  const again = await replayCommand(line, { batch: 150, models: line.models }, quiet)
  const { decisions, updates, differingBytes, missing, extra, firstDifference } = again
  if (decisions === 0 || updates === 0) return [`only ${decisions} decisions and ${updates} updates to compare`]
  return differingBytes + missing + extra === 0
    ? []
    : [`${differingBytes} bytes differ, ${missing} missing, ${extra} extra, first ${JSON.stringify(firstDifference)}`]
}

async function wrongCounts({ log, store, prefix }: Line): Promise<readonly string[]> {
  const wrong: string[] = []
  for (const { fold, topic } of passages)
    for (const [partition, { next }] of (await log.bounds(prefix + topic)).entries()) {
      const progress = await store.peekProgress(fold, partition)
      let sum = 0
      for (const [reason, count] of progress?.counts ?? [])
        if (reason === 'applied' || /^(skipped|rejected)\//.test(reason)) sum += count
      if (sum !== next) wrong.push(`${fold}/${partition} counted ${sum} of ${next}`)
      if ((progress?.watermark ?? -1) + 1 !== next)
        wrong.push(`${fold}/${partition} ends at ${progress?.watermark ?? -1} of ${next}`)
    }
  return wrong
}

async function divergentIds(
  line: Line,
  topic: 'feature-updates' | 'decisions' | 'next-best-offers',
): Promise<readonly string[]> {
  const first = new Map<string, Buffer>()
  const differ = new Set<string>()
  await each(line, topic, ({ id }, { bytes }) => {
    const before = first.get(id)
    if (before === undefined) first.set(id, bytes)
    else if (!before.equals(bytes)) differ.add(id)
  })
  return [...differ]
}

/** What the store holds of every customer. */
async function heldStates({ store, customers, prefix, log }: Line): Promise<ReadonlyMap<string, Buffer>> {
  const partitions = (await log.bounds(`${prefix}customer-events`)).length
  const held = new Map<string, Buffer>()
  for (const customer of customers) {
    const [bytes] = await store.peek(updaterName, partitionOf(customer, partitions), [customer])
    if (bytes) held.set(customer, bytes)
  }
  return held
}

/**
 * The updater's own step over the journal from its beginning, in one go: the first record of each cause counts, and a tick
 * wakes everybody who is due, fewer than a tick wakes at most.
 */
async function otherThanJournal(line: Line): Promise<readonly string[]> {
  const { registry, prefix } = line
  const updater = createUpdater({
    events: await openTopic(registry, 'customer-events', prefix),
    updates: await openTopic(registry, 'feature-updates', prefix),
  })
  const seen = new Set<string>()
  const folded = new Map<string, State>()
  const due = new Map<number, Map<string, number>>()
  await each(line, 'customer-events', (value, { partition, cause }) => {
    if (seen.has(`${partition} ${cause}`)) return
    seen.add(`${partition} ${cause}`)
    const moments = due.get(partition) ?? new Map<string, number>()
    due.set(partition, moments)
    const step = (key: string): void => {
      const outcome = updater.step(
        folded.get(key) ?? updater.empty,
        { key, value, cause: { topic: 'customer-events', generation: 1, partition: 0, offset: 0, index: 0 } },
        undefined,
      )
      if (outcome.kind !== 'done') return
      folded.set(key, outcome.state)
      if (outcome.due === null) moments.delete(key)
      else if (outcome.due !== undefined) moments.set(key, outcome.due)
    }
    const { event } = value
    if (event.type !== 'tick') step(event.customer)
    else for (const [key, at] of [...moments]) if (at <= event.at) step(key)
  })
  const held = await heldStates(line)
  return [...new Set([...folded.keys(), ...held.keys()])].filter(customer => {
    const state = folded.get(customer)
    return state === undefined || !held.get(customer)?.equals(states.encode(state))
  })
}

/** The vector recomputed from the distinct events of the sources, whatever became of them on the way. */
async function otherThanSources(line: Line): Promise<readonly string[]> {
  let playbook: Playbook = emptyPlaybook
  await each(line, 'playbook', record => {
    playbook = applyRecord(playbook, record, playbook.version + 1)
  })
  const events = new Map<string, CustomerEvent[]>()
  const seen = new Set<string>()
  for (const name of ['customers', 'purchases', 'usage', 'engagements', 'deliveries', 'campaigns'] as const)
    await each(line, name, event => {
      const id = `${event.type} ${event.id}`
      if (seen.has(id) || (event.type === 'delivery' && aside.has(event.state))) return
      seen.add(id)
      const item = event.type === 'customer' ? event.plan : event.type === 'usage' ? null : event.item
      const stamp = item === null ? null : stampOf(playbook, item, event.at)
      const mine = events.get(event.customer) ?? []
      mine.push({ journalledAt: event.at, triggers: true, item: stamp, event })
      events.set(event.customer, mine)
    })
  const differ: string[] = []
  const held = await heldStates(line)
  for (const customer of new Set([...events.keys(), ...held.keys()])) {
    const bytes = held.get(customer)
    const mine = events.get(customer)
    if (bytes === undefined || mine === undefined) differ.push(customer)
    else {
      const state = states.decode(bytes)
      const [has, wanted] = [read(state, state.at), naive(mine, state.at)]
      if (has.some((value, i) => !Object.is(value, wanted[i]))) differ.push(customer)
    }
  }
  return differ
}

async function fallingSequences(line: Line): Promise<readonly string[]> {
  const last = new Map<string, number>()
  const seen = new Set<string>()
  const falling: string[] = []
  await each(line, 'next-best-offers', ({ id, customer, sequence }) => {
    // A repeated record is the same record, wherever it stands.
    if (seen.has(id)) return
    seen.add(id)
    const before = last.get(customer) ?? -1
    if (sequence <= before) falling.push(`${id} has ${sequence} after ${before}`)
    last.set(customer, sequence)
  })
  return falling
}

/** Deliveries that the journal does without: intents, and what the journal's own engagements told of. */
const aside = new Set(['sending', 'displayed', 'clicked'])

/** States of a delivery after which nothing more is said by the dispatcher. */
const ends = new Set(['suppressed', 'expired', 'superseded', 'taken', 'accepted', 'rejected', 'unknown'])

async function twoEnds(line: Line): Promise<readonly string[]> {
  const end = new Map<string, string>()
  const two: string[] = []
  await each(line, 'deliveries', ({ offer, state }) => {
    if (!ends.has(state)) return
    const before = end.get(offer)
    if (before !== undefined && before !== state) two.push(`${offer} is ${before} and ${state}`)
    end.set(offer, state)
  })
  return two
}

async function modelsOf(line: Line): Promise<number> {
  const versions = new Set<string>()
  await each(line, 'decisions', ({ models }) => {
    for (const { name, version } of models) versions.add(`${name}/${version}`)
  })
  return versions.size
}

async function pushesOf(line: Line) {
  const offers = new Set<string>()
  await each(line, 'next-best-offers', ({ id }) => offers.add(id))
  const devices = new Set(line.customers.map(customer => `${line.prefix.slice(0, -1)}-${customer}`))
  const accepted = new Map<string, number>()
  const shown = new Map<string, number>()
  for (const event of readPushLog(line.world.pushLog)) {
    if (!devices.has(event.device)) continue
    if (event.event === 'accepted') accepted.set(event.topic!, (accepted.get(event.topic!) ?? 0) + 1)
    if (event.event === 'shown') shown.set(event.offer!, (shown.get(event.offer!) ?? 0) + 1)
  }
  const twice = (counts: ReadonlyMap<string, number>): string[] =>
    [...counts].filter(([, count]) => count > 1).map(([id]) => id)
  const said = new Set<string>()
  await each(line, 'deliveries', ({ offer, state }) => {
    if (state === 'accepted') said.add(offer)
  })
  return {
    accepted: accepted.size,
    acceptedTwice: twice(accepted),
    shownTwice: twice(shown),
    unknown: [...shown.keys()].filter(id => !offers.has(id)),
    notThere: [...said].filter(offer => !accepted.has(collapseIdOf(offer))),
  }
}

/** The collapse id a push of an offer goes by at the push service. */
const collapseIdOf = (offer: string): string => createHash('sha256').update(offer).digest('base64url').slice(0, 32)
