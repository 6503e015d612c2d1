// What an independent reader finds in the topics after draining: whether anything that went in did not come out.
import type { TopicName } from '@offerstream/contracts'
import { isAside } from '@offerstream/intake'
import {
  causeText,
  deadLettersOf,
  type Log,
  type Message,
  openTopic,
  type Registry,
  type Store,
} from '@offerstream/streaming'

export type Audit = {
  /** Records of the sources, repeats included. */
  readonly sources: number
  readonly journalLength: number
  readonly updates: number
  readonly decisions: number
  readonly offers: number
  readonly deliveries: Readonly<Record<string, number>>
  /** By reason. */
  readonly deadLetters: Readonly<Record<string, number>>
  /** Ids that went in at one stage and never came out at the next, by stage. */
  readonly lostAt: Readonly<Record<string, readonly string[]>>
  readonly lost: number
  /** Ids under which two records differ. */
  readonly divergent: readonly string[]
  /** Totals of the updater by what became of its records, from the store. */
  readonly applied: Readonly<Record<string, number>>
}

export type AuditSubject = {
  readonly log: Log
  readonly store: Store
  readonly registry: Registry
  readonly prefix: string
  /** The updater's fold, for its counts; none leaves them out. */
  readonly updater?: string
}

const sources = ['purchases', 'usage', 'engagements', 'customers', 'deliveries', 'campaigns'] as const

/** Reads every topic from end to end. Call it when nothing is on its way any more. */
export async function audit({ log, store, registry, prefix, updater }: AuditSubject): Promise<Audit> {
  const deadLetters = new Map<string, number>()
  const dead = new Set<string>()
  for (const name of [...sources, 'customer-events', 'feature-updates', 'next-best-offers'] as const)
    await each(log, deadLettersOf(prefix + name), message => {
      const source =
        message.headers['source'] ??
        causeText({
          topic: deadLettersOf(name),
          generation: 1,
          partition: message.partition,
          offset: message.offset,
          index: 0,
        })
      if (dead.has(source)) return
      dead.add(source)
      const reason = message.headers['reason'] ?? 'unknown'
      deadLetters.set(reason, (deadLetters.get(reason) ?? 0) + 1)
    })
  const isDead = (name: TopicName, { partition, offset }: Message): boolean =>
    dead.has(`${prefix}${name}/${partition}/${offset}`)

  const journalTopic = await openTopic(registry, 'customer-events', prefix)
  const journalled = new Set<string>()
  let journalLength = 0
  await each(log, journalTopic.path, message => {
    journalLength++
    const { event } = journalTopic.codec.decode(message.value!)
    if (event.type !== 'tick')
      journalled.add(`${event.type === 'purchase_retracted' ? 'purchase' : event.type}/${event.id}`)
  })

  const lostAt: Record<string, string[]> = {
    intake: [],
    'feature-updater': [],
    'offer-scorer': [],
    offers: [],
    'push-dispatcher': [],
  }
  let sourceCount = 0
  for (const name of sources) {
    const topic = await openTopic(registry, name, prefix)
    const missing: { message: Message; id: string }[] = []
    await each(log, topic.path, message => {
      sourceCount++
      let event: ReturnType<typeof topic.codec.decode>
      try {
        event = topic.codec.decode(message.value!)
      } catch {
        if (!isDead(name, message)) missing.push({ message, id: `${name}/${message.partition}/${message.offset}` })
        return
      }
      if (event.type === 'delivery' && isAside(event)) return
      const kind = event.type === 'purchase_retracted' ? 'purchase' : event.type
      if (!journalled.has(`${kind}/${event.id}`) && !isDead(name, message))
        missing.push({ message, id: `${kind}/${event.id}` })
    })
    lostAt['intake']!.push(...new Set(missing.map(({ id }) => id)))
  }

  const applied: Record<string, number> = {}
  if (updater !== undefined) {
    const bounds = await log.bounds(journalTopic.path)
    for (const [partition, { next }] of bounds.entries()) {
      const progress = await store.peekProgress(updater, partition)
      let handled = 0
      for (const [outcome, count] of progress?.counts ?? []) {
        if (outcome !== 'applied' && !outcome.includes('/')) continue
        handled += count
        applied[outcome] = (applied[outcome] ?? 0) + count
      }
      for (let at = handled; at < next; at++)
        lostAt['feature-updater']!.push(`${journalTopic.path}/${partition} (uncounted)`)
    }
  }

  const divergent = new Set<string>()
  const distinct = (): { see(message: Message): boolean } => {
    const seen = new Map<string, Buffer>()
    return {
      see(message) {
        const before = seen.get(message.cause!)
        if (before === undefined) seen.set(message.cause!, message.value!)
        else if (!before.equals(message.value!)) divergent.add(message.cause!)
        return before === undefined
      },
    }
  }

  const updateTopic = await openTopic(registry, 'feature-updates', prefix)
  const updates = new Set<string>()
  await each(log, updateTopic.path, message => {
    if (!isDead('feature-updates', message)) updates.add(updateTopic.codec.decode(message.value!).id)
  })
  const decisionTopic = await openTopic(registry, 'decisions', prefix)
  const decided = new Set<string>()
  const chosen = new Set<string>()
  const decisionsSeen = distinct()
  await each(log, decisionTopic.path, message => {
    if (!decisionsSeen.see(message)) return
    const decision = decisionTopic.codec.decode(message.value!)
    decided.add(decision.id)
    if (decision.chosen !== null) chosen.add(decision.id)
  })
  lostAt['offer-scorer']!.push(...[...updates].filter(id => !decided.has(id)))

  const offerTopic = await openTopic(registry, 'next-best-offers', prefix)
  const offers = new Set<string>()
  const offersSeen = distinct()
  await each(log, offerTopic.path, message => {
    if (offersSeen.see(message)) offers.add(offerTopic.codec.decode(message.value!).id)
  })
  lostAt['offers']!.push(...[...chosen].filter(id => !offers.has(id)))

  const deliveryTopic = await openTopic(registry, 'deliveries', prefix)
  const deliveries = new Map<string, string>()
  await each(log, deliveryTopic.path, message => {
    const { offer, state } = deliveryTopic.codec.decode(message.value!)
    if (state !== 'sending' || !deliveries.has(offer)) deliveries.set(offer, state)
  })
  lostAt['push-dispatcher']!.push(...[...offers].filter(id => !deliveries.has(id)))
  const states: Record<string, number> = {}
  for (const state of deliveries.values()) states[state] = (states[state] ?? 0) + 1

  return {
    sources: sourceCount,
    journalLength,
    updates: updates.size,
    decisions: decided.size,
    offers: offers.size,
    deliveries: states,
    deadLetters: Object.fromEntries(deadLetters),
    lostAt,
    lost: Object.values(lostAt).reduce((sum, ids) => sum + ids.length, 0),
    divergent: [...divergent],
    applied,
  }
}

async function each(log: Log, path: string, see: (message: Message) => void): Promise<void> {
  const bounds = await log.bounds(path)
  await Promise.all(
    bounds.map(async ({ first, next }, partition) => {
      for await (const messages of log.read(path, partition, first, next)) for (const message of messages) see(message)
    }),
  )
}
