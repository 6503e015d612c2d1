import type { ContactHistory, Decision } from '@offerstream/contracts'

export const emptyHistory: ContactHistory = { sequence: 0, offered: [] }

/** Offers kept per customer: more than a month of the most that the contact policy may allow. */
export const rememberedOffers = 32

/** The history after a decision. Folding it over a customer's decisions rebuilds the history from nothing. */
export function remember(history: ContactHistory, decision: Decision): ContactHistory {
  if (decision.chosen === null || decision.sequence === null) return history
  return {
    sequence: decision.sequence,
    offered: [
      ...history.offered,
      { at: decision.at, item: decision.chosen, channel: decision.channel ?? '', capped: true },
    ].slice(-rememberedOffers),
  }
}
