import type { CustomerEvent, FeatureUpdate } from '@offerstream/contracts'
import {
  apply,
  empty,
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
    input: events,
    outputs: [updates as Topic<never>],
    states,
    empty,
    wakes: ({ event }) => (event.type === 'tick' ? event.at : null),
    step(state, record) {
      const { key, value: envelope } = record
      const { event } = envelope
      if (event.type === 'tick') return skip('nothing-due')
      if (event.customer !== key) return reject('other-customer')
      if (isRepeat(state, envelope)) return skip('repeated-event')
      const { state: after, kinds } = fire(envelope, apply(state, envelope))
      if (kinds.length === 0) return done(after)
      const features = Array.from(read(after, after.at))
      return done(after, ...kinds.map((kind, index) => update(record, after, features, kind, index)))
    },
  }
}

function update(
  { key, value, cause }: Received<CustomerEvent>,
  state: State,
  features: readonly number[],
  kind: string,
  index: number,
): Emission {
  const { event } = value
  return {
    topic: 'feature-updates',
    value: {
      id: causeText({ ...cause, index: cause.index + index }),
      customer: key,
      at: state.at,
      trigger: { kind, event: event.type === 'tick' ? '' : event.id, at: event.at },
      fingerprint,
      features,
      facts: factsOf(state),
    },
  }
}
