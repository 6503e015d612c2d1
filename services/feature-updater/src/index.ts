export { featuresApi } from './api.ts'
export { createUpdater, updaterName } from './fold.ts'
export { startFeatureUpdater } from './service.ts'
