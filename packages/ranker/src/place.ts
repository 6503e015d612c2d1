import { type FeatureName, names } from '@offerstream/features'

const places = new Map<string, number>(names.map((name, place) => [name, place]))

/** Where an update carries a feature. */
export const placeOf = (name: FeatureName): number => places.get(name)!
