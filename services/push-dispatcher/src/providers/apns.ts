// Apple's push service: one HTTP/2 connection for everything, a token signed with ES256 (RFC 7519) renewed within the hour.
import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { type ClientHttp2Session, connect } from 'node:http2'
import { meaningOfStatus, retryAfterOf, whenNoAnswer } from './answers.ts'
import type { Answer, Provider } from './provider.ts'

export type ApnsOptions = {
  /** The `.p8` file: a PKCS #8 key on the curve P-256. */
  readonly key: string
  readonly keyId: string
  readonly teamId: string
  /** Bundle id of the app. */
  readonly topic: string
  /** Apple's production service unless given. */
  readonly url?: string
  readonly timeoutMs?: number
  /** Certificates to trust beside the usual ones. */
  readonly ca?: string
  readonly now?: () => number
}

/** Apple refuses tokens older than an hour, and those who sign more than once in twenty minutes. */
const tokenMs = 50 * 60 * 1000
const priorities = { high: '10', normal: '5', low: '5', 'very-low': '1' } as const

/** Throws where the key is none. */
export function apnsProvider(options: ApnsOptions): Provider<'apns'> {
  const { keyId, teamId, topic, url = 'https://api.push.apple.com', timeoutMs = 10_000, now = Date.now } = options
  const key = createPrivateKey(options.key)
  const { origin } = new URL(url)
  let token: { readonly value: string; readonly at: number } | null = null
  let session: ClientHttp2Session | null = null

  const authorization = (): string => {
    if (token === null || now() - token.at >= tokenMs) token = { value: tokenOf(key, keyId, teamId, now()), at: now() }
    return `bearer ${token.value}`
  }
  const connected = (): ClientHttp2Session => {
    if (session !== null && !session.closed && !session.destroyed) return session
    const made = connect(origin, options.ca === undefined ? {} : { ca: options.ca })
    // Each request hears of it by itself.
    made.on('error', () => {})
    made.on('goaway', () => made.close())
    made.unref()
    session = made
    return made
  }

  return {
    name: 'apns',
    takes: 'apns',
    origin: () => origin,
    async send({ address, message, ttlSeconds, collapseId, urgency }, signal) {
      const { title, text, ...data } = message
      const body = Buffer.from(
        JSON.stringify({ aps: { alert: { title, body: text }, 'thread-id': 'offers' }, ...data }),
      )
      if (body.length > 4096) return { kind: 'refused', reason: 'too-large' }
      const headers = {
        ':method': 'POST',
        ':path': `/3/device/${address.token}`,
        authorization: authorization(),
        'apns-topic': topic,
        'apns-push-type': 'alert',
        'apns-expiration': `${Math.floor(now() / 1000) + ttlSeconds}`,
        'apns-priority': priorities[urgency],
        'apns-collapse-id': collapseId,
      }
      let left = false
      try {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
        const answered = await ask(connected(), headers, body, limit, () => {
          left = true
        })
        const answer = meaningOf(answered.status, answered.body, answered.retryAfter, now())
        if (answered.body?.reason === 'ExpiredProviderToken') token = null
        return answer
      } catch (error) {
        return whenNoAnswer(error, left)
      }
    },
    close() {
      session?.close()
    },
  }
}

/** Header and claims as Apple wants them: key id, team and moment. */
function tokenOf(key: KeyObject, keyId: string, teamId: string, now: number): string {
  const unsigned = [
    { alg: 'ES256', kid: keyId },
    { iss: teamId, iat: Math.floor(now / 1000) },
  ]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${unsigned}.${sign('sha256', Buffer.from(unsigned), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

type ErrorBody = { readonly reason?: string; readonly timestamp?: number }
type Answered = { readonly status: number; readonly body: ErrorBody | null; readonly retryAfter: string | null }

/** The table of answers. `body` is what came with an error. */
export function meaningOf(status: number, body: ErrorBody | null, retryAfter: string | null, now: number): Answer {
  const wait = retryAfterOf(retryAfter, now)
  const reason = body?.reason ?? `answered-${status}`
  switch (status) {
    case 410:
      // The token was already dead at that moment: who registered since is another.
      return { kind: 'gone', since: body?.timestamp ?? null }
    case 400:
      return reason === 'BadDeviceToken' || reason === 'DeviceTokenNotForTopic'
        ? { kind: 'doubtful', reason: wordsOf(reason) }
        : { kind: 'refused', reason: wordsOf(reason) }
    case 403:
      return reason === 'ExpiredProviderToken'
        ? { kind: 'unavailable', reason: wordsOf(reason), retryAfterMs: wait }
        : { kind: 'our-key', reason: wordsOf(reason) }
    default:
      // 429: too many to this one device, or tokens renewed too often.
      return meaningOfStatus(status, wait, { reason: wordsOf(reason) })
  }
}

const wordsOf = (reason: string): string => reason.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()

function ask(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
  signal: AbortSignal,
  left: () => void,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { signal })
    if (!session.connecting) left()
    else session.once('connect', left)
    let status = 0
    let retryAfter: string | null = null
    const chunks: Buffer[] = []
    stream.on('response', answered => {
      status = Number(answered[':status'])
      retryAfter = (answered['retry-after'] as string | undefined) ?? null
    })
    stream.on('data', (chunk: Buffer) => {
      if (chunks.length < 16) chunks.push(chunk)
    })
    stream.on('error', error => reject(signal.aborted ? signal.reason : error))
    stream.on('close', () => {
      if (status === 0) reject(Object.assign(new Error('closed without an answer'), { code: 'ECONNRESET' }))
      else resolve({ status, body: parsed(Buffer.concat(chunks).toString()), retryAfter })
    })
    stream.end(body)
  })
}

function parsed(text: string): ErrorBody | null {
  try {
    return JSON.parse(text) as ErrorBody
  } catch {
    return null
  }
}
