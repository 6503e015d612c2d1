// How V8 collects in a service: short waves over a small heap, on cores that it shares with a broker and other services.
import { setFlagsFromString } from 'node:v8'

const smallHeapBytes = 256 << 20

/**
 * Where some 30 MB live, V8 sets the next limit so near that it marks again every second or two, on threads for every
 * core, and four threads go through the megabyte that survives a scavenge: offers under way waited up to 80 ms. So a small
 * heap may grow to four times what lives, and one thread scavenges. What a large one may hold V8 decides.
 */
export function collectRarely(): void {
  setFlagsFromString('--no-parallel-scavenge')
  const bound = (): void =>
    setFlagsFromString(`--heap-growing-percent=${process.memoryUsage().heapUsed < smallHeapBytes ? 300 : 0}`)
  bound()
  setInterval(bound, 10_000).unref()
}
