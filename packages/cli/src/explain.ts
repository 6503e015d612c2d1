// Everything the topics and the store say of one customer.
import type { Decision, Delivery, Engagement, NextBestOffer, Purchase } from '@offerstream/contracts'
import { updaterName } from '@offerstream/feature-updater'
import { names, read, states } from '@offerstream/features'
import { type Message, openTopic, partitionOf, type Surroundings, type Topic } from '@offerstream/streaming'
import { table } from './output.ts'

export type Explanation = {
  readonly customer: string
  readonly lastEventAt: string | null
  readonly features: Readonly<Record<string, number | null>>
  readonly decisions: readonly ExplainedDecision[]
}

type ExplainedDecision = {
  readonly decision: Decision
  readonly offer: NextBestOffer | null
  readonly deliveries: readonly Delivery[]
  readonly answers: readonly (Engagement | Purchase)[]
}

/** Reads the customer's partition of journal, decisions, offers and deliveries. `at` leaves out what came later. */
export async function explainCustomer(
  { log, store, registry, prefix }: Surroundings,
  customer: string,
  at = Number.MAX_SAFE_INTEGER,
): Promise<Explanation> {
  const journal = await openTopic(registry, 'customer-events', prefix)
  const partitions = (await log.bounds(journal.path)).length
  const partition = partitionOf(customer, partitions)
  const all = async <T>(topic: Topic<T>): Promise<readonly { value: T; message: Message }[]> => {
    const found: { value: T; message: Message }[] = []
    const seen = new Set<string>()
    for await (const messages of log.read(topic.path, partition, 0)) {
      const own = messages.filter(message => message.key === customer && message.value !== null)
      await topic.codec.learn(own.map(message => message.value))
      for (const message of own) {
        if (message.cause !== null && seen.has(message.cause)) continue
        if (message.cause !== null) seen.add(message.cause)
        found.push({ value: topic.codec.decode(message.value!), message })
      }
    }
    return found
  }
  const [events, decisions, offers, deliveries] = await Promise.all([
    all(journal),
    openTopic(registry, 'decisions', prefix).then(all),
    openTopic(registry, 'next-best-offers', prefix).then(all),
    openTopic(registry, 'deliveries', prefix).then(all),
  ])
  const [bytes] = await store.peek(updaterName, partition, [customer])
  const state = bytes == null ? null : states.decode(bytes)
  const vector = state === null ? null : read(state, state.at)
  const answersTo = (id: string): (Engagement | Purchase)[] =>
    events
      .map(({ value }) => value.event)
      .filter(
        (event): event is Engagement | Purchase =>
          (event.type === 'engagement' || event.type === 'purchase') && event.offer === id,
      )
  return {
    customer,
    lastEventAt: state === null ? null : new Date(state.at).toISOString(),
    features: Object.fromEntries(
      names.map((name, index) => [name, vector === null || Number.isNaN(vector[index]) ? null : vector[index]!]),
    ),
    decisions: decisions
      .map(({ value }) => value)
      .filter(decision => decision.at <= at)
      .map(decision => ({
        decision,
        offer: offers.find(({ value }) => value.id === decision.id)?.value ?? null,
        deliveries: deliveries.map(({ value }) => value).filter(({ offer }) => offer === decision.id),
        answers: answersTo(decision.id),
      })),
  }
}

const time = (at: number): string => new Date(at).toISOString().replace('T', ' ').slice(0, 19)
const rounded = (value: number | null, digits = 4): string =>
  value === null ? '' : Number(value.toPrecision(digits)).toString()

/** The explanation as text for people; `decisions` newest last. */
export function explanationText({ customer, lastEventAt, features, decisions }: Explanation): string {
  const lines = [
    `Customer ${customer}${lastEventAt === null ? ': nothing is known of them' : `, last event ${lastEventAt.replace('T', ' ').slice(0, 19)}`}`,
    '',
  ]
  const known = Object.entries(features).filter(([, value]) => value !== null)
  if (known.length > 0) lines.push(table(known.map(([name, value]) => [`  ${name}`, rounded(value)])), '')
  for (const { decision, offer, deliveries, answers } of decisions) {
    const { trigger } = decision.update
    lines.push(
      `${time(decision.at)}  ${trigger.kind} led to ${decision.chosen === null ? 'no offer' : `an offer of ${decision.chosen}`}: ${decision.reason}${decision.explored ? ', explored' : ''}`,
      `  propensity ${rounded(decision.propensity)}, playbook version ${decision.playbookVersion}, arms ${decision.arms.map(({ experiment, arm }) => `${experiment}=${arm}`).join(' ') || 'none'}, models ${decision.models.map(({ name, version }) => `${name}/${version}`).join(' ') || 'none'}`,
    )
    const rows = decision.candidates.map(({ item, refused, score, valueMinor, rank, propensity }) => [
      `  ${rank === null ? '–' : rank}`,
      item,
      rounded(score),
      rounded(valueMinor),
      rounded(propensity),
      refused === null ? (item === decision.chosen ? 'chosen' : 'eligible') : `refused: ${refused}`,
    ])
    rows.sort((a, b) => (Number(a[0]) || 999) - (Number(b[0]) || 999))
    if (rows.length > 0) lines.push(table([['  rank', 'item', 'score', 'value', 'propensity', 'verdict'], ...rows]))
    if (offer !== null)
      lines.push(`  offer ${offer.sequence}: "${offer.text}" on ${offer.channel}, until ${time(offer.expiresAt)}`)
    for (const { at, state, reason } of deliveries)
      lines.push(`  ${time(at)}  push ${state}${reason === null ? '' : ` (${reason})`}`)
    for (const answer of answers)
      lines.push(`  ${time(answer.at)}  ${answer.type === 'purchase' ? `bought ${answer.item}` : answer.kind}`)
    lines.push('')
  }
  if (decisions.length === 0) lines.push('No decision was made for them yet.')
  return lines.join('\n')
}
