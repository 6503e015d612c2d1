import { type Playbook, pacesOf } from '@offerstream/catalogue'
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
import { scoresOf } from './scores.ts'
import { situationOf } from './situation.ts'
import { expectedValue, pressureOn } from './value.ts'

const hour = 60 * 60 * 1000

/** A candidate as the models saw it. */
export type Scored = {
  readonly item: CatalogueItem
  /** Pair features as scored; empty where no model looked. */
  readonly pairs: readonly number[]
  /** Calibrated probability of acceptance, null where no model scores such items. */
  readonly score: number | null
  /** What offering it adds to that probability, where a model measures it. */
  readonly uplift?: number | null
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
 * One offer or none, with everything needed to explain it and to decide it again. What must be sent is, if it is eligible,
 * whatever the arm. Otherwise, with e the arm's exploration share and n eligible actions, no offer among them, each action
 * has propensity e/n, the one wanted most 1 − e more. Which one is chosen hangs on the names of items, not on their order.
 */
export function decide(request: Request, history: ContactHistory, playbook: Playbook): Decision {
  const { id, at, update, reservations = [], budgets = [] } = request
  const guide = guideOf(playbook)
  const scores = scoresOf(request.models)
  const situation = situationOf(update, at, history, guide, scores, reservations)
  const assigned = assignArms(guide, update.customer, at)
  const choice = arms[assigned.policy]
  const paces = pacesOf(budgets, at, playbook)

  const { length } = request.candidates
  const refusals = new Array<string | null>(length)
  const values = new Array<number | null>(length)
  const wants = new Array<number | null>(length)
  const order: number[] = []
  const eligible: number[] = []
  const due: number[] = []
  for (let index = 0; index < length; index++) {
    const { item, score, uplift = null } = request.candidates[index]!
    const refused = refusalOf(item, situation)
    refusals[index] = refused
    const value = expectedValue(item, { score, uplift }, paces.length === 0 ? 1 : pressureOn(item, paces))
    values[index] = value === null ? null : value * guide.leverOf(item, scores)
    wants[index] = null
    if (refused !== null) continue
    if (item.obligation !== 'none') {
      due.push(index)
      continue
    }
    eligible.push(index)
    wants[index] = choice.wants({ item, score, value }, situation)
    if (wants[index] !== null) order.push(index)
  }
  const position = (index: number) => guide.positions.get(request.candidates[index]!.item.name)!
  order.sort((a, b) => wants[b]! - wants[a]! || position(a) - position(b))
  const ranks = new Array<number | null>(length).fill(null)
  for (let rank = 0; rank < order.length; rank++) ranks[order[rank]!] = rank + 1

  const first = due.length > 0 ? firstDue(due, request.candidates, position) : null
  const best = order[0]
  const wanted =
    first ?? (best !== undefined && wants[best]! > 0 && wants[best]! >= choice.least(guide.policy) ? best : noOffer)
  const exploration = first === null ? choice.exploration(guide.explorationShare) : 0
  const actions = eligible.length + 1
  const propensityOf = (action: number) => exploration / actions + (action === wanted ? 1 - exploration : 0)
  const draw = unit(`draw/${id}`)
  const explored = draw < exploration
  // Below the share the draw is uniform again: it picks the action as well. No offer comes last.
  const chosen = explored
    ? (eligible.sort((a, b) => position(a) - position(b))[Math.floor((draw / exploration) * actions)] ?? noOffer)
    : wanted

  const candidates = request.candidates.map(({ item, pairs, score, uplift = null }, index): Candidate => {
    const refused = refusals[index]!
    return {
      item: item.name,
      refused,
      pairs,
      score,
      uplift,
      valueMinor: values[index]!,
      rank: ranks[index]!,
      propensity: refused === null && (item.obligation === 'none' || index === first) ? propensityOf(index) : 0,
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
    reservations,
    budgets,
    history,
    chosen: item === null ? null : item.name,
    propensity: propensityOf(chosen),
    noOfferPropensity: propensityOf(noOffer),
    explored,
    draw,
    reason: explored
      ? 'explored'
      : item === null
        ? whyNone(eligible, order, assigned.policy)
        : first === null
          ? choice.why
          : item.obligation,
    sequence: item === null ? null : history.sequence + 1,
    expiresAt: item === null ? null : Math.min(at + guide.policy.validHours * hour, item.availableTo ?? Infinity),
    channel: item === null ? null : channelFor(item, situation),
  }
}

const noOffer = -1

/** Of what must be sent the transactional goes first. */
function firstDue(due: readonly number[], candidates: readonly Scored[], position: (index: number) => number): number {
  const later = (index: number): number => (candidates[index]!.item.obligation === 'transactional' ? 0 : 1)
  return due.toSorted((a, b) => later(a) - later(b) || position(a) - position(b))[0]!
}

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
