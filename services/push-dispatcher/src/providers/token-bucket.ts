export type TokenBucket = {
  hasToken(): boolean
  /** False where there is none. */
  take(): boolean
}

/** A bucket never holds more than this much time brings, and at least one token. */
const burstMs = 100

/**
 * Within any t seconds at most rate × (t + 0.1) + 1 are taken. The rate may change, null is no limit; `now` is a monotonic
 * clock, milliseconds.
 */
export function createTokenBucket(
  perSecond: () => number | null,
  now: () => number = () => performance.now(),
): TokenBucket {
  let tokens = 1
  let filledAt = now()
  const fill = (): void => {
    const at = now()
    const rate = perSecond()
    if (rate === null) tokens = 2
    else tokens = Math.min(Math.max(1, (rate * burstMs) / 1000), tokens + (rate * (at - filledAt)) / 1000)
    filledAt = at
  }
  return {
    hasToken() {
      fill()
      return tokens >= 1
    },
    take() {
      fill()
      if (tokens < 1) return false
      tokens--
      return true
    },
  }
}
