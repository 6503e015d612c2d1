import { type Logged, noOffer } from './logged.ts'

/**
 * The item that earned most where it was offered, by SNIPS on an earlier part of the log: of the policy that always offers
 * it, that is Σ r/p over Σ 1/p of the rows that did. Null where nothing was offered at least `leastTaken` times.
 */
export function bestFixed(
  earlier: readonly (Logged & { readonly reward: number })[],
  leastTaken: number,
): { readonly item: string; readonly value: number } | null {
  const sums = new Map<string, { times: number; weights: number; rewards: number }>()
  for (const { actions, taken, logged, reward } of earlier) {
    const sum = sums.get(actions[taken]!) ?? { times: 0, weights: 0, rewards: 0 }
    sum.times++
    sum.weights += 1 / logged[taken]!
    sum.rewards += reward / logged[taken]!
    sums.set(actions[taken]!, sum)
  }
  let best: { item: string; value: number } | null = null
  for (const [item, { times, weights, rewards }] of [...sums].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (item !== noOffer && times >= leastTaken && (best === null || rewards / weights > best.value))
      best = { item, value: rewards / weights }
  return best
}
