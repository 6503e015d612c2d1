// Sequential tests by betting. Whoever bets that a bound is broken gains, on average, nothing while it is kept; so the
// chance that their wealth ever reaches 1/error, looked at as often as one likes, is at most the error (Ville 1939).
// The bets are those of Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", Journal of
// the Royal Statistical Society B 86 (2024): wealth grows by 1 + stake × gain for a gain within [-1, 1] whose mean is at
// most 0 under the bound, and the mean over several stakes is a wager as well.

/** Shares of the wealth that are staked, each a wager of its own. */
const stakes = [0.1, 0.4, 0.9] as const

/**
 * Logarithm of each stake's wealth in millionths, rounded down. Whole numbers: wealth of independent wagers is multiplied
 * by adding them, in any order, to the same sum.
 */
export type Wealth = readonly number[]

export const noWealth: Wealth = stakes.map(() => 0)

/** The wealth after one more bet; `gain` lies within [-1, 1]. */
export const bet = (wealth: Wealth, gain: number): Wealth =>
  wealth.map((log, index) => log + Math.floor(1e6 * Math.log1p(stakes[index]! * gain)))

/** Of two wagers about the same bound on other records. */
export const together = (a: Wealth, b: Wealth): Wealth => a.map((log, index) => log + b[index]!)

/** Whether the bound is broken, wrongly at most as often as `error`. */
export const isBroken = (wealth: Wealth, error: number): boolean =>
  wealth.reduce((sum, log) => sum + Math.exp(log / 1e6), 0) / stakes.length >= 1 / error

/** The gain of a bet on something that happens with a probability of at most `probability` while the bound is kept. */
export const gainOn = (happened: boolean, probability: number): number =>
  ((happened ? 1 : 0) - probability) / Math.max(probability, 1 - probability)

/**
 * The gain of a bet that `value` is above `bound` on average, relative to the larger of them: neither is below 0, and the
 * scale of either does not matter.
 */
export const gainAbove = (value: number, bound: number): number => {
  const larger = Math.max(value, bound)
  return larger === 0 ? 0 : (value - bound) / larger
}
