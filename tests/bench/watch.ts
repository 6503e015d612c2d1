// Watches a process work through what waits for it.
import { setTimeout as sleep } from 'node:timers/promises'
import { redisStore } from '@offerstream/streaming'
import type { Progress } from './bench.ts'
import type { Place } from './place.ts'
import { cpuSeconds, residentBytes, type Started } from './processes.ts'

export type Run = {
  readonly eventsPerSecond: number
  /** Of the process alone. */
  readonly eventsPerCpuSecond: number
  /** Of process, broker and Redis together. */
  readonly eventsPerCpuSecondAllIn: number
  readonly cpuShare: number
  readonly residentMb: number
}

/** How far a fold's saved watermarks are, in records. */
export function appliedBy(
  { redisUrl }: Place,
  prefix: string,
  fold: string,
  partitions: number,
  child: Started,
): () => Promise<number> {
  const store = redisStore({ url: redisUrl, prefix: `${prefix}os` })
  child.process.once('exit', () => void store.close())
  return async () => {
    const all = await Promise.all(
      Array.from({ length: partitions }, (_, partition) => store.peekProgress(fold, partition)),
    )
    return all.reduce((sum, progress) => sum + (progress?.watermark ?? -1) + 1, 0)
  }
}

/** From the first look at which the records of the warm-up are behind it, so past its start, to the last record. */
export async function watch(
  title: string,
  child: Started,
  place: Place,
  warmUp: number,
  total: number,
  done: () => Promise<number>,
  progress: Progress,
): Promise<Run> {
  const look = async () => {
    const records = await done()
    const own = cpuSeconds(child.pid)
    return { records, at: performance.now(), own, all: own + cpuSeconds(place.brokerPid) + cpuSeconds(place.redisPid) }
  }
  const ended = child.hears('never')
  let first: Awaited<ReturnType<typeof look>> | null = null
  const deadline = performance.now() + 300_000
  for (;;) {
    const now = await look()
    progress(title, now.records / total)
    if (first === null && now.records >= warmUp) first = now
    if (now.records >= total) {
      ended.catch(() => {})
      const events = total - first!.records
      const own = now.own - first!.own
      const seconds = (now.at - first!.at) / 1000
      return {
        eventsPerSecond: events / seconds,
        eventsPerCpuSecond: events / own,
        eventsPerCpuSecondAllIn: events / (now.all - first!.all),
        cpuShare: own / seconds,
        residentMb: residentBytes(child.pid) / 2 ** 20,
      }
    }
    if (performance.now() > deadline) throw new Error(`${title}: only ${now.records} of ${total} records after 300 s`)
    await Promise.race([sleep(50), ended])
  }
}
