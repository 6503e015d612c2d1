export { billOf, type MonthlyUse } from './bill.ts'
export { checkRecord } from './check.ts'
export { contactPolicyName, contactPolicyOf, defaultContactPolicy } from './contact-policy.ts'
export { isSold, itemsAt, stampOf } from './items.ts'
export { nearest } from './nearest.ts'
export { type Parsed, parseRecord } from './parse.ts'
export { applyRecord, emptyPlaybook, type Playbook, passOver, promotionKey } from './playbook.ts'
export {
  type Asking,
  asksForScore,
  asksForTime,
  type CompiledRule,
  compileForAnybody,
  compileRule,
  type LocalTime,
} from './predicates.ts'
export { baselineOf, promotionsFor, promotionsInUse, type Trial, trialsOf } from './promotions.ts'
export { covers, type Pace, pacesOf, type Resource, resourceNamesOf, resourcesOf } from './resources.ts'
export { textFor } from './text.ts'
