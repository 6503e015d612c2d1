// Requests over connections that stay open. `fetch` costs about twice the CPU of this.
import { Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'

type Posted = { readonly status: number; readonly retryAfter: string | null }

export type Poster = {
  /**
   * One POST; follows nothing. Rejects with the error of the connection, or with the signal's reason. `left` is called when
   * the request can have left.
   */
  post(
    url: URL,
    headers: Readonly<Record<string, string | number>>,
    body: Buffer,
    options: { readonly signal: AbortSignal; readonly left: () => void; readonly lookup?: LookupFunction },
  ): Promise<Posted>
  close(): void
}

/** A connection is not used again after so long, though the other side said nothing of closing it. */
const idleMs = 4000
const answerLimit = 64 * 1024

/** Connections are this one's own: where one provider may connect to, another may not. */
export function createPoster(): Poster {
  const options = { keepAlive: true, scheduling: 'lifo', timeout: idleMs } as const
  const [plain, tls] = [new PlainAgent(options), new TlsAgent(options)]
  return {
    post(url, headers, body, { signal, left, lookup }) {
      const isTls = url.protocol === 'https:'
      return new Promise((resolve, reject) => {
        const asked = (isTls ? tlsRequest : plainRequest)(url, {
          method: 'POST',
          headers: { ...headers, 'content-length': body.length },
          agent: isTls ? tls : plain,
          signal,
          ...(lookup === undefined ? {} : { lookup }),
        })
        asked.on('socket', socket => {
          if (!socket.connecting) left()
          else socket.once(isTls ? 'secureConnect' : 'connect', left)
        })
        asked.on('error', error => reject(signal.aborted ? signal.reason : error))
        asked.on('response', response => {
          let size = 0
          response.on('data', (chunk: Buffer) => {
            size += chunk.length
            if (size > answerLimit) response.destroy()
          })
          const answer = { status: response.statusCode!, retryAfter: response.headers['retry-after'] ?? null }
          response.on('close', () => resolve(answer))
          response.on('error', () => resolve(answer))
        })
        asked.end(body)
      })
    },
    close() {
      plain.destroy()
      tls.destroy()
    },
  }
}
