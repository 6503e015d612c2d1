import type { Decision } from '@offerstream/contracts'
import type { Choice } from './estimators/choice.ts'

/** The action of offering nothing. */
export const noOffer = 'no offer'

/** A decision as it was logged: the actions there were, each with its propensity, and which was taken. */
export type Logged = Omit<Choice, 'target' | 'reward'> & {
  readonly at: number
  /** The item, null for no offer. */
  readonly chosen: string | null
  readonly customer: string
}

/**
 * Actions of a decision: its candidates, then no offer. What was refused stays among them with propensity 0. The score a
 * model gave is what a reward model may look at. Throws where the propensities do not add up to 1.
 */
export function loggedOf(decision: Decision): Logged {
  const { candidates, chosen, customer, at, noOfferPropensity } = decision
  const listed = candidates.reduce((sum, { propensity }) => sum + propensity, 0)
  // Records from before it was logged say 0.
  const rest = Math.max(0, 1 - listed)
  const none = Math.abs(rest - noOfferPropensity) < 1e-9 ? noOfferPropensity : rest
  const logged = [...candidates.map(({ propensity }) => propensity), none]
  const taken = chosen === null ? candidates.length : candidates.findIndex(({ item }) => item === chosen)
  if (listed > 1 + 1e-9 || taken < 0 || !(logged[taken]! > 0))
    throw new Error(
      `decision ${decision.id} chose ${chosen ?? noOffer} with propensity ${logged[taken] ?? 'of nothing'}, all together ${listed + none}: it was not logged whole`,
    )
  return {
    group: customer,
    customer,
    at,
    chosen,
    actions: [...candidates.map(({ item }) => item), noOffer],
    taken,
    logged,
    inputs: [...candidates.map(({ score }) => [score ?? 0]), [0]],
  }
}

/** Probability of each of a logged decision's actions under a policy. */
export type Target = (logged: Logged) => readonly number[]

/** What was done. */
export const loggingPolicy: Target = ({ logged }) => logged

/** Each possible action, no offer among them where it was possible, as likely as the next. */
export const uniformPolicy: Target = ({ logged }) => {
  const possible = logged.filter(each => each > 0).length
  return logged.map(each => (each > 0 ? 1 / possible : 0))
}

/** Always one item; no offer to whom it was not possible. */
export const fixedPolicy =
  (item: string): Target =>
  ({ actions, logged }) => {
    const at = actions.findIndex((action, index) => action === item && logged[index]! > 0)
    const wanted = at < 0 ? actions.length - 1 : at
    return actions.map((_, index) => Number(index === wanted))
  }

/** Offers to nobody. */
export const noOfferPolicy: Target = ({ actions }) => actions.map(action => Number(action === noOffer))
