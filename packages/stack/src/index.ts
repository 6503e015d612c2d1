export { type Brokers, startBrokers } from './brokers.ts'
export type { Progress } from './download.ts'
export { type ExtraRedis, type RedisCluster, type RedisOptions, startRedis, startRedisCluster } from './extra-redis.ts'
export { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
export { writeFirefoxProfile } from './firefox-profile.ts'
export { freePorts } from './ports.ts'
export { type Child, type Children, createChildren } from './process.ts'
export { type PushEvent, readPushLog } from './push-log.ts'
export {
  type Accepted,
  type PushBehaviour,
  type PushService,
  type PushServiceClient,
  type PushServiceOptions,
  type PushSubscriptionInfo,
  pushServiceClient,
  type Shown,
  startPushService,
} from './push-service.ts'
export type { StackOptions } from './settings.ts'
export { type Addresses, type Stack, type StackKind, stackKinds, startStack } from './stack.ts'
export { StackUnavailable } from './unavailable.ts'
export { createDevice } from './virtual-devices.ts'
