// Firebase Cloud Messaging, HTTP v1: a message to a registration token, with a bearer token that a service account's
// signed assertion is exchanged for (RFC 7523).
import { createSign } from 'node:crypto'
import { meaningOfStatus, retryAfterOf, whenNoAnswer } from './answers.ts'
import type { Answer, Provider } from './provider.ts'

/** What the JSON file of a service account says. */
export type ServiceAccount = {
  readonly project_id: string
  readonly client_email: string
  readonly private_key: string
  readonly token_uri: string
}

export type FcmOptions = {
  readonly account: ServiceAccount
  /** Where messages are sent to; Google's unless given. */
  readonly url?: string
  readonly timeoutMs?: number
  readonly now?: () => number
}

const scope = 'https://www.googleapis.com/auth/firebase.messaging'
const assertionSeconds = 3600
/** A bearer token is renewed so long before it ends. */
const renewBeforeMs = 5 * 60 * 1000
/** Google asks for a minute at least after 429. */
const leastPauseMs = 60_000

export function fcmProvider(options: FcmOptions): Provider<'fcm'> {
  const { account, url = 'https://fcm.googleapis.com', timeoutMs = 10_000, now = Date.now } = options
  const path = `${url}/v1/projects/${encodeURIComponent(account.project_id)}/messages:send`
  const { origin } = new URL(url)
  let token: { readonly value: Promise<string>; until: number } | null = null

  const bearer = (signal: AbortSignal): Promise<string> => {
    if (token !== null && now() < token.until) return token.value
    const asked = { value: exchange(account, now(), signal), until: Number.POSITIVE_INFINITY }
    token = { until: Number.POSITIVE_INFINITY, value: asked.value.then(({ access }) => access) }
    const mine = token
    asked.value.then(
      ({ seconds }) => {
        mine.until = now() + seconds * 1000 - renewBeforeMs
      },
      () => {
        if (token === mine) token = null
      },
    )
    return mine.value
  }

  return {
    name: 'fcm',
    takes: 'fcm',
    origin: () => origin,
    async send({ address, message, ttlSeconds, collapseId, urgency }, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
      let authorization: string
      try {
        authorization = `Bearer ${await bearer(limit)}`
      } catch (error) {
        if (error instanceof AccountRefused) return { kind: 'our-key', reason: error.message }
        return whenNoAnswer(error, false)
      }
      const { title, text, link, ...rest } = message
      const body = {
        message: {
          token: address.token,
          notification: { title, body: text },
          // Values are texts, by the protocol.
          data: Object.fromEntries(
            Object.entries({ ...rest, link: link ?? '' }).map(([key, value]) => [key, `${value}`]),
          ),
          android: {
            collapse_key: collapseId,
            priority: urgency === 'high' ? 'HIGH' : 'NORMAL',
            ttl: `${ttlSeconds}s`,
            notification: { tag: collapseId },
          },
        },
      }
      try {
        const response = await fetch(path, {
          method: 'POST',
          headers: { authorization, 'content-type': 'application/json' },
          body: JSON.stringify(body),
          redirect: 'manual',
          signal: limit,
        })
        const answer = meaningOf(
          response.status,
          await response.json().catch(() => null),
          response.headers.get('retry-after'),
          now(),
        )
        // A bearer that is refused may only have been taken back: the next request asks for another.
        if (response.status === 401) token = null
        return answer
      } catch (error) {
        return whenNoAnswer(error)
      }
    },
  }
}

type ErrorBody = {
  readonly error?: {
    readonly details?: readonly {
      readonly errorCode?: string
      readonly fieldViolations?: readonly { readonly field?: string }[]
    }[]
  }
}

/** The table of answers. `body` is what came with an error. */
export function meaningOf(status: number, body: unknown, retryAfter: string | null, now: number): Answer {
  const wait = retryAfterOf(retryAfter, now)
  const details = (body as ErrorBody | null)?.error?.details ?? []
  const code = details.find(each => each.errorCode !== undefined)?.errorCode
  switch (status) {
    case 400: {
      const fields = details.flatMap(each => each.fieldViolations ?? []).map(each => each.field)
      return fields.includes('message.token')
        ? { kind: 'gone', since: null }
        : { kind: 'refused', reason: code === undefined ? 'answered-400' : reasonOf(code) }
    }
    case 401:
      return { kind: 'unavailable', reason: 'answered-401', retryAfterMs: wait }
    case 403:
      // The token belongs to another sender, or our account may not send: nobody is deleted for it.
      return code === 'SENDER_ID_MISMATCH'
        ? { kind: 'doubtful', reason: reasonOf(code) }
        : { kind: 'our-key', reason: 'answered-403' }
    case 404:
      return code === 'UNREGISTERED' ? { kind: 'gone', since: null } : { kind: 'refused', reason: 'answered-404' }
    default:
      return meaningOfStatus(status, wait, { leastPauseMs })
  }
}

const reasonOf = (code: string): string => code.toLowerCase().replaceAll('_', '-')

class AccountRefused extends Error {
  override name = 'AccountRefused'
}

async function exchange(
  { client_email, private_key, token_uri }: ServiceAccount,
  now: number,
  signal: AbortSignal,
): Promise<{ readonly access: string; readonly seconds: number }> {
  const issued = Math.floor(now / 1000)
  const claims = { iss: client_email, scope, aud: token_uri, iat: issued, exp: issued + assertionSeconds }
  const unsigned = [{ alg: 'RS256', typ: 'JWT' }, claims]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  let signature: string
  try {
    signature = createSign('RSA-SHA256').update(unsigned).sign(private_key, 'base64url')
  } catch {
    throw new AccountRefused('malformed-key')
  }
  const response = await fetch(token_uri, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: `${unsigned}.${signature}`,
    }),
    redirect: 'manual',
    signal,
  })
  const answer = (await response.json().catch(() => null)) as { access_token?: string; expires_in?: number } | null
  if (response.status >= 400 && response.status < 500 && response.status !== 429)
    throw new AccountRefused(`token-answered-${response.status}`)
  if (!response.ok || answer?.access_token === undefined)
    throw Object.assign(new Error(`the token endpoint answered ${response.status}`), { code: 'ECONNREFUSED' })
  return { access: answer.access_token, seconds: answer.expires_in ?? assertionSeconds }
}
