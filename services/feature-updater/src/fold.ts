import type { CustomerEvent, FeatureUpdate } from '@offerstream/contracts'
import {
  apply,
  empty,
  type Firing,
  factsOf,
  fingerprint,
  fire,
  isRepeat,
  layoutFingerprint,
  read,
  type State,
  states,
} from '@offerstream/features'
import {
  causeText,
  done,
  doneUntil,
  type Emission,
  type Fold,
  type Received,
  reject,
  skip,
  type Topic,
} from '@offerstream/streaming'

type Topics = { readonly events: Topic<CustomerEvent>; readonly updates: Topic<FeatureUpdate> }

/** The group and the states; it changes with the meaning of a state's bytes. Short: it is part of every key. */
export const updaterName = `updater-${layoutFingerprint.slice(0, 8)}`

/** The journal in, an update out for every trigger that fires. */
export function createUpdater({ events, updates }: Topics): Fold<State, CustomerEvent> {
  return {
    name: updaterName,
    role: 'feature-updater',
    input: events,
    outputs: [updates as Topic<never>],
    states,
    empty,
    wakes: ({ event }) => (event.type === 'tick' ? event.at : null),
    step(state, record) {
      const { key, value: envelope } = record
      const { event } = envelope
      if (event.type !== 'tick' && event.customer !== key) return reject('other-customer')
      if (isRepeat(state, envelope)) return skip('repeated-event')
      const { state: after, firings, due } = fire(envelope, state, apply(state, envelope))
      const emit = updatesOf(record, after, firings)
      return due === undefined ? done(after, ...emit) : doneUntil(after, due, ...emit)
    },
  }
}

/** One for each trigger that fired, with features and facts as they stood then. */
function updatesOf(
  { key, value, cause }: Received<CustomerEvent>,
  state: State,
  firings: readonly Firing[],
): Emission[] {
  if (firings.length === 0) return []
  const known = knownAt(state, value.event.type === 'tick' ? value.event.at : state.at)
  return firings.map(({ kind, of, at: firedAt }, index) => ({
    topic: 'feature-updates',
    value: {
      id: causeText({ ...cause, index: cause.index + index }),
      customer: key,
      trigger: { kind, event: of, at: firedAt },
      ...known,
    },
  }))
}

/** What is known of a customer at a moment, as every update says it; not before their newest event. */
export function knownAt(
  state: State,
  moment: number,
): Pick<FeatureUpdate, 'at' | 'fingerprint' | 'features' | 'facts'> {
  const at = Math.max(state.at, moment)
  return { at, fingerprint, features: Array.from(read(state, at)), facts: factsOf(state) }
}
