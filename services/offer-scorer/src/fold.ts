import type { Playbook } from '@offerstream/catalogue'
import {
  avroCodec,
  type ContactHistory,
  type Decision,
  type FeatureUpdate,
  hash,
  type NextBestOffer,
} from '@offerstream/contracts'
import { fingerprint } from '@offerstream/features'
import { decide, emptyHistory, offerOf, remember } from '@offerstream/policy'
import type { Models } from '@offerstream/ranker'
import { done, type Fold, memoryReservations, type Reservations, reject, type Topic } from '@offerstream/streaming'
import { type Prepared, prepare } from './prepare.ts'
import { type Reserved, reserveFor } from './reserve.ts'

/** What it does for the line, whatever its states look like. */
export const scorerRole = 'offer-scorer'

const states = avroCodec('contact-history')
/** What hangs on the bytes of a state, and not on the words around it. */
const shape = JSON.stringify(JSON.parse(states.schema), (key, value) => (key === 'doc' ? undefined : value))

/** The group and the states; it changes with the shape of a state, whose bytes do not say it. Short: it is part of every key. */
export const scorerName = `scorer-${hash(shape).toString(16).padStart(14, '0').slice(0, 8)}`

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
    role: scorerRole,
    input: updates,
    outputs: [decisions as Topic<never>, offers as Topic<never>],
    states,
    empty: emptyHistory,
    awaits: update =>
      update.fingerprint === fingerprint
        ? null
        : 'an update holds features of another list: an offer-scorer of the version that wrote it has to decide it',
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
