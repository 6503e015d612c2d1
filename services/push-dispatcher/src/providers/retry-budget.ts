// Tries again are extra load on a provider that is unwell already: only so many, whoever wants them.
import { createRollingCount } from '../rolling-count.ts'

export type RetryLimits = {
  /** Of first tries within a window. */
  readonly share: number
  /** So many a second are always allowed: a share of little is nothing. */
  readonly leastPerSecond: number
  readonly windowMs: number
}

export type RetryBudget = {
  mayRetry(): boolean
  count(isRetry: boolean): void
}

const retryLimitsByDefault: RetryLimits = { share: 0.1, leastPerSecond: 10, windowMs: 10_000 }

/** `now` is a monotonic clock. */
export function createRetryBudget(
  { share, leastPerSecond, windowMs }: RetryLimits = retryLimitsByDefault,
  now: () => number = () => performance.now(),
): RetryBudget {
  const firsts = createRollingCount(windowMs, now)
  const retries = createRollingCount(windowMs, now)
  return {
    mayRetry: () => retries.count() < Math.max((leastPerSecond * windowMs) / 1000, share * firsts.count()),
    count: isRetry => (isRetry ? retries : firsts).add(),
  }
}
