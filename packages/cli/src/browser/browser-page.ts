import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** What a browser's `pushManager.subscribe` answers. */
export type BrowserSubscription = {
  readonly endpoint: string
  readonly keys: { readonly p256dh: string; readonly auth: string }
}

export type BrowserPageOptions = {
  /** Public VAPID key of who pushes, base64url. */
  readonly key: string
  /** A browser subscribed; what it throws is said on the page. */
  subscribed(subscription: BrowserSubscription): Promise<void>
  /** 0, the default, takes a free one. */
  readonly port?: number
}

export type BrowserPage = { readonly url: string; stop(): Promise<void> }

/** Bytes. */
const largestSubscription = 8 * 1024

/** A page on loopback, where browsers allow service workers without TLS: it subscribes, and lists what is shown. */
export async function startBrowserPage({ key, subscribed, port = 0 }: BrowserPageOptions): Promise<BrowserPage> {
  const file = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8')
  const pages: Readonly<Record<string, readonly [type: string, text: string]>> = {
    '/': ['text/html; charset=utf-8', file('page.html')],
    '/service-worker.js': ['text/javascript; charset=utf-8', file('service-worker.js')],
    '/key': ['text/plain', key],
  }
  let url = ''
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, text: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text)
    }
    const page = request.method === 'GET' ? pages[request.url ?? ''] : undefined
    // A page of somebody else's, or one that a name made to point here, gets nothing and gives nothing.
    if (`http://${request.headers.host}` !== url) answer(403, 'text/plain', 'not by this name')
    else if (page !== undefined) answer(200, ...page)
    else if (request.method !== 'POST' || request.url !== '/subscription') answer(404, 'text/plain', 'not here')
    else if (request.headers.origin !== url) answer(403, 'text/plain', 'not from this page')
    else
      readSubscription(request)
        .then(subscribed)
        .then(
          () => response.writeHead(204).end(),
          (error: Error) => answer(400, 'text/plain', error.message),
        )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    async stop() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

async function readSubscription(request: IncomingMessage): Promise<BrowserSubscription> {
  let text = ''
  for await (const chunk of request) {
    text += chunk
    if (text.length > largestSubscription) throw new Error('larger than a subscription is')
  }
  const given = JSON.parse(text) as { endpoint?: unknown; keys?: { p256dh?: unknown; auth?: unknown } } | null
  const { endpoint, keys: { p256dh, auth } = {} } = given ?? {}
  if (typeof endpoint !== 'string' || typeof p256dh !== 'string' || typeof auth !== 'string')
    throw new Error('a subscription has endpoint, keys.p256dh and keys.auth')
  return { endpoint, keys: { p256dh, auth } }
}
