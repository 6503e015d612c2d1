// One decision with everything that led to it and followed it, ready to be shown. Pure.
import { contactPolicyOf, type Playbook } from '@offerstream/catalogue'
import type { CustomerEvent, Decision, Delivery, PastOffer } from '@offerstream/contracts'
import { fingerprint, isAcceptance, names } from '@offerstream/features'
import { countSince, offerOf } from '@offerstream/policy'
import type { Again } from './decide-again.ts'
import { type Change, differences, type PlaybookEntry } from './playbook-history.ts'
import { outcomeText, refusalText } from './refusals.ts'

/** Moments are milliseconds since the epoch; a missing number is null. */
export type Explanation = {
  readonly customer: string
  readonly decision: string
  readonly at: number
  readonly trigger: Decision['update']['trigger']
  readonly chosen: string | null
  readonly reason: string
  readonly says: string
  /** Null for no offer. */
  readonly offer: null | {
    readonly sequence: number
    readonly channel: string
    readonly expiresAt: number
    /** Null where the playbook of then does not know the item. */
    readonly text: string | null
  }
  readonly propensity: number
  readonly noOfferPropensity: number
  readonly explored: boolean
  readonly draw: number
  /** The best first, then what was refused, in the order of the catalogue. */
  readonly candidates: readonly ExplainedCandidate[]
  readonly arms: Decision['arms']
  /** `value` is what a model of customers says of this one; `failed` why a version gave no score and its baseline served. */
  readonly models: readonly Pick<Decision['models'][number], 'name' | 'version' | 'stage' | 'value' | 'failed'>[]
  readonly caps: readonly { readonly what: string; readonly used: number; readonly limit: number }[]
  /** Offers made before, as the decision saw them, newest first. */
  readonly offered: readonly PastOffer[]
  readonly budgets: readonly {
    readonly name: string
    readonly spentMinor: number
    readonly amountMinor: number | null
  }[]
  readonly playbook: {
    readonly version: number
    /** When its newest record was written, by whom, and what it is; null where the topic does not say. */
    readonly writtenAt: number | null
    readonly by: string | null
    readonly record: string | null
    readonly now: number
    readonly changedSince: readonly ChangedRecord[]
  }
  /** Of the list of features; by another list than today's nobody knows their names, and `features` is empty. */
  readonly fingerprint: string
  readonly features: Readonly<Record<string, number | null>>
  readonly pushes: readonly Pick<Delivery, 'at' | 'state' | 'reason' | 'channel' | 'provider'>[]
  readonly answers: readonly Answer[]
  /** Whether pushes and answers were looked for as far back as the decision. */
  readonly followedWhole: boolean
  /** Decided again by another playbook; null where nobody asked. */
  readonly again: Again | null
}

type ExplainedCandidate = {
  readonly item: string
  readonly verdict: 'chosen' | 'eligible' | 'refused'
  readonly refused: string | null
  /** The refusal in words; empty where there is none. */
  readonly says: string
  readonly rank: number | null
  readonly score: number | null
  readonly uplift: number | null
  readonly valueMinor: number | null
  readonly propensity: number
  readonly shadows: readonly { readonly model: string; readonly score: number | null }[]
  readonly pairs: Readonly<Record<string, number | null>>
  readonly reservations: readonly { readonly resource: string; readonly granted: boolean }[]
}

export type ChangedRecord = { readonly type: string; readonly name: string; readonly changes: readonly Change[] }

/** What a customer did about an offer. */
type Answer = {
  readonly at: number
  /** opened, clicked, …; bought. */
  readonly what: string
  readonly item: string | null
  /** Whether it is the acceptance of the offer, as features and training have it. */
  readonly accepted: boolean
}

export type ExplanationParts = {
  readonly decision: Decision
  /** As it was, and as it is today. */
  readonly playbook: Playbook
  readonly today: Playbook
  readonly entries: readonly PlaybookEntry[]
  /** Names of the pair features of a candidate, in order. */
  readonly pairNames: (item: string) => readonly string[]
  readonly deliveries: readonly Delivery[]
  readonly events: readonly CustomerEvent['event'][]
  readonly followedWhole: boolean
  readonly again: Again | null
}

const day = 24 * 60 * 60 * 1000

