import type { Playbook } from '@offerstream/catalogue'
import {
  avroCodec,
  type ContactHistory,
  type Decision,
  type FeatureUpdate,
  type NextBestOffer,
} from '@offerstream/contracts'
import { decide, emptyHistory, offerOf, remember } from '@offerstream/policy'
import type { Models } from '@offerstream/ranker'
import { done, type Fold, memoryReservations, type Reservations, reject, type Topic } from '@offerstream/streaming'
import { type Prepared, prepare } from './prepare.ts'
import { type Reserved, reserveFor } from './reserve.ts'

/** The group and the states; it changes when the meaning of a state does. */
export const scorerName = 'offer-scorer'

export type ScorerSurroundings = {
  readonly updates: Topic<FeatureUpdate>
  readonly decisions: Topic<Decision>
  readonly offers: Topic<NextBestOffer>
  /** As it is now; asked once a batch, so that no batch is decided by two. */
  playbook(): Playbook
  readonly models: Models
  /** Stocks and budgets, of this process alone unless given. */
  readonly reservations?: Reservations
}

/** What a step needs that hangs on no history: candidates scored, stock and budget reserved. */
export type Ready = Prepared & Reserved

/** Feature updates in, a decision for each out, and an offer where it makes one. State is what the customer was offered. */
export function createScorer(around: ScorerSurroundings): Fold<ContactHistory, FeatureUpdate, Ready> {
  const { updates, decisions, offers, playbook, models, reservations = memoryReservations() } = around
  return {
    name: scorerName,
    input: updates,
    outputs: [decisions as Topic<never>, offers as Topic<never>],
    states: avroCodec('contact-history'),
    empty: emptyHistory,
    async prepare(batch) {
      const now = playbook()
      const values = batch.map(record => record.value)
      const prepared = await prepare(
        values,
        values.map(() => now),
        models,
      )
      const reserved = await reserveFor(values, prepared, reservations)
      return prepared.map((each, index) => ({ ...each, ...reserved[index]! }))
    },
    step(history, { key, value: update }, prepared) {
      if (update.customer !== key) return reject('other-customer')
      if (prepared.kind === 'refused') return reject(prepared.reason)
      const decision = decide({ id: update.id, at: update.at, update, ...prepared }, history, prepared.playbook)
      const offer = offerOf(decision, prepared.playbook)
      const after = remember(history, decision)
      const logged = { topic: 'decisions', value: decision } as const
      return offer === null ? done(after, logged) : done(after, logged, { topic: 'next-best-offers', value: offer })
    },
  }
}
