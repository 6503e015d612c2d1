// How a browser speaks to its push service: Mozilla's autopush protocol, as Firefox does over one WebSocket. Firefox takes
// this service for its own by the preferences dom.push.serverURL (a ws: address) and dom.push.testing.allowInsecureServerURL.
// Source: https://mozilla-push-service.readthedocs.io/en/latest/design/ and Firefox's PushServiceWebSocket.sys.mjs.
// Bodies are passed on as they came: only the browser can open them (RFC 8291).
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'

/** What browsers need of the push service; a channel is one subscription, named by the browser. */
export type BrowserHost = {
  /** A new subscription; answers the endpoint for pushes, null where the channel is known already. `key`, base64url without padding, is the only one that may push, null where any may. */
  register(channel: string, key: string | null): string | null
  unregister(channel: string): void
  /** What waits for the channel may be delivered, or may not any more. */
  setOnline(channel: string, online: boolean): void
  /** The browser has it, and its service worker was told, unless `code` says otherwise (100 is delivered). */
  acknowledged(channel: string, message: number, code: number): void
}

export type Browsers = {
  /** Takes over a request to become a WebSocket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** False where the channel's browser is not connected. */
  deliver(channel: string, message: number, body: Buffer): boolean
  stop(): void
}

/** Larger texts are not from a browser, bytes. */
const largestText = 64 * 1024

export function createBrowsers(host: BrowserHost): Browsers {
  const server = new WebSocketServer({ noServer: true, maxPayload: largestText })
  /** By the name this service gave a browser: its channels outlive its connection. */
  const channelsOf = new Map<string, Set<string>>()
  const connected = new Map<string, WebSocket>()

  const connect = (socket: WebSocket): void => {
    let browser: string | null = null
    const channels = (): Set<string> => (browser === null ? new Set() : channelsOf.get(browser)!)
    const say = (message: object): void => socket.send(JSON.stringify(message))
    const hear = (message: Said): void => {
      const { channelID = '' } = message
      switch (message.messageType) {
        case 'hello':
          browser = message.uaid !== undefined && channelsOf.has(message.uaid) ? message.uaid : randomUUID()
          if (!channelsOf.has(browser)) channelsOf.set(browser, new Set())
          say({ messageType: 'hello', status: 200, uaid: browser, use_webpush: true, broadcasts: {} })
          for (const channel of channels()) {
            // An older connection may be broken without anybody having noticed.
            if (connected.has(channel)) host.setOnline(channel, false)
            connected.set(channel, socket)
            host.setOnline(channel, true)
          }
          break
        case 'register': {
          const key = message.key?.replace(/=+$/, '') ?? null
          const pushEndpoint = browser === null || channelID === '' ? null : host.register(channelID, key)
          if (pushEndpoint === null) {
            say({ messageType: 'register', channelID, status: 409 })
            break
          }
          channels().add(channelID)
          connected.set(channelID, socket)
          say({ messageType: 'register', channelID, status: 200, pushEndpoint })
          break
        }
        case 'unregister':
          if (channels().delete(channelID)) {
            connected.delete(channelID)
            host.unregister(channelID)
          }
          say({ messageType: 'unregister', channelID, status: 200 })
          break
        case 'ack':
          for (const { channelID: channel, version, code } of message.updates ?? [])
            if (channels().has(channel)) host.acknowledged(channel, Number(version), code ?? 100)
          break
        case undefined:
          // A ping.
          socket.send('{}')
      }
    }
    socket.on('message', data => {
      try {
        hear(JSON.parse(String(data)) as Said)
      } catch {
        socket.close(1008)
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      for (const channel of channels())
        if (connected.get(channel) === socket) {
          connected.delete(channel)
          host.setOnline(channel, false)
        }
      if (browser !== null && channels().size === 0) channelsOf.delete(browser)
    })
  }

  return {
    upgrade: (request, socket, head) => server.handleUpgrade(request, socket, head, connect),
    deliver(channel, message, body) {
      const socket = connected.get(channel)
      if (socket === undefined) return false
      const headers = { encoding: 'aes128gcm' }
      const data = body.toString('base64url')
      socket.send(
        JSON.stringify({ messageType: 'notification', channelID: channel, version: `${message}`, data, headers }),
      )
      return true
    },
    stop() {
      connected.clear()
      for (const socket of server.clients) socket.terminate()
    },
  }
}

type Said = {
  readonly messageType?: string
  readonly uaid?: string
  readonly channelID?: string
  /** The public key of who may push, base64url, perhaps padded. */
  readonly key?: string
  readonly updates?: readonly { readonly channelID: string; readonly version: string; readonly code?: number }[]
}
