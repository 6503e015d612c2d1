export { featuresApi } from './api.ts'
export { createUpdater } from './fold.ts'
