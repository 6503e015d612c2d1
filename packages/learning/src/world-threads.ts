import { Worker } from 'node:worker_threads'
import { type RangedWorld, writeRanges } from './world-ranges.ts'
import type { ChoiceCounts } from './write-choices.ts'

/** Writes all ranges of a world, on threads where there are to be several; the files are the same for any number. */
export async function writeOnThreads(
  threads: number,
  ranged: RangedWorld,
  done: (counts: ChoiceCounts) => void,
): Promise<void> {
  const taken = new Int32Array(new SharedArrayBuffer(4))
  if (threads < 2) return writeRanges(ranged, () => taken[0]!++, done)
  const begin = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./world-thread.ts', import.meta.url), { workerData: { ...ranged, taken } })
      worker.on('message', done)
      worker.once('error', error => {
        // The others end after the range they have: one ended inside the database would take the process with it.
        Atomics.store(taken, 0, ranged.world.customers)
        reject(error)
      })
      worker.once('exit', () => resolve())
    })
  const ended = await Promise.allSettled(Array.from({ length: threads }, begin))
  for (const each of ended) if (each.status === 'rejected') throw each.reason
}
