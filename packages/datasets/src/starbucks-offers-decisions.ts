import { type Decision, defaults } from '@offerstream/contracts'
import type { TranscriptRow } from './starbucks-offers-transcript.ts'

const hour = 60 * 60 * 1000

export const sendId = (row: TranscriptRow): string => `received/${row.person}/${row.offer}/${row.hours}`

/**
 * A send as the decision behind it. Who got an offer and which was drawn at random: an offer with probability 0.75, each
 * as likely as the next. The set lists who got one only, so a decision is one among recipients: 1 / offers each, and no
 * offer was not possible. Of what was known of the customer, the set says nothing. It counts whole hours: the decision is
 * taken as its hour begins, and the offer expires as the last hour of its validity ends.
 */
export function decisionOf(row: TranscriptRow, at: number, sequence: number, offers: readonly Offer[]): Decision {
  const id = sendId(row)
  const propensity = 1 / offers.length
  return {
    id,
    customer: row.person,
    at,
    playbookVersion: -1,
    update: {
      id,
      customer: row.person,
      at,
      trigger: { kind: 'campaign-due', event: `wave-${row.hours}`, at },
      fingerprint: '',
      features: [],
      facts: defaults.CustomerFacts,
    },
    arms: [],
    models: [],
    candidates: offers.map(({ name: item }) => ({
      item,
      refused: null,
      pairs: [],
      score: null,
      uplift: null,
      valueMinor: null,
      rank: null,
      propensity,
    })),
    reservations: [],
    budgets: [],
    history: { sequence: sequence - 1, offered: [] },
    chosen: row.offer,
    propensity,
    noOfferPropensity: 0,
    explored: true,
    draw: 0,
    reason: 'explored',
    sequence,
    expiresAt: at + (offers.find(({ name }) => name === row.offer)!.days * 24 + 1) * hour - 1,
    channel: null,
  }
}

/** An offer of the portfolio and how long it is valid. */
export type Offer = { readonly name: string; readonly days: number }
