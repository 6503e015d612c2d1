import type { ContactHistory, Decision, PastOffer } from '@offerstream/contracts'

export const emptyHistory: ContactHistory = { sequence: 0, offered: [] }

/** Offers kept per customer: more than a month of what a contact policy usually allows. A cap above it is no cap. */
export const rememberedOffers = 32

export const day = 24 * 60 * 60 * 1000
export const week = 7 * day

/**
 * The history after a decision. Folding it over a customer's decisions rebuilds the history from nothing. Transactional
 * offers leave no more than their sequence: no rule asks for them.
 */
export function remember(history: ContactHistory, decision: Decision): ContactHistory {
  const { at, chosen, channel, reason, sequence } = decision
  if (chosen === null || sequence === null) return history
  if (reason === 'transactional') return { sequence, offered: history.offered }
  const offer: PastOffer = { at, item: chosen, channel: channel ?? '', capped: reason !== 'mandatory' }
  return { sequence, offered: withRoomFor([...history.offered, offer]) }
}

/** Past the limit the oldest goes whose item was offered again since: so an item's last offer is the last to be forgotten. */
function withRoomFor(offered: readonly PastOffer[]): readonly PastOffer[] {
  if (offered.length <= rememberedOffers) return offered
  const spare = offered.findIndex((past, index) => offered.some((later, at) => at > index && later.item === past.item))
  return offered.toSpliced(Math.max(spare, 0), 1)
}

/** Offers that count towards the caps, made after `since`. */
export function countSince(history: ContactHistory, since: number, counts: (past: PastOffer) => boolean): number {
  let count = 0
  for (const past of history.offered) if (past.capped && past.at > since && counts(past)) count++
  return count
}
