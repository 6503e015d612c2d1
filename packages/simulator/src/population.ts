import type { Parameters } from './parameters.ts'
import { createRandom } from './random.ts'

/**
 * What makes each customer act as they do. Nobody but the world and its oracle reads this: no event, profile or
 * playbook record carries any of it.
 */
export type Population = {
  /** Log of the monthly data need, GB. */
  readonly logNeed: Float64Array
  readonly incomeMinor: Float64Array
  readonly sensitivity: Float64Array
  readonly streaming: Float64Array
  readonly roaming: Float64Array
  /** Taste in three dimensions, flat. */
  readonly taste: Float64Array
  readonly inertia: Float64Array
  readonly attention: Float64Array
  /** Multiplies every event rate. */
  readonly activity: Float64Array
  /** Hours by which the customer's day is shifted against the common profile. */
  readonly shift: Int8Array
  readonly age: Uint8Array
}

export function createPopulation(seed: number, customers: number, parameters: Parameters): Population {
  const column = () => new Float64Array(customers)
  const population: Population = {
    logNeed: column(),
    incomeMinor: column(),
    sensitivity: column(),
    streaming: column(),
    roaming: column(),
    taste: new Float64Array(customers * 3),
    inertia: column(),
    attention: column(),
    activity: column(),
    shift: new Int8Array(customers),
    age: new Uint8Array(customers),
  }
  const random = createRandom()
  for (let i = 0; i < customers; i++) {
    random.seed(seed, i, purposePopulation)
    const need = random.normal()
    population.logNeed[i] = parameters.logNeedMean + parameters.logNeedSd * need
    population.incomeMinor[i] = parameters.incomeMedianMinor * Math.exp(parameters.incomeSd * random.normal())
    population.sensitivity[i] = Math.exp(parameters.sensitivitySd * random.normal())
    population.streaming[i] = random.beta(1, 3)
    population.roaming[i] = random.beta(1, 6)
    for (let d = 0; d < 3; d++) population.taste[i * 3 + d] = random.normal()
    population.inertia[i] = Math.abs(parameters.inertiaMean + parameters.inertiaSd * random.normal())
    population.attention[i] = Math.min(0.95, parameters.attention * Math.exp(parameters.attentionSd * random.normal()))
    population.activity[i] = Math.exp(0.4 * random.normal() - 0.08)
    population.shift[i] = Math.round(1.5 * random.normal())
    // A noisy child of need: the young use more, loosely.
    population.age[i] = Math.min(90, Math.max(18, Math.round(45 - 5 * need + 14 * random.normal())))
  }
  return population
}

/** Third seed words; one for each use of chance, so that no two share draws. */
const purposePopulation = -1
export const purposeProfile = -2
export const purposeFirstPlan = -3
export const purposeReconsider = -4
export const purposeCycle = -5
export const purposeAnswer = -6
export const purposeDisturb = -7
export const purposeSteady = -8
