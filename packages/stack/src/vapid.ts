import { createPublicKey, verify } from 'node:crypto'

/** What is wrong with an Authorization header, with the status a push service answers (RFC 8292); null when it is right. */
export type VapidRefusal = { readonly status: 401 | 403; readonly reason: string }

const longestValidSeconds = 24 * 60 * 60
const headersRemembered = 1000

/** Checks `vapid t=…, k=…`: signature, audience, expiry, subject. A header seen before is checked only for its expiry. */
export function createVapidCheck(
  audience: () => string,
): (header: string | undefined) => VapidRefusal | { key: string } {
  const known = new Map<string, { key: string; exp: number }>()
  return header => {
    if (header === undefined) return { status: 401, reason: 'no-authorization' }
    const nowSeconds = Date.now() / 1000
    let checked = known.get(header)
    if (checked === undefined) {
      const first = inspect(header, audience())
      if ('status' in first) return first
      if (first.exp > nowSeconds + longestValidSeconds) return { status: 403, reason: 'expires-too-late' }
      if (known.size >= headersRemembered) known.clear()
      known.set(header, first)
      checked = first
    }
    return checked.exp <= nowSeconds ? { status: 403, reason: 'token-expired' } : { key: checked.key }
  }
}

function inspect(header: string, audience: string): VapidRefusal | { key: string; exp: number } {
  const wrong = (reason: string): VapidRefusal => ({ status: 403, reason })
  const parts = /^vapid\s+t=([\w-]+)\.([\w-]+)\.([\w-]+)\s*,\s*k=([\w-]+)$/i.exec(header)
  if (parts === null) return { status: 401, reason: 'malformed-authorization' }
  const [, head, body, signature, key] = parts as unknown as [string, string, string, string, string]
  const point = Buffer.from(key, 'base64url')
  if (point.length !== 65 || point[0] !== 4) return wrong('wrong-key')
  const claims = parse(body)
  if (parse(head)?.['alg'] !== 'ES256' || claims === null) return wrong('wrong-token')
  if (!isSigned(`${head}.${body}`, signature, point)) return wrong('wrong-signature')
  if (claims['aud'] !== audience) return wrong('wrong-audience')
  if (typeof claims['exp'] !== 'number') return wrong('no-expiry')
  if (!/^(mailto:|https:)/.test(String(claims['sub']))) return wrong('no-subject')
  return { key, exp: claims['exp'] }
}

function isSigned(text: string, signature: string, point: Buffer): boolean {
  try {
    const key = createPublicKey({
      format: 'jwk',
      key: {
        kty: 'EC',
        crv: 'P-256',
        x: point.subarray(1, 33).toString('base64url'),
        y: point.subarray(33).toString('base64url'),
      },
    })
    return verify('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
  } catch {
    return false
  }
}

function parse(part: string): Record<string, unknown> | null {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
  } catch {
    return null
  }
}
