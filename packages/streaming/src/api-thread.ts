// An API in a thread of its own: its own heap, so that what the fold collects and computes does not hold up an answer.
import { parentPort, Worker } from 'node:worker_threads'
import fastify, { type FastifyInstance } from 'fastify'
import type { Store } from './ports.ts'
import type { Settings } from './settings.ts'
import { storeOf } from './store-of.ts'

/** What a thread asks of the service it belongs to, and what it is told. */
type FromThread =
  | { readonly kind: 'listening'; readonly address: string }
  | { readonly kind: 'ask'; readonly question: number; readonly path: string }
type ToThread =
  | {
      readonly kind: 'answer'
      readonly question: number
      readonly status: number
      readonly type: string
      readonly body: string
    }
  | { readonly kind: 'close' }

export type ApiThread = {
  readonly address: string
  /** Rejects when it ends unasked. */
  readonly done: Promise<void>
  close(): Promise<void>
}

/** Starts the module, which calls `serveApi`, as a thread; it passes on what is asked of `status`. Throws what it throws. */
export async function startApiThread(module: URL, status: FastifyInstance): Promise<ApiThread> {
  const thread = new Worker(module)
  const tell = (message: ToThread): void => thread.postMessage(message)
  const listening = Promise.withResolvers<string>()
  const done = Promise.withResolvers<void>()
  done.promise.catch(listening.reject)
  let closing = false
  thread.once('error', done.reject)
  thread.once('exit', () => (closing ? done.resolve() : done.reject(new Error('the thread of the API ended'))))
  thread.on('message', async (message: FromThread) => {
    if (message.kind === 'listening') return listening.resolve(message.address)
    const { statusCode, headers, body } = await status.inject(message.path)
    tell({ kind: 'answer', question: message.question, status: statusCode, type: `${headers['content-type']}`, body })
  })
  return {
    address: await listening.promise,
    done: done.promise,
    close() {
      closing = true
      tell({ kind: 'close' })
      return done.promise
    },
  }
}

/** In the thread: serves the routes, and health and metrics of the service, until told to close. */
export async function serveApi(
  settings: Settings,
  addRoutes: (server: FastifyInstance, source: { readonly store: Store; readonly partitions: number }) => void,
): Promise<void> {
  const port = parentPort!
  const store = storeOf(settings)
  const server = fastify()
  const asked = new Map<number, (answer: Extract<ToThread, { kind: 'answer' }>) => void>()
  let questions = 0
  for (const path of ['/health', '/metrics'])
    server.get(path, async (_request, reply) => {
      const question = questions++
      const { promise, resolve } = Promise.withResolvers<Extract<ToThread, { kind: 'answer' }>>()
      asked.set(question, resolve)
      port.postMessage({ kind: 'ask', question, path } satisfies FromThread)
      const { status, type, body } = await promise
      return reply.code(status).type(type).send(body)
    })
  addRoutes(server, { store, partitions: settings.number('OFFERSTREAM_PARTITIONS') })
  port.on('message', async (message: ToThread) => {
    if (message.kind === 'answer') {
      asked.get(message.question)?.(message)
      asked.delete(message.question)
      return
    }
    await server.close()
    await store.close()
    port.close()
  })
  const address = await server.listen({
    host: settings.text('OFFERSTREAM_HTTP_HOST'),
    port: settings.number('OFFERSTREAM_HTTP_PORT'),
  })
  port.postMessage({ kind: 'listening', address } satisfies FromThread)
}
