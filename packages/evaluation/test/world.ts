// A small world whose every value can be worked out: one number of context, a few actions, a chance of reward each.
import { unit } from '@offerstream/contracts'
import type { Choice } from '../src/index.ts'

export type World = {
  readonly actions: readonly string[]
  readonly logged: readonly number[]
  /** Probability of a reward: base + slope · (x − ½), by action, x uniform on eleven points of [0, 1]. */
  readonly base: readonly number[]
  readonly slope: readonly number[]
  target(x: number): readonly number[]
}

const points = 11
const chance = ({ base, slope }: World, x: number, action: number): number => base[action]! + slope[action]! * (x - 0.5)

export function trueValue(world: World): number {
  let value = 0
  for (let point = 0; point < points; point++) {
    const x = point / (points - 1)
    for (const [action, probability] of world.target(x).entries())
      value += (probability * chance(world, x, action)) / points
  }
  return value
}

/** A log of so many decisions, each of its own customer. */
export function drawFrom(world: World, seed: number, count: number): Choice[] {
  return Array.from({ length: count }, (_, index) => {
    const draw = (what: string): number => unit(`${what}/${seed}/${index}`)
    const x = Math.floor(draw('x') * points) / (points - 1)
    let left = draw('action')
    const taken = world.logged.findIndex(share => {
      left -= share
      return left < 0
    })
    return {
      group: `${index}`,
      actions: world.actions,
      taken,
      logged: world.logged,
      target: world.target(x),
      inputs: world.actions.map(() => [x]),
      reward: Number(draw('reward') < chance(world, x, taken)),
    }
  })
}
