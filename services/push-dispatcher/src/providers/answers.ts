// What answers have in common, whoever gives them over HTTP.
import type { Answer } from './provider.ts'

const defaultPauseMs = 1000
const longestPauseMs = 60 * 60 * 1000

/** Seconds or an HTTP date (RFC 9110, 10.2.3), as milliseconds from now; null where there is none that can be read. */
export function retryAfterOf(text: string | null | undefined, now: number): number | null {
  if (text == null) return null
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), longestPauseMs) : null
}

/** We are too fast: waits as told, but no less than `leastMs`. */
const busy = (retryAfterMs: number | null, leastMs = 0): Answer => ({
  kind: 'busy',
  retryAfterMs: Math.max(leastMs, retryAfterMs ?? defaultPauseMs),
})

const unavailable = (status: number, retryAfterMs: number | null): Answer => ({
  kind: 'unavailable',
  reason: `answered-${status}`,
  retryAfterMs,
})

/** What a status means where the provider means nothing of its own by it. */
export function meaningOfStatus(
  status: number,
  retryAfterMs: number | null,
  {
    reason = `answered-${status}`,
    leastPauseMs = 0,
  }: { readonly reason?: string; readonly leastPauseMs?: number } = {},
): Answer {
  if (status >= 200 && status < 300) return { kind: 'accepted' }
  if (status === 413) return { kind: 'refused', reason: 'too-large' }
  if (status === 429) return busy(retryAfterMs, leastPauseMs)
  return status >= 500 ? unavailable(status, retryAfterMs) : { kind: 'refused', reason }
}

/** Failures of a connection that was never made: the request cannot have left. */
const neverLeft = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** What the error of a request without an answer means; `left` false where the connection was never there. */
export function whenNoAnswer(error: unknown, left = true): Answer {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } }
  const known = String(cause?.code ?? code)
  if (!left || neverLeft.has(known)) return { kind: 'unavailable', reason: 'unreachable', retryAfterMs: null }
  if (error instanceof DOMException) return { kind: 'unknown', reason: 'timed-out' }
  if (error instanceof TypeError || /^(ECONN|EPIPE|UND_ERR|HPE_|ERR_HTTP2|ETIMEDOUT)/.test(known))
    return { kind: 'unknown', reason: 'connection-lost' }
  throw error
}
