import { createRandom } from '../random.ts'
import type { MarketParameters } from './parameters.ts'
import { purposes } from './purposes.ts'

/**
 * What makes customers act, one column each, and its noisy children that may be seen. About 120 bytes a customer.
 * Latents never reach a topic; what may be seen is listed in `topics.ts`.
 */
export type People = {
  /** Lasting part of the log need, and drift. Both move. */
  readonly needLevel: Float32Array
  readonly needDrift: Float32Array
  /** Month 0, minor units. */
  readonly incomeMinor: Float32Array
  readonly sensitivity: Float32Array
  readonly streaming: Float32Array
  readonly roaming: Float32Array
  /** Flat, three each. */
  readonly taste: Float32Array
  readonly inertia: Float32Array
  readonly attention: Float32Array
  /** Of opening a push, logit. */
  readonly openness: Float32Array
  /** Hours by which the day is shifted. */
  readonly shift: Int8Array
  readonly household: Int32Array
  /** Seen, with noise. */
  readonly age: Uint8Array
  readonly tenureDays: Int16Array
  /** Days left of the binding at the start; negative since it ended. */
  readonly bindingDays: Int16Array
  readonly device: Uint8Array
  readonly channel: Uint8Array
  readonly bundle: Uint8Array
  readonly consent: Uint8Array
  /** What the customer once said of the GB they need, 0 where it is missing. */
  readonly statedGb: Uint8Array
}

export const devices = ['ios', 'android', 'android-low', 'other'] as const
export const saleChannels = ['app', 'web', 'shop', 'call-centre'] as const

export function createPeople(seed: number, customers: number, parameters: MarketParameters): People {
  const floats = () => new Float32Array(customers)
  const bytes = () => new Uint8Array(customers)
  const people: People = {
    needLevel: floats(),
    needDrift: floats(),
    incomeMinor: floats(),
    sensitivity: floats(),
    streaming: floats(),
    roaming: floats(),
    taste: new Float32Array(3 * customers),
    inertia: floats(),
    attention: floats(),
    openness: floats(),
    shift: new Int8Array(customers),
    household: new Int32Array(customers),
    age: bytes(),
    tenureDays: new Int16Array(customers),
    bindingDays: new Int16Array(customers),
    device: bytes(),
    channel: bytes(),
    bundle: bytes(),
    consent: bytes(),
    statedGb: bytes(),
  }
  const levelSd = Math.sqrt(parameters.logNeedSd ** 2 - parameters.driftSd ** 2)
  const random = createRandom()
  const shared = createRandom()
  const householdTaste = new Float64Array(3)
  let householdIncome = 0
  let membersLeft = 0
  for (let i = 0; i < customers; i++) {
    random.seed(seed, i, purposes.person)
    if (membersLeft === 0) {
      // Neighbours in number live together: one to four of them.
      shared.seed(seed, i, purposes.household)
      membersLeft = 1 + Math.floor(4 * shared.next() ** 2)
      for (let d = 0; d < 3; d++) householdTaste[d] = shared.normal()
      householdIncome = shared.normal()
      people.household[i] = i
    } else people.household[i] = people.household[i - 1]!
    membersLeft--
    const own = Math.sqrt(1 - parameters.householdShare)
    const common = Math.sqrt(parameters.householdShare)
    const need = random.normal()
    const income = common * householdIncome + own * random.normal()
    people.needLevel[i] = parameters.logNeedMean + levelSd * need
    people.needDrift[i] = parameters.driftSd * random.normal()
    people.incomeMinor[i] = parameters.incomeMedianMinor * Math.exp(parameters.incomeSd * income)
    people.sensitivity[i] = Math.exp(parameters.sensitivitySd * random.normal())
    people.streaming[i] = random.beta(1, 3)
    people.roaming[i] = random.beta(1, 6)
    for (let d = 0; d < 3; d++) people.taste[3 * i + d] = common * householdTaste[d]! + own * random.normal()
    people.inertia[i] = Math.abs(parameters.inertiaMean + parameters.inertiaSd * random.normal())
    const sd = parameters.attentionSd
    people.attention[i] = Math.min(0.95, parameters.attention * Math.exp(sd * random.normal() - (sd * sd) / 2))
    people.openness[i] = 0.7 * random.normal()
    people.shift[i] = Math.round(1.5 * random.normal())
    people.age[i] = Math.min(90, Math.max(18, Math.round(45 - 5 * need + 14 * random.normal())))
    people.tenureDays[i] = 7 + Math.floor(1800 * random.next() ** 1.5)
    people.bindingDays[i] = Math.max(-people.tenureDays[i]!, Math.floor(-365 + 730 * random.next()))
    people.device[i] = Math.min(3, Math.max(0, Math.floor(1.5 + 0.9 * random.normal() - 0.5 * income)))
    people.channel[i] = Math.floor(4 * random.next() ** 1.4)
    people.bundle[i] = random.next() < 0.2 + 0.15 * (people.household[i] !== i ? 1 : 0) ? 1 : 0
    people.consent[i] = random.next() < 0.85 ? 1 : 0
    // Missing by device and channel.
    const missing = 0.1 + 0.1 * people.device[i]! + (people.channel[i] === 2 ? 0.15 : 0)
    const stated = Math.round(Math.exp(people.needLevel[i]! + 0.5 * random.normal()))
    people.statedGb[i] = random.next() < missing ? 0 : Math.min(250, Math.max(1, stated))
  }
  return people
}
