import { setTimeout as sleep } from 'node:timers/promises'
import { Transient } from './ports.ts'

/** Thrown by `retrying` when it was told to give up between two tries. */
export class Abandoned extends Error {
  override name = 'Abandoned'
}

const firstPauseMs = 20
const longestPauseMs = 5000

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
