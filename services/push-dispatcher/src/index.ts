export { type Dispatcher, type DispatcherOptions, type LedgerCounts, runDispatcher } from './dispatcher.ts'
export { type LedgerState, ledgerStates, transitions } from './ledger.ts'
export type { Answer, Provider, PushRequest } from './providers/provider.ts'
export { createVapidKeys, type VapidKeys, type WebPushOptions, webPushProvider } from './providers/web-push.ts'
export { allGuards, type DispatcherGuards, failPoints } from './setup.ts'
export {
  type DeviceSubscription,
  memorySubscriptions,
  redisSubscriptions,
  type Subscriptions,
} from './subscriptions.ts'
export { addSubscriptionRoutes } from './subscriptions-api.ts'
