import type { MonthlyUse } from '@offerstream/catalogue'
import { type FeatureName, names } from '@offerstream/features'

/** Names of the vector, in its order. */
export const featureNames: readonly string[] = names

const at = (name: FeatureName): number => featureNames.indexOf(name)
const dataMb = at('data_mb_30d')
const minutes = at('voice_minutes_30d')
const texts = at('texts_30d')

/** A month's use as the features have it. */
export const useOf = (vector: ArrayLike<number>): MonthlyUse => ({
  dataKb: vector[dataMb]! * 1024,
  minutes: vector[minutes]!,
  texts: vector[texts]!,
})
