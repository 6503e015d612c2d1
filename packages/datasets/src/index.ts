import { completeJourney } from './complete-journey.ts'
import type { Dataset } from './dataset.ts'
import { megaline } from './megaline.ts'
import { starbucksOffers } from './starbucks-offers.ts'

export type { Dataset, DatasetOptions, SourceRecord } from './dataset.ts'
export { createSchedule, type Paced, pace, rebased, type Schedule, type ScheduleOptions, spanOf } from './pace.ts'

/** Every data set there is an adapter for. */
export const datasets = {
  megaline,
  'complete-journey': completeJourney,
  'starbucks-offers': starbucksOffers,
} as const satisfies Record<string, Dataset>

export type DatasetName = keyof typeof datasets
