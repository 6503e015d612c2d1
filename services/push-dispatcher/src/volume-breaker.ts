// Against a flood of our own making: a trigger that fires for everybody, a policy that was lost. Each member counts what it
// sends itself: a count of all would be wrong for a minute whenever partitions move, and a false alarm stops everything.
import { createRollingCount } from './rolling-count.ts'

export type VolumeLimits = {
  /** Most requests to providers within any minute. */
  readonly perMinute: number
  /** Nothing is sent for so long once it is open, ten minutes by default; a restart is an operator's word to go on at once. */
  readonly quietMs?: number
}

export type VolumeBreaker = {
  maySend(): boolean
  /** Counts one request; false where it would be one too many, and from then on until it was quiet long enough. */
  take(): boolean
  /** Null while all is well. */
  problem(): string | null
}

const quietMsByDefault = 10 * 60 * 1000
const minuteMs = 60_000

/** `now` is a monotonic clock. */
export function createVolumeBreaker(
  { perMinute, quietMs = quietMsByDefault }: VolumeLimits,
  notice: (line: string) => void = () => {},
  now: () => number = () => performance.now(),
): VolumeBreaker {
  const sent = createRollingCount(minuteMs, now)
  let shutUntil = Number.NEGATIVE_INFINITY
  const maySend = (): boolean => now() >= shutUntil
  return {
    maySend,
    take() {
      if (!maySend()) return false
      if (sent.count() >= perMinute) {
        shutUntil = now() + Math.max(quietMs, minuteMs)
        notice(`more than ${perMinute} pushes within a minute: nothing is sent before it was quiet for a while`)
        return false
      }
      sent.add()
      return true
    },
    problem: () => (maySend() ? null : 'the volume breaker is open: too many pushes within a minute'),
  }
}
