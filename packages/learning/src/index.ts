export { planFeatures } from './plan-features.ts'
export type { World } from './world.ts'
export { type WriteWorldOptions, writeWorld } from './write-world.ts'
