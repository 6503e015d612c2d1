export { causeText, parseCause } from './cause.ts'
export { type Codec, openTopic, type Topic, Undecodable } from './codec.ts'
export { done, doneUntil, type Emission, type Fold, type Outcome, type Received, reject, type StateCodec, skip } from './fold.ts'
export {
  type Bounds,
  type Cause,
  type CausePosition,
  type Change,
  IncompatibleSchema,
  type Log,
  type Member,
  type Message,
  type Outgoing,
  type Progress,
  Refused,
  type Registry,
  type Store,
  type StoreGuards,
  type StoreLane,
  type SubscribeOptions,
  type Subscription,
  type TopicSpec,
  Transient,
  UnknownTopic,
} from './ports.ts'