export function explanationOf(parts: ExplanationParts): Explanation {
  const { decision, playbook, today, entries, followedWhole, again } = parts
  const { update, history, sequence, channel, expiresAt } = decision
  const entry = entries.find(({ version }) => version === decision.playbookVersion) ?? null
  return {
    customer: decision.customer,
    decision: decision.id,
    at: decision.at,
    trigger: update.trigger,
    chosen: decision.chosen,
    reason: decision.reason,
    says: outcomeText(decision, playbook),
    offer:
      sequence === null || channel === null || expiresAt === null
        ? null
        : {
            sequence,
            channel,
            expiresAt,
            text: playbook.items.has(decision.chosen ?? '') ? offerOf(decision, playbook)!.text : null,
          },
    propensity: decision.propensity,
    noOfferPropensity: decision.noOfferPropensity,
    explored: decision.explored,
    draw: decision.draw,
    candidates: candidatesOf(parts),
    arms: decision.arms,
    models: decision.models.map(({ name, version, stage, value, failed }) => ({ name, version, stage, value, failed })),
    caps: capsOf(decision, playbook),
    offered: history.offered.toReversed(),
    budgets: decision.budgets.map(({ name, spentMinor }) => ({
      name,
      spentMinor,
      amountMinor: playbook.budgets.get(name)?.amountMinor ?? null,
    })),
    playbook: {
      version: decision.playbookVersion,
      writtenAt: entry?.at ?? null,
      by: entry?.by ?? null,
      record: entry === null ? null : `${entry.body.type} ${entry.body.name}`,
      now: today.version,
      // What another system decided, or nobody's playbook, has not changed.
      changedSince:
        decision.playbookVersion === -1
          ? []
          : differences(playbook, today).map(({ body, changes }) => ({ type: body.type, name: body.name, changes })),
    },
    fingerprint: update.fingerprint,
    features: update.fingerprint === fingerprint ? named(names, update.features) : {},
    pushes: parts.deliveries
      .filter(({ offer }) => offer === decision.id)
      .map(({ at, state, reason, channel: on, provider }) => ({ at, state, reason, channel: on, provider }))
      .sort((a, b) => a.at - b.at),
    answers: answersTo(decision, parts.events),
    followedWhole,
    again,
  }
}

function candidatesOf({ decision, playbook, pairNames }: ExplanationParts): ExplainedCandidate[] {
  const shadows = decision.models.filter(({ stage, scores }) => stage === 'shadow' && scores.length > 0)
  const all = decision.candidates.map(
    (each, index): ExplainedCandidate => ({
      item: each.item,
      verdict: each.refused !== null ? 'refused' : each.item === decision.chosen ? 'chosen' : 'eligible',
      refused: each.refused,
      says: each.refused === null ? '' : refusalText(each.refused, each.item, decision, playbook),
      rank: each.rank,
      score: each.score,
      uplift: each.uplift,
      valueMinor: each.valueMinor,
      propensity: each.propensity,
      shadows: shadows.map(({ name, version, scores }) => ({
        model: `${name}/${version}`,
        score: scores[index] ?? null,
      })),
      pairs: named(pairNames(each.item), each.pairs),
      reservations: decision.reservations
        .filter(({ item }) => item === each.item)
        .map(({ resource, granted }) => ({ resource, granted })),
    }),
  )
  const place = ({ verdict, rank }: ExplainedCandidate): number =>
    rank ?? (verdict === 'refused' ? Number.MAX_SAFE_INTEGER : all.length)
  return all.sort((a, b) => place(a) - place(b))
}

/** What of the contact policy's caps was used when the decision was taken; those of an item or a category stand in a refusal. */
function capsOf({ at, history }: Decision, playbook: Playbook): Explanation['caps'] {
  const policy = contactPolicyOf(playbook)
  const since = at - 7 * day
  return [
    {
      what: 'offers in 7 days',
      used: countSince(history, since, () => true),
      limit: policy.offersPerWeek,
    },
    ...Object.entries(policy.offersPerChannelPerWeek).map(([channel, limit]) => ({
      what: `offers on ${channel} in 7 days`,
      used: countSince(history, since, past => past.channel === channel),
      limit,
    })),
    ...(policy.minimumGapMinutes === 0
      ? []
      : [
          {
            what: `offers in ${policy.minimumGapMinutes} minutes`,
            used: countSince(history, at - policy.minimumGapMinutes * 60_000, () => true),
            limit: 1,
          },
        ]),
  ]
}

/** What names the offer, and purchases of its item that count as its acceptance. */
function answersTo({ id, at, chosen }: Decision, events: readonly CustomerEvent['event'][]): Answer[] {
  if (chosen === null) return []
  const shownAt = events.find(each => each.type === 'engagement' && each.kind === 'displayed' && each.offer === id)?.at
  const answers: Answer[] = []
  for (const event of events) {
    if (event.type === 'engagement' && event.offer === id)
      answers.push({ at: event.at, what: event.kind, item: event.item, accepted: false })
    if (event.type !== 'purchase') continue
    const accepted = event.item === chosen && isAcceptance(shownAt ?? at, event.at)
    if (accepted || event.offer === id) answers.push({ at: event.at, what: 'bought', item: event.item, accepted })
  }
  return answers.sort((a, b) => a.at - b.at)
}

const named = (all: readonly string[], values: readonly number[]): Record<string, number | null> =>
  Object.fromEntries(
    values.map((value, index) => [all[index] ?? `${index}`, Number.isNaN(value) ? null : Number(value)]),
  )
