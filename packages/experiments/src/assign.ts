import { type Arm, type Experiment, unit } from '@offerstream/contracts'

/** The arm a customer is in, for as long as the experiment keeps its name, its arms' order and their shares. */
export function assign(experiment: Experiment, customer: string): Arm {
  const drawn = unit(`experiment/${experiment.name}/${customer}`)
  let sum = 0
  for (const arm of experiment.arms) {
    sum += arm.share
    if (drawn < sum) return arm
  }
  // Shares that add up to a hair less than 1 leave a sliver; it belongs to the last arm.
  const last = experiment.arms.at(-1)
  if (last === undefined) throw new Error(`experiment ${experiment.name} has no arms`)
  return last
}

/** Under way at a moment; `to` itself is too late. */
export const isRunning = (experiment: Experiment, at: number): boolean =>
  experiment.active &&
  (experiment.from === null || experiment.from <= at) &&
  (experiment.to === null || at < experiment.to)
