import { setTimeout as sleep } from 'node:timers/promises'
import type { Metrics } from './metrics.ts'
import { Transient } from './ports.ts'

/** Thrown by `retrying` when it was told to give up between two tries. */
export class Abandoned extends Error {
  override name = 'Abandoned'
}

const firstPauseMs = 20
const longestPauseMs = 5000

/** `retrying` for one partition of a service: tries are counted, every tenth is told with the place. */
export const steadily =
  (
    where: string,
    { signal, metrics, notice }: { signal: AbortSignal; metrics: Metrics | undefined; notice(line: string): void },
  ) =>
  <T>(work: () => Promise<T>): Promise<T> =>
    retrying(work, {
      signal,
      onRetry: (error, attempt) => {
        metrics?.record('offerstream_retries_total', 1)
        if (attempt % 10 === 1) notice(`${where}: ${error.message}; try ${attempt}`)
      },
    })

/** Tries again for as long as the world is unwell, with growing pauses of full jitter. Anything but `Transient` passes. */
export async function retrying<T>(
  work: () => Promise<T>,
  options: { readonly signal: AbortSignal; onRetry?(error: Transient, attempt: number): void },
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    if (options.signal.aborted) throw new Abandoned()
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Transient)) throw error
      options.onRetry?.(error, attempt + 1)
      const pauseMs = Math.random() * Math.min(longestPauseMs, firstPauseMs * 2 ** attempt)
      await sleep(pauseMs, undefined, { signal: options.signal }).catch(() => {
        throw new Abandoned()
      })
    }
  }
}
