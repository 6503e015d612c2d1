// One thread of a world that several write: takes the next range until there is none.
import { parentPort, workerData } from 'node:worker_threads'
import { type RangedWorld, writeRanges } from './world-ranges.ts'

const { taken, ...ranged } = workerData as RangedWorld & { readonly taken: Int32Array }

await writeRanges(
  ranged,
  () => Atomics.add(taken, 0, 1),
  counts => parentPort!.postMessage(counts),
)
