export { bestFixed } from './best-fixed.ts'
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
export { type ExportedTopic, exportedTopics } from './export/manifest.ts'
export { type OpenedExport, openExport } from './export/open-export.ts'
export { type ExportOptions, type ExportSummary, writeExport } from './export/write-export.ts'
export { type FieldDifference, fieldDifference } from './field-difference.ts'
export {
  fixedPolicy,
  type Logged,
  loggedOf,
  loggingPolicy,
  noOffer,
  noOfferPolicy,
  type Target,
  uniformPolicy,
} from './logged.ts'
export {
  createOutcomes,
  type Offered,
  type Outcomes,
  type RewardRule,
  rewardRules,
} from './outcomes.ts'
export { type RefoldOptions, refold } from './refold.ts'
export { type Report, reportHtml } from './report.ts'
export { type WeightBin, weightBins } from './weights.ts'
