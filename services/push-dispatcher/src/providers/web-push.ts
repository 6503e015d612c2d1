// Web Push: RFC 8030 requests with payloads sealed for the device (RFC 8291) and signed by our key (RFC 8292).
import webPush from 'web-push'
import { meaningOfStatus, retryAfterOf, whenNoAnswer } from './answers.ts'
import { encryptFor, largestPlain } from './encryption.ts'
import { createPoster } from './poster.ts'
import type { Answer, Provider } from './provider.ts'

export type VapidKeys = { readonly subject: string; readonly publicKey: string; readonly privateKey: string }

/** A pair of keys for a run that was given none. */
export const createVapidKeys = (subject: string): VapidKeys => ({ subject, ...webPush.generateVAPIDKeys() })

export type WebPushOptions = {
  readonly vapid: VapidKeys
  /** How long an answer may take, milliseconds. */
  readonly timeoutMs?: number
  /** Signs every request anew; only a benchmark wants it. */
  readonly signEachTime?: boolean
}

const tokenSeconds = 12 * 60 * 60
/** A token is renewed while it is still valid for a while, for clocks that differ. */
const renewBeforeSeconds = 10 * 60

export function webPushProvider({
  vapid,
  timeoutMs = 10_000,
  signEachTime = false,
}: WebPushOptions): Provider<'web-push'> {
  const poster = createPoster()
  const tokens = new Map<string, { header: string; until: number }>()
  const authorization = (origin: string): string => {
    const now = Math.floor(Date.now() / 1000)
    const known = tokens.get(origin)
    if (!signEachTime && known !== undefined && known.until - renewBeforeSeconds > now) return known.header
    const until = now + tokenSeconds
    const { subject, publicKey, privateKey } = vapid
    const header = webPush.getVapidHeaders(origin, subject, publicKey, privateKey, 'aes128gcm', until).Authorization
    tokens.set(origin, { header, until })
    return header
  }
  return {
    name: 'web-push',
    takes: 'web-push',
    origin: ({ endpoint }) => new URL(endpoint).origin,
    async send({ address, message, ttlSeconds, collapseId, urgency }, signal) {
      const plain = Buffer.from(JSON.stringify({ ...message, tag: collapseId }))
      if (plain.length > largestPlain) return { kind: 'refused', reason: 'too-large' }
      let body: Buffer
      try {
        body = encryptFor(address.keys, plain)
      } catch {
        // A key that is no point of the curve.
        return { kind: 'refused', reason: 'malformed-subscription' }
      }
      const url = new URL(address.endpoint)
      const headers = {
        'content-type': 'application/octet-stream',
        'content-encoding': 'aes128gcm',
        authorization: authorization(url.origin),
        ttl: ttlSeconds,
        topic: collapseId,
        urgency,
      }
      let left = false
      try {
        const { status, retryAfter } = await poster.post(url, headers, body, {
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
          left: () => {
            left = true
          },
        })
        return meaningOf(status, retryAfter, Date.now())
      } catch (error) {
        return whenNoAnswer(error, left)
      }
    },
    close: poster.close,
  }
}

/** The table of answers. */
export function meaningOf(status: number, retryAfter: string | null, now: number): Answer {
  const wait = retryAfterOf(retryAfter, now)
  switch (status) {
    case 404:
    case 410:
      return { kind: 'gone', since: null }
    case 401:
    case 403:
      return { kind: 'our-key', reason: `answered-${status}` }
    default:
      return meaningOfStatus(status, wait)
  }
}
