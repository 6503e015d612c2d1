import type { ModelUsed } from '@offerstream/contracts'

const none: ReadonlyMap<string, number> = new Map()

/** What the models of customers that serve say of the customer, by the model's name: what rules and levers may ask for. */
export function scoresOf(models: readonly ModelUsed[]): ReadonlyMap<string, number> {
  let scores: Map<string, number> | null = null
  for (const { name, stage, value } of models) {
    if (value === null || stage === 'shadow') continue
    scores ??= new Map()
    scores.set(name, value)
  }
  return scores ?? none
}
