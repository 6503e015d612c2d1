export { featuresApi } from './api.ts'
export { type Campaign, type FanOutProgress, type FanOutSummary, fanOut, type Reached } from './fan-out.ts'
export { createUpdater, knownAt, updaterName } from './fold.ts'
export { startFeatureUpdater } from './service.ts'
