// The journal once more under another policy: its offers count as delivered and unanswered, what answered the logged
// offers is withheld. It shows volumes, caps and budgets. It shows no value: nobody knows what would have been answered.
import { covers } from '@offerstream/catalogue'
import type { ContactHistory, CustomerEvent, Decision, FeatureUpdate } from '@offerstream/contracts'
import { createUpdater } from '@offerstream/feature-updater'
import { createKeeper, createScorer } from '@offerstream/offer-scorer'
import { rules } from '@offerstream/policy'
import type { Models } from '@offerstream/ranker'
import {
  deadLettersOf,
  type Message,
  memoryLog,
  memoryReservations,
  memoryStore,
  openFoldLane,
  openTopic,
  parseCause,
  Refused,
  type Topic,
} from '@offerstream/streaming'
import type { BacktestOptions, BacktestSummary, PolicyReport } from './backtest.ts'
import type { DecidedAgain, Policies } from './backtest-policies.ts'
import type { Output } from './output.ts'
import { isImported, type Past, readable, recordsById } from './replay-past.ts'

const capReasons: ReadonlySet<string> = new Set(rules.filter(rule => rule.stage === 'contact').map(rule => rule.why))

type Topics = {
  readonly events: Topic<CustomerEvent>
  readonly updates: Topic<FeatureUpdate>
  readonly decisions: Topic<Decision>
}

/** Which of the recorded playbooks held when: by the offset of the journal record behind each decision. */
type Recorded = {
  readonly versions: readonly (readonly [offset: number, version: number])[]
  readonly offers: ReadonlySet<string>
}

export async function rollOut(
  past: Past,
  options: BacktestOptions,
  policies: Policies,
  models: Models,
  output: Pick<Output, 'bar'>,
): Promise<BacktestSummary> {
  const { log, registry, prefix } = past
  const topics: Topics = {
    events: await openTopic(registry, 'customer-events', prefix),
    updates: await openTopic(registry, 'feature-updates', prefix),
    decisions: await openTopic(registry, 'decisions', prefix),
  }
  const bounds = await log.bounds(topics.events.path)
  const trimmed = bounds.findIndex(({ first }) => first > 0)
  if (trimmed >= 0)
    throw new Refused(
      `${topics.events.path}/${trimmed} begins at offset ${bounds[trimmed]!.first}: a roll-out needs the journal from its beginning; use an export that has it, --export DIR`,
    )
  const recorded = await Promise.all(bounds.map((_, partition) => recordedOf(past, topics.decisions, partition)))
  if (recorded.every(({ versions }) => versions.length === 0))
    throw new Refused('the log holds no decision of this line: there is no playbook to roll out by')
  const chosen = (policies.asked ?? policies.usual.own).map(policy => policies.rolledOut(policy))
  const bar = output.bar('roll-out', chosen.length * bounds.reduce((sum, { next }) => sum + next, 0))
  let done = 0
  const reports: PolicyReport[] = []
  let decisions = 0
  let withheld = 0
  for (const policy of chosen) {
    const rolled = await rollPolicy(past, topics, recorded, policy, options, policies, models, () => bar.update(++done))
    reports.push(rolled.report)
    decisions += rolled.decisions
    withheld = rolled.withheld
  }
  bar.stop()
  return {
    mode: 'roll-out',
    policies: reports,
    decisions,
    reward: null,
    from: options.from,
    to: options.to,
    notes: [
      `${withheld} records that answer or report logged offers were withheld; every offer counts as delivered and unanswered`,
    ],
  }
}

async function recordedOf(past: Past, topic: Topic<Decision>, partition: number): Promise<Recorded> {
  const versions: [number, number][] = []
  const offers = new Set<string>()
  for (const { id, update, playbookVersion, chosen } of (await recordsById(past, topic, partition)).values()) {
    if (isImported(id, update)) continue
    versions.push([parseCause(id)?.offset ?? 0, playbookVersion])
    if (chosen !== null) offers.add(id)
  }
  return { versions: versions.sort(([a], [b]) => a - b), offers }
}

