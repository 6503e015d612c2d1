export { atBoundary, InfiniteInput } from './boundary.ts'
export { customerRow, type Inputs, inputsOf } from './inputs.ts'
export type { Manifest } from './manifest.ts'
export {
  demoPromotions,
  loadModel,
  type Model,
  type ModelOptions,
  ModelRefused,
  modelsFolder,
  promotionOf,
} from './models.ts'
export { type PairContext, type PairName, pairContext, pairFeatures, pairNames, pairsOf } from './pairs.ts'
export { openSession, type Scorer, type Session } from './scoring.ts'
export { createModels, type Models, type ModelsOptions } from './store.ts'
export { type Walker, walkerOf } from './walker.ts'
