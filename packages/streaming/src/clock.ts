/** What services ask for the time, in milliseconds since the epoch. */
export type Clock = { now(): number }

/**
 * An affine map of wall time: at wall moment `since` it shows `origin`, and passes `speed` times as fast. The identity,
 * the default, is what production runs on; a demo passes a day in a minute.
 */
export function createClock(
  map: { origin: number; since: number; speed: number } = { origin: 0, since: 0, speed: 1 },
  wall: () => number = Date.now,
): Clock {
  return { now: () => map.origin + (wall() - map.since) * map.speed }
}
