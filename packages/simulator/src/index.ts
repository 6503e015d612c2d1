export { type Arrival, arrivals, type Disturbance, disturb } from './disturb.ts'
export { events, type OperatorEvent } from './events.ts'
export { catalogueOf } from './market/catalogue.ts'
export { itemName, planOf } from './market/items.ts'
export { createMarket, type Market, type MarketOptions } from './market/market.ts'
export { type MarketPreset, marketPresets } from './market/parameters.ts'
export { play } from './market/play.ts'
export type { Batch, PlayOptions } from './market/playing.ts'
export {
  eligiblePlans,
  fullInformation,
  ladderRule,
  type PlanPolicy,
  policyValue,
  singlePlan,
} from './market/policies.ts'
export {
  customerName,
  eventId,
  type MarketArrival,
  type MarketRecord,
  recordOf,
  recordsOf,
  topicsWithRecords,
} from './market/records.ts'
export { byArrival, type Table } from './market/table.ts'
export { marketTopics, oracleTables } from './market/topics.ts'
export { type Upsell, type UpsellPreset, upsellRows } from './market/upsell.ts'
export { type WriteOptions, type Written, writeMarket } from './market/write.ts'
export { acceptanceOf, type Latents, latentsOf } from './oracle.ts'
export type { Preset } from './parameters.ts'
export { playbookRecords } from './playbook.ts'
export { type Reaction, react, reactLater } from './react.ts'
export { type SteadyOptions, steady } from './steady.ts'
export { createWorld, customerRecords, type World, type WorldOptions } from './world.ts'
