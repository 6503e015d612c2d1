import type { CustomerEvent } from '@offerstream/contracts'
import { describe } from './describe.ts'
import { createEngine } from './engine.ts'
import { features } from './features.ts'
import { createFire } from './fire.ts'
import { naiveRead } from './naive.ts'
import { describeTriggers } from './trigger.ts'
import { triggers } from './triggers.ts'

const engine = createEngine(features)

export { acceptanceDays, isAcceptance } from './acceptance.ts'
export type { StateCodec } from './codec.ts'
export type { FeatureRow } from './describe.ts'
export { createEngine, type Engine } from './engine.ts'
export type { Feature, Features } from './feature.ts'
export { type FeatureName, features } from './features.ts'
export { createFire, type Fire, type Fired, type Firing } from './fire.ts'
export { factsOf } from './profile.ts'
export type { Profile, State } from './state.ts'
export {
  type Moment,
  onceAMonth,
  onceIn,
  onEvent,
  onTick,
  type TriggerRow,
  type TriggerRule,
  type Triggers,
} from './trigger.ts'
export { type TriggerKind, triggers } from './triggers.ts'

/** What follows from the list of features; see `Engine`. */
export const { names, fingerprint, layoutFingerprint, empty, states, isRepeat, apply, merge, read } = engine

/** The table of features, derived from the list. */
export const featureTable = describe(features)

/** The table of triggers, derived from the list. */
export const triggerTable = describeTriggers(triggers)

/** Which triggers of the list an event or a tick fires, and the state that remembers it; see `Fire`. */
export const fire = createFire(engine, triggers)

/** The vector recomputed from one customer's raw events in the order of the journal; see `read`. */
export const naive = (events: readonly CustomerEvent[], at: number): Float32Array => naiveRead(features, events, at)