async function rollPolicy(
  { log }: Past,
  { events, updates, decisions }: Topics,
  recorded: readonly Recorded[],
  policy: DecidedAgain,
  options: BacktestOptions,
  policies: Policies,
  models: Models,
  onRecord: () => void,
): Promise<{ readonly report: PolicyReport; readonly decisions: number; readonly withheld: number }> {
  const caps: Record<string, number> = {}
  const byItem: Record<string, number> = {}
  const byChannel: Record<string, number> = {}
  const budgets: Record<string, { spentMinor: number; amountMinor: number }> = {}
  let count = 0
  let offers = 0
  let withheld = 0

  const target = memoryLog()
  await target.ensureTopics(
    [updates.path, deadLettersOf(events.path)].map(name => ({
      name,
      partitions: recorded.length,
      kept: 'for-ever' as const,
    })),
  )
  const store = memoryStore()
  const reservations = memoryReservations()
  let playbook = policies.current()
  const scorer = createScorer({
    updates,
    decisions,
    offers: { ...decisions, name: 'next-best-offers', path: '' } as never,
    playbook: () => playbook,
    models,
    reservations,
  })
  const keeper = createKeeper({
    decisions,
    deliveries: { ...decisions, name: 'deliveries', path: '' } as never,
    playbook: { at: () => playbook, current: () => playbook, catchUp: async () => {} },
    reservations,
  })
  const updater = createUpdater({ events, updates })
  const never = new AbortController().signal
  const lanes = await Promise.all(
    recorded.map((_, partition) =>
      openFoldLane(updater, partition, null, never, {
        log: { ...target, bounds: topic => (topic === events.path ? log.bounds(topic) : target.bounds(topic)) },
        store,
      }),
    ),
  )
  const histories = new Map<string, ContactHistory>()
  const readUpTo = new Array<number>(recorded.length).fill(0)
  const nextVersion = new Array<number>(recorded.length).fill(0)
  const isAsked = (at: number): boolean =>
    (options.from === null || at >= options.from) && (options.to === null || at < options.to)

  const apply = async (message: Message): Promise<void> => {
    const answer = await lanes[message.partition]!.batch([message])
    if (answer !== 'more') throw new Error(`a lane in memory answered ${answer}`)
  }
  const decideOn = async (update: FeatureUpdate, message: Message): Promise<Decision | null> => {
    const received = {
      key: update.customer,
      value: update,
      cause: {
        topic: 'feature-updates',
        generation: 1,
        partition: message.partition,
        offset: message.offset,
        index: 0,
      },
    }
    const [ready] = await scorer.prepare!([received])
    const outcome = scorer.step(histories.get(update.customer) ?? scorer.empty, received, ready!)
    if (outcome.kind !== 'done') return null
    histories.set(update.customer, outcome.state)
    const [emission] = outcome.emit
    return emission?.topic === 'decisions' ? emission.value : null
  }

  for await (const message of inOrder(log, events, recorded.length)) {
    onRecord()
    const { partition } = message
    const value = readable(events.codec, message)
    const answered = value === null ? null : offerAnswered(value)
    if (answered !== null && recorded[partition]!.offers.has(answered)) {
      withheld++
      continue
    }
    const { versions } = recorded[partition]!
    while (nextVersion[partition]! < versions.length - 1 && versions[nextVersion[partition]!]![0] < message.offset)
      nextVersion[partition]!++
    const version = versions[nextVersion[partition]!]?.[1]
    playbook = policy.playbook(version === undefined ? policies.current() : policies.at(version))

    await apply(message)
    const fired: FeatureUpdate[] = []
    for await (const messages of target.read(updates.path, partition, readUpTo[partition]!)) {
      readUpTo[partition]! += messages.length
      fired.push(...messages.map(each => updates.codec.decode(each.value!)))
    }
    for (const update of fired) {
      const decision = await decideOn(update, message)
      if (decision === null) continue
      if (keeper.effect !== undefined && decision.reservations.length > 0)
        await keeper.effect([{ key: decision.customer, value: decision, topic: decisions } as never])
      // Shown, so that the features of what comes next know of it.
      if (decision.chosen !== null) await apply(shown(events, decision, message))
      if (!isAsked(decision.at)) continue
      count++
      for (const { refused } of decision.candidates)
        if (refused !== null && capReasons.has(refused)) caps[refused] = (caps[refused] ?? 0) + 1
      if (decision.chosen === null) continue
      offers++
      byItem[decision.chosen] = (byItem[decision.chosen] ?? 0) + 1
      const channel = decision.channel ?? 'none'
      byChannel[channel] = (byChannel[channel] ?? 0) + 1
      const item = playbook.items.get(decision.chosen)!
      for (const budget of playbook.budgets.values()) {
        if (item.costMinor <= 0 || !covers(budget, item)) continue
        const spent = budgets[budget.name] ?? { spentMinor: 0, amountMinor: budget.amountMinor }
        spent.spentMinor += item.costMinor
        budgets[budget.name] = spent
      }
    }
  }
  await target.close()
  return {
    decisions: count,
    withheld,
    report: {
      name: policy.name,
      values: [],
      offers,
      caps,
      notes: offers === 0 ? ['refuses everything: it makes no offer'] : [],
      overlap: null,
      maxWeight: null,
      weights: [],
      byItem,
      byChannel,
      budgets,
    },
  }
}

/** The logged offer that a record answers or reports on, null for none. */
function offerAnswered({ event }: CustomerEvent): string | null {
  return event.type === 'engagement' || event.type === 'purchase' || event.type === 'delivery' ? event.offer : null
}

/** A journal record that says the offer was shown the moment it was made. */
function shown(events: Topic<CustomerEvent>, { id, customer, at, chosen }: Decision, after: Message): Message {
  const value = events.codec.encode({
    journalledAt: at,
    triggers: false,
    item: null,
    event: {
      type: 'engagement',
      id: `${id}/displayed`,
      customer,
      at,
      kind: 'displayed',
      surface: 'push',
      offer: id,
      item: chosen,
      interaction: null,
    },
  })
  return { ...after, key: customer, value, cause: null }
}

/** The records of all partitions in the order in which they were journalled, each partition's own order kept. */
async function* inOrder(log: Past['log'], events: Topic<CustomerEvent>, partitions: number): AsyncGenerator<Message> {
  async function* each(partition: number): AsyncGenerator<Message> {
    for await (const messages of log.read(events.path, partition, 0)) {
      await events.codec.learn(messages.map(({ value }) => value))
      yield* messages
    }
  }
  const readers = Array.from({ length: partitions }, (_, partition) => each(partition))
  const heads = await Promise.all(readers.map(reader => reader.next()))
  const momentOf = (message: Message): number => readable(events.codec, message)?.journalledAt ?? message.timestamp
  const moments = heads.map(head => (head.done ? Number.POSITIVE_INFINITY : momentOf(head.value)))
  for (;;) {
    let first = -1
    for (let at = 0; at < moments.length; at++)
      if (moments[at]! < (first < 0 ? Number.POSITIVE_INFINITY : moments[first]!)) first = at
    if (first < 0) return
    yield heads[first]!.value as Message
    const head = await readers[first]!.next()
    heads[first] = head
    moments[first] = head.done ? Number.POSITIVE_INFINITY : momentOf(head.value)
  }
}
