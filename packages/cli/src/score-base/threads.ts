// The threads that rank, each with its own models and its own writer: a file is ranked and written by one of them.
import { Worker } from 'node:worker_threads'
import { packPage } from './packed-page.ts'
import type { BasePage } from './states.ts'
import type { FileWritten, FromThread, ThreadOptions, ToThread } from './thread.ts'

export type RankingThread = {
  /** Resolves when there is room for the next page. Throws what went wrong in the thread. */
  page(customers: readonly string[], page: BasePage): Promise<void>
  /** Writes what the pages brought. */
  write(file: string): Promise<FileWritten>
}

export type RankingThreads = {
  /** Runs the work on a thread that is free, waiting for one. */
  with<T>(work: (thread: RankingThread) => Promise<T>): Promise<{ readonly done: Promise<T> }>
  /** Each ends after the page it has: one ended inside the runtime would take the process with it. */
  close(): Promise<void>
}

/** Pages given to a thread and not ranked yet. */
const pagesAhead = 2

export function createRankingThreads(threads: number, options: ThreadOptions): RankingThreads {
  const all = Array.from({ length: threads }, () => begin(options))
  const free = [...all]
  const waiting: ((each: (typeof all)[number]) => void)[] = []
  return {
    async with(work) {
      const each = free.pop() ?? (await new Promise<(typeof all)[number]>(resolve => waiting.push(resolve)))
      const done = work(each.thread).finally(() => {
        const next = waiting.shift()
        if (next === undefined) free.push(each)
        else next(each)
      })
      done.catch(() => {}) // told by whoever waits for it
      return { done }
    },
    async close() {
      await Promise.all(all.map(each => each.close()))
    },
  }
}

function begin(options: ThreadOptions) {
  const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: options })
  const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()))
  let failure: Error | null = null
  let ahead = 0
  let wake = (): void => {}
  let settle: ((written: FileWritten) => void) | null = null
  const fail = (error: Error): void => {
    failure ??= error
    wake()
  }
  worker.on('message', (message: FromThread) => {
    if (message.kind === 'failed') return fail(new Error(message.message))
    if (message.kind === 'ranked') ahead--
    else settle?.(message.written)
    wake()
  })
  worker.once('error', fail)
  worker.once('exit', () => fail(new Error('a ranking thread ended')))
  const tell = (message: ToThread, transfer: ArrayBuffer[] = []): void => worker.postMessage(message, transfer)
  const until = async (done: () => boolean): Promise<void> => {
    for (;;) {
      if (failure !== null) throw failure
      if (done()) return
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  const thread: RankingThread = {
    async page(customers, page) {
      const packed = packPage(customers, page)
      ahead++
      tell({ kind: 'page', page: packed }, [packed.bytes.buffer, packed.lengths.buffer])
      await until(() => ahead < pagesAhead)
    },
    async write(file) {
      let written: FileWritten | null = null
      settle = each => {
        written = each
      }
      tell({ kind: 'write', file })
      await until(() => written !== null)
      return written!
    },
  }
  return {
    thread,
    async close(): Promise<void> {
      tell({ kind: 'close' })
      await ended
    },
  }
}
