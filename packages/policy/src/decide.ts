import type { Playbook } from '@offerstream/catalogue'
import {
  type Arm,
  type Assignment,
  type BudgetSpent,
  type Candidate,
  type CatalogueItem,
  type ContactHistory,
  type Decision,
  type FeatureUpdate,
  type ModelUsed,
  type Reservation,
  unit,
} from '@offerstream/contracts'
import { assign, isRunning } from '@offerstream/experiments'
import { arms } from './arms.ts'
import { channelFor } from './channel.ts'
import { type Guide, guideOf } from './guide.ts'
import { refusalOf } from './rules.ts'
import { situationOf } from './situation.ts'

const hour = 60 * 60 * 1000

/** A candidate as the models saw it. */
export type Scored = {
  readonly item: CatalogueItem
  /** Pair features as scored; empty where no model looked. */
  readonly pairs: readonly number[]
  /** Calibrated probability of acceptance, null where no model scores such items. */
  readonly score: number | null
}

export type Request = {
  readonly id: string
  readonly at: number
  readonly update: FeatureUpdate
  /** From `candidatesFor`, in the order of the catalogue. */
  readonly candidates: readonly Scored[]
  readonly models: readonly ModelUsed[]
  /** Answers for the candidates that need a stock or a budget; one refused refuses its item. */
  readonly reservations?: readonly Reservation[]
  /** What had been spent of the budgets that cover a candidate. */
  readonly budgets?: readonly BudgetSpent[]
}

/**
 * One offer or none, with everything needed to explain it and to decide it again. With e the arm's exploration share and
 * n eligible actions, no offer among them, each action has propensity e/n, the one wanted most 1 − e more.
 */
export function decide(request: Request, history: ContactHistory, playbook: Playbook): Decision {
  const { id, at, update } = request
  const guide = guideOf(playbook)
  const situation = situationOf(update, at, history, guide)
  const assigned = assignArms(guide, update.customer, at)
  const choice = arms[assigned.policy]

  const { length } = request.candidates
  const refusals = new Array<string | null>(length)
  const wants = new Array<number | null>(length)
  const order: number[] = []
  const eligible: number[] = []
  for (let index = 0; index < length; index++) {
    const { item, score } = request.candidates[index]!
    const refused = refusalOf(item, situation)
    refusals[index] = refused
    wants[index] = null
    if (refused !== null) continue
    eligible.push(index)
    wants[index] = choice.wants(item, score, situation)
    if (wants[index] !== null) order.push(index)
  }
  order.sort((a, b) => wants[b]! - wants[a]! || a - b)
  const ranks = new Array<number | null>(length).fill(null)
  for (let rank = 0; rank < order.length; rank++) ranks[order[rank]!] = rank + 1

  const best = order[0]
  const wanted = best !== undefined && wants[best]! > 0 && wants[best]! >= choice.least(guide.policy) ? best : noOffer
  const exploration = choice.exploration(guide.policy)
  const actions = eligible.length + 1
  const propensityOf = (action: number) => exploration / actions + (action === wanted ? 1 - exploration : 0)
  const draw = unit(`draw/${id}`)
  const explored = draw < exploration
  // Below the share the draw is uniform again: it picks the action as well. No offer comes last.
  const chosen = explored ? (eligible[Math.floor((draw / exploration) * actions)] ?? noOffer) : wanted

  const candidates = request.candidates.map(({ item, pairs, score }, index): Candidate => {
    const refused = refusals[index]!
    return {
      item: item.name,
      refused,
      pairs,
      score,
      uplift: null,
      valueMinor: score === null ? null : score * item.marginMinor * guide.leverOf(item),
      rank: ranks[index]!,
      propensity: refused === null ? propensityOf(index) : 0,
    }
  })
  const item = chosen === noOffer ? null : request.candidates[chosen]!.item
  return {
    id,
    customer: update.customer,
    at,
    playbookVersion: playbook.version,
    update,
    arms: assigned.assignments,
    models: request.models,
    candidates,
    reservations: request.reservations ?? [],
    budgets: request.budgets ?? [],
    history,
    chosen: item === null ? null : item.name,
    propensity: propensityOf(chosen),
    noOfferPropensity: propensityOf(noOffer),
    explored,
    draw,
    reason: explored ? 'explored' : item === null ? whyNone(eligible, order, assigned.policy) : choice.why,
    sequence: item === null ? null : history.sequence + 1,
    expiresAt: item === null ? null : Math.min(at + guide.policy.validHours * hour, item.availableTo ?? Infinity),
    channel: item === null ? null : channelFor(item, update.facts.consent),
  }
}

const noOffer = -1

/** Every running experiment's arm; the first that is not the champion's decides how this decision is taken. */
function assignArms(guide: Guide, customer: string, at: number): { assignments: Assignment[]; policy: Arm['policy'] } {
  const assignments: Assignment[] = []
  let policy: Arm['policy'] = 'champion'
  for (const experiment of guide.experiments) {
    if (!isRunning(experiment, at)) continue
    const arm = assign(experiment, customer)
    assignments.push({ experiment: experiment.name, arm: arm.name })
    if (policy === 'champion') policy = arm.policy
  }
  return { assignments, policy }
}

const whyNone = (eligible: readonly number[], order: readonly number[], policy: Arm['policy']): string =>
  policy === 'no_offer'
    ? arms.no_offer.why
    : eligible.length === 0
      ? 'nothing-eligible'
      : order.length === 0
        ? 'nothing-scored'
        : 'below-minimum-value'
