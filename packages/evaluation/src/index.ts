export { compareBytes, type Difference } from './difference.ts'
export type { Choice } from './estimators/choice.ts'
export {
  defaultFloors,
  estimators,
  type Floors,
  type PolicyValue,
  type Valuation,
  valuePolicy,
} from './estimators/value.ts'
export { type RefoldOptions, refold } from './refold.ts'
