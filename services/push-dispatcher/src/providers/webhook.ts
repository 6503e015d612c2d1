// Signed webhooks by the Standard Webhooks specification: an address of a company's own, or of a gateway to a messenger.
import { createHmac } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import { isLoopback } from '../address.ts'
import { meaningOfStatus, retryAfterOf, whenNoAnswer } from './answers.ts'
import { createPoster } from './poster.ts'
import type { Answer, Message, Provider } from './provider.ts'
import { publicAddress, type Resolve } from './public-address.ts'

export type WebhookOptions = {
  /** `whsec_` and base64 of 24 to 64 bytes; the newest first, all of them sign. */
  readonly secrets: readonly string[]
  /** How long an answer may take, milliseconds. */
  readonly timeoutMs?: number
  /** Whether addresses of this machine may be called; for tests and for a gateway beside the dispatcher. */
  readonly loopback?: boolean
  readonly resolve?: Resolve
  readonly now?: () => number
}

/** Throws a RangeError for a secret that is none. */
export function webhookProvider(options: WebhookOptions): Provider<'webhook'> {
  const { secrets, timeoutMs = 10_000, loopback = false, resolve, now = Date.now } = options
  if (secrets.length === 0) throw new RangeError('a webhook needs a secret to sign with')
  const keys = secrets.map(keyOf)
  const poster = createPoster()
  return {
    name: 'webhook',
    takes: 'webhook',
    isOwnEndpoint: true,
    origin: ({ url }) => new URL(url).origin,
    async send({ address, handle, message, collapseId }, signal) {
      const url = new URL(address.url)
      let pinned: { readonly address: string; readonly family: number } | null
      try {
        pinned =
          loopback && isLoopback(url.hostname)
            ? { address: url.hostname === '[::1]' ? '::1' : '127.0.0.1', family: url.hostname === '[::1]' ? 6 : 4 }
            : await publicAddress(url.hostname, resolve)
      } catch (error) {
        return whenNoAnswer(error, false)
      }
      if (pinned === null) return { kind: 'refused', reason: 'private-address' }
      const body = Buffer.from(JSON.stringify(eventOf(message, handle, now())))
      const headers = { 'content-type': 'application/json', ...signatureOf(keys, collapseId, now(), body) }
      let left = false
      try {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
        const { status, retryAfter } = await poster.post(url, headers, body, {
          signal: limit,
          lookup: only(pinned),
          left: () => {
            left = true
          },
        })
        return meaningOf(status, retryAfter, now())
      } catch (error) {
        return whenNoAnswer(error, left)
      }
    },
    close: poster.close,
  }
}

/** The headers of the specification: id, seconds and `v1,` with HMAC-SHA256 over `id.seconds.body` for each key. */
function signatureOf(keys: readonly Buffer[], id: string, at: number, body: Buffer): Record<string, string> {
  const seconds = `${Math.floor(at / 1000)}`
  const signed = keys.map(
    key => `v1,${createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest('base64')}`,
  )
  return { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': signed.join(' ') }
}

function keyOf(secret: string): Buffer {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  if (!secret.startsWith('whsec_') || key.length < 24 || key.length > 64)
    throw new RangeError('a webhook secret is whsec_ and 24 to 64 bytes as base64')
  return key
}

/** `recipient` is the name under which the receiver registered its customer. */
const eventOf = (message: Message, recipient: string, at: number) => ({
  type: 'offer.sent',
  timestamp: new Date(at).toISOString(),
  data: { recipient, ...message },
})

export function meaningOf(status: number, retryAfter: string | null, now: number): Answer {
  const wait = retryAfterOf(retryAfter, now)
  if (status >= 300 && status < 400) return { kind: 'refused', reason: 'redirect' }
  switch (status) {
    case 410:
      return { kind: 'gone', since: null }
    case 401:
    case 403:
    case 404:
      // One receiver's trouble says nothing of the others.
      return { kind: 'doubtful', reason: `answered-${status}` }
    default:
      return meaningOfStatus(status, wait)
  }
}

/** The address that was checked, whatever the name resolves to by now. */
const only = ({ address, family }: { readonly address: string; readonly family: number }): LookupFunction =>
  ((_host, options, done) =>
    options.all ? done(null, [{ address, family }]) : done(null, address, family)) as LookupFunction
