// The scorer's histories once more, from the decisions it made: what the store lost is on its own topic.
import type { ContactHistory } from '@offerstream/contracts'
import { avroCodec } from '@offerstream/contracts'
import { emptyHistory, remember } from '@offerstream/policy'
import {
  type CausePosition,
  type Incumbent,
  openTopic,
  parseCause,
  publish,
  Refused,
  type Store,
  type StoreLane,
  type Surroundings,
  unpackOutbox,
} from '@offerstream/streaming'
import { scorerName, scorerRole } from './fold.ts'

export type RebuiltHistories = {
  readonly decisions: number
  readonly customers: number
  /** The version whose place was taken, null for nobody's. */
  readonly tookOverFrom: string | null
}

export type RebuildHistoriesOptions = {
  /** Empties a partition first. */
  readonly again: boolean
  /** Fills an empty partition before decisions are folded; false where it cannot. */
  readonly seed?: (lane: StoreLane, partition: number) => Promise<boolean>
  readonly onDecisions?: (count: number) => void
}

const states = avroCodec('contact-history')

/**
 * Folds every decision above a partition's watermark into the histories, and moves the watermark up to what the scorer has
 * handled. Shuts a running scorer out, one of another version for good: stop it first. Interrupted, it goes on where it
 * stopped.
 */
export async function rebuildHistories(
  { log, store, registry, prefix, notice = () => {} }: Surroundings,
  { again, seed, onDecisions }: RebuildHistoriesOptions,
): Promise<RebuiltHistories> {
  const topic = await openTopic(registry, 'decisions', prefix)
  const updates = `${prefix}feature-updates`
  const bounds = await log.bounds(updates)
  const committed = await log.committed(`${prefix}${scorerName}`, updates)
  let folded = 0
  let customers = 0
  let tookOverFrom: string | null = null
  for (const [partition, { first, next }] of bounds.entries()) {
    const incumbent = await store.incumbent(scorerRole, partition)
    const old = incumbent === null || incumbent.fold === scorerName ? null : incumbent.fold
    // It decides no more after this, and what it decided last is on the topic before the topic is read.
    const left = old === null ? null : await store.retire(old, partition, scorerName)
    if (left !== null && left.outbox !== null) await publish(log, unpackOutbox(left.outbox))
    if (again) await store.forget(scorerName, partition)
    if ((await store.peekProgress(scorerName, partition))?.retiredBy) await store.reinstate(scorerName, partition)
    let lane = await store.open(scorerName, partition)
    if (lane.watermark === null && seed !== undefined && (await seed(lane, partition)))
      lane = await store.open(scorerName, partition)
    let { watermark } = lane
    const save = async (
      to: number | null,
      histories: ReadonlyMap<string, ContactHistory>,
      causes: ReadonlyMap<string, CausePosition>,
      applied: number,
    ): Promise<void> => {
      counted += applied
      const counts = new Map([['applied', counted]])
      const changed = [...histories].map(([key, history]) => [key, states.encode(history)] as const)
      const change = { from: watermark, to, states: changed, causes, counts, due: [], outbox: lane.outbox }
      if ((await lane.save(change)) !== 'saved')
        throw new Refused(`${scorerName}/${partition}: a scorer took it meanwhile; stop every scorer first`)
      watermark = to
    }
    let counted = lane.counts.get('applied') ?? 0
    const held = (await log.bounds(topic.path))[partition]!
    for await (const messages of log.read(topic.path, partition, held.first, held.next)) {
      await topic.codec.learn(messages.map(({ value }) => value))
      let to = watermark
      const fresh = messages.flatMap(message => {
        const cause = message.cause === null ? null : parseCause(message.cause)
        if (cause === null || cause.offset <= (to ?? -1)) return []
        to = cause.offset
        return [{ key: message.key!, decision: topic.codec.decode(message.value!) }]
      })
      onDecisions?.(messages.length)
      if (fresh.length === 0) continue
      if (to! >= next)
        throw new Refused(
          `${topic.path}/${partition} has a decision of offset ${to}, ${updates}/${partition} ends at ${next}: it was recreated, and the scorer's watermarks mean nothing there`,
        )
      const keys = [...new Set(fresh.map(({ key }) => key))]
      const known = await lane.load(keys)
      const histories = new Map(
        keys.map((key, at) => [key, known[at] == null ? emptyHistory : states.decode(known[at])]),
      )
      const causes = new Map<string, CausePosition>()
      for (const { key, decision } of fresh) {
        histories.set(key, remember(histories.get(key)!, decision))
        const cause = parseCause(decision.id)
        if (cause !== null)
          causes.set(`${cause.topic}/${cause.partition}`, [cause.generation, cause.offset, cause.index])
      }
      await save(to, histories, causes, fresh.length)
      folded += fresh.length
    }
    // What was handled without a decision, and what is gone from the topic by now.
    const handled = Math.max(
      watermark ?? -1,
      Math.min(committed[partition] ?? 0, next) - 1,
      Math.min(left?.watermark ?? -1, next - 1),
      first - 1,
    )
    if (handled > (watermark ?? -1)) {
      if (first - 1 > (watermark ?? -1) && handled === first - 1)
        notice(`${updates}/${partition} begins at ${first}: updates before it that were not decided are gone`)
      await save(handled, new Map(), new Map(), 0)
    }
    if (old !== null) {
      await appoint(store, partition, incumbent!)
      tookOverFrom = old
    }
    customers += await store.size(scorerName, partition)
  }
  return { decisions: folded, customers, tookOverFrom }
}

async function appoint(store: Store, partition: number, before: Incumbent): Promise<void> {
  const after = { fold: scorerName, publishesAfter: -1, term: before.term + 1 }
  if (!(await store.appoint(scorerRole, partition, before, after)))
    throw new Refused(`${scorerRole}/${partition}: another rebuild took it meanwhile; run this one again`)
}
