import { acceptance, itemsByName } from './react.ts'
import type { World } from './world.ts'

/** What made a customer: for judging, never for learning. */
export type Latents = {
  readonly customer: string
  readonly logNeed: number
  readonly incomeMinor: number
  readonly sensitivity: number
  readonly streaming: number
  readonly roaming: number
  readonly taste: readonly [number, number, number]
  readonly inertia: number
  readonly attention: number
}

export function latentsOf(world: World, customer: string): Latents {
  const i = numberOf(world, customer)
  const { population: p } = world
  return {
    customer,
    logNeed: p.logNeed[i]!,
    incomeMinor: p.incomeMinor[i]!,
    sensitivity: p.sensitivity[i]!,
    streaming: p.streaming[i]!,
    roaming: p.roaming[i]!,
    taste: [p.taste[i * 3]!, p.taste[i * 3 + 1]!, p.taste[i * 3 + 2]!],
    inertia: p.inertia[i]!,
    attention: p.attention[i]!,
  }
}

/** True probability that the customer, as things stand, accepts the item once attended to. */
export function acceptanceOf(world: World, customer: string, item: string): number {
  const offered = itemsByName.get(item)
  if (offered === undefined) throw new RangeError(`item ${item} is not in the simulated catalogue`)
  return acceptance(world, numberOf(world, customer), offered)
}

function numberOf(world: World, customer: string): number {
  const number = world.numbers.get(customer)
  if (number === undefined) throw new RangeError(`customer ${customer} does not live in this world`)
  return number
}
