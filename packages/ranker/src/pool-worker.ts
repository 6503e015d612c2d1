// One thread of the pool: loads each model once, runs part after part, ends when told.
import { parentPort } from 'node:worker_threads'
import { openSession, type Session } from './scoring.ts'

export type ToWorker =
  | { readonly kind: 'load'; readonly model: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'run'
      readonly call: number
      readonly model: number
      readonly rows: Float32Array
      readonly count: number
      readonly output: string
    }
  | { readonly kind: 'close' }

/** `scores` is null where the run failed, and `error` says why. */
export type FromWorker = { readonly call: number; readonly scores: Float32Array | null; readonly error: string }

const port = parentPort!
const sessions = new Map<number, Promise<Session>>()
let turn: Promise<unknown> = Promise.resolve()

port.on('message', (message: ToWorker) => {
  turn = turn.then(() => take(message))
})

async function take(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'load': {
      const session = openSession(message.bytes)
      session.catch(() => {}) // told by every run
      sessions.set(message.model, session)
      break
    }
    case 'run': {
      const { call, model, rows, count, output } = message
      try {
        const session = await sessions.get(model)!
        // Copied out of the runtime's own memory, which cannot be transferred.
        const scores = (await session.run(rows, count, output)).slice()
        port.postMessage({ call, scores, error: '' } satisfies FromWorker, [scores.buffer])
      } catch (error) {
        port.postMessage({ call, scores: null, error: (error as Error).message } satisfies FromWorker)
      }
      break
    }
    case 'close':
      for (const session of await Promise.allSettled(sessions.values()))
        if (session.status === 'fulfilled') await session.value.close()
      port.close()
  }
}
