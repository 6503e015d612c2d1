import CircuitBreaker from 'opossum'
import type { Run } from './scoring.ts'

export type FallbackOptions = {
  /** How long a run may take, milliseconds. */
  readonly timeoutMs: number
  /** How long the breaker stays open before it tries again, milliseconds. */
  readonly resetMs: number
  /** Told of the rows of every run that the fallback served, and why. */
  fellBack(rows: number, why: string): void
}

export type Guarded = { readonly run: Run; close(): void }

/** A run behind a breaker: where it fails, takes too long or failed too often lately, the other one serves. */
export function withFallback(name: string, run: Run, fallback: Run, options: FallbackOptions): Guarded {
  const breaker = new CircuitBreaker(run, {
    name,
    timeout: options.timeoutMs,
    resetTimeout: options.resetMs,
    errorThresholdPercentage: 50,
    volumeThreshold: 5,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
  })
  return {
    async run(rows, count, output) {
      try {
        return await breaker.fire(rows, count, output)
      } catch (error) {
        options.fellBack(count, (error as Error).message)
        return fallback(rows, count, output)
      }
    },
    close: () => breaker.shutdown(),
  }
}
