export { answerError } from './answer-error.ts'
export { serveApi } from './api-thread.ts'
export { causeText, parseCause } from './cause.ts'
export { type Clock, createClock } from './clock.ts'
export { type Codec, openTopic, readerOrThrower, type Topic, Undecodable } from './codec.ts'
export { type ConfluentRegistryOptions, confluentRegistry } from './confluent-registry.ts'
export { deadLetter, deadLettersOf } from './dead-letters.ts'
export { ensureTopics } from './ensure-topics.ts'
export { failPoint } from './fail-point.ts'
export {
  done,
  doneUntil,
  type Emission,
  type Fold,
  type Outcome,
  type Received,
  reject,
  type StateCodec,
  skip,
} from './fold.ts'
export { type Following, follow } from './follow.ts'
export { type KafkaLogOptions, kafkaLog } from './kafka-log.ts'
export {
  type Answer,
  type Health,
  type LaneHealth,
  type LaneWork,
  type Reach,
  type Running,
  runMember,
} from './member.ts'
export { type MemoryLog, memoryLog } from './memory-log.ts'
export { memoryRegistry } from './memory-registry.ts'
export { memoryReservations } from './memory-reservations.ts'
export { memoryStore } from './memory-store.ts'
export { createMetrics, type MetricName, type Metrics, metricsCatalogue } from './metrics.ts'
export { type OutboxEntry, packOutbox, publish, unpackOutbox } from './outbox.ts'
export { partitionOf } from './partition.ts'
export {
  type Bounds,
  type Captured,
  type Cause,
  type CausePosition,
  type Change,
  IncompatibleSchema,
  type Incumbent,
  type Log,
  type Member,
  type Message,
  type Outgoing,
  type Progress,
  Refused,
  type Registry,
  type StateRow,
  type Store,
  type StoreGuards,
  type StoreLane,
  type SubscribeOptions,
  type Subscription,
  type TopicSpec,
  Transient,
  UnknownTopic,
} from './ports.ts'
export { type Causes, checkCause, expectsOffset, read } from './receive.ts'
export { type RedisAddress, type RedisClient, redisClient } from './redis-client.ts'
export { type RedisStoreOptions, redisStore } from './redis-store.ts'
export type { Ask, Keep, Reservations, Totals } from './reservations.ts'
export { Abandoned, retrying, steadily } from './retry.ts'
export { type Addressed, type Handled, type Handler, type Keeps, keptIn, run, type SourceRecord } from './run.ts'
export { type FoldGuards, openFoldLane, type RunOptions, runFold, startOf } from './run-fold.ts'
export { type Surroundings, serve, statusServer } from './service.ts'
export {
  BadSettings,
  nearest,
  readSettings,
  type SettingName,
  type Settings,
  settings,
  settingsOrExit,
} from './settings.ts'
export { runSuccessor, type SuccessionOptions } from './succession.ts'
export { createTally, type RejectLimits, rejectLimits, type Tally } from './tally.ts'
