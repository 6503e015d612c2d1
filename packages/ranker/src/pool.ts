import { Worker } from 'node:worker_threads'
import type { FromWorker, ToWorker } from './pool-worker.ts'
import type { Run } from './scoring.ts'

/** Worker threads with the native runtime, for batches too large for the thread that takes the records. */
export type Pool = {
  readonly threads: number
  /** Runs of a model on whichever thread has the least to do; each thread loads it once. */
  runOf(model: Uint8Array): Run
  /** Waits for what is under way. */
  close(): Promise<void>
}

/** Parts a thread has at most, one of them waiting; whoever gives more waits for a place. */
export const partsPerThread = 2

type Call = { readonly resolve: (scores: Float32Array) => void; readonly reject: (error: Error) => void }
type Thread = {
  readonly worker: Worker
  readonly models: Set<number>
  readonly calls: Map<number, Call>
  readonly ended: Promise<void>
  /** Parts given to it, or about to be. */
  parts: number
}

export function createPool(threads: number): Pool {
  const running = new Set<Thread>()
  const waiting: (() => void)[] = []
  let models = 0
  let calls = 0
  let closed = false

  const begin = (): Thread => {
    const worker = new Worker(new URL('./pool-worker.ts', import.meta.url))
    const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()))
    const thread: Thread = { worker, models: new Set(), calls: new Map(), ended, parts: 0 }
    const fail = (error: Error): void => {
      running.delete(thread)
      for (const { reject } of thread.calls.values()) reject(error)
      thread.calls.clear()
      for (const next of waiting.splice(0)) next()
    }
    worker.once('error', fail)
    worker.once('exit', () => fail(new Error('the scoring thread ended')))
    worker.on('message', ({ call, scores, error }: FromWorker) => {
      const { resolve, reject } = thread.calls.get(call)!
      thread.calls.delete(call)
      if (scores === null) reject(new Error(error))
      else resolve(scores)
    })
    running.add(thread)
    return thread
  }
  /** A thread with a place, taken at once. */
  const place = async (): Promise<Thread> => {
    for (;;) {
      if (closed) throw new Error('the scoring threads are closed')
      if (running.size < threads) begin()
      const least = [...running].reduce((best, thread) => (thread.parts < best.parts ? thread : best))
      if (least.parts < partsPerThread) {
        least.parts++
        return least
      }
      await new Promise<void>(resolve => waiting.push(resolve))
    }
  }

  return {
    threads,
    runOf(bytes) {
      const model = models++
      return async (rows, count, output) => {
        const thread = await place()
        if (!running.has(thread)) throw new Error('the scoring thread ended')
        const call = calls++
        const send = (message: ToWorker, transfer: ArrayBuffer[] = []) => thread.worker.postMessage(message, transfer)
        if (!thread.models.has(model)) {
          thread.models.add(model)
          send({ kind: 'load', model, bytes })
        }
        const { promise, resolve, reject } = Promise.withResolvers<Float32Array>()
        thread.calls.set(call, { resolve, reject })
        // A copy of these rows alone: what is transferred is gone here.
        const own = rows.slice()
        send({ kind: 'run', call, model, rows: own, count, output }, [own.buffer])
        return promise.finally(() => {
          thread.parts--
          waiting.shift()?.()
        })
      }
    },
    async close() {
      closed = true
      for (const next of waiting.splice(0)) next()
      // A thread ended inside the runtime would take the process with it: it finishes what it has and ends by itself.
      const ending = [...running].map(({ worker, ended }) => {
        worker.postMessage({ kind: 'close' } satisfies ToWorker)
        return ended
      })
      await Promise.all(ending)
    },
  }
}
