import { createPrivateKey, type ECDH, sign } from 'node:crypto'

/** What a token says in place of what is right. */
export type Claims = {
  readonly audience?: string
  readonly expiresInSeconds?: number
  readonly subject?: string | undefined
  readonly claimedKey?: string
}

/** The Authorization header of a push to the endpoint (RFC 8292), right unless the change says otherwise. */
export function authorize(key: ECDH, endpoint: string, change: Claims = {}): string {
  const point = key.getPublicKey()
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    aud: change.audience ?? new URL(endpoint).origin,
    exp: Math.floor(Date.now() / 1000) + (change.expiresInSeconds ?? 3600),
    ...('subject' in change ? {} : { sub: 'mailto:push@example.org' }),
  }
  const text = `${part({ typ: 'JWT', alg: 'ES256' })}.${part(claims)}`
  const secret = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      d: key.getPrivateKey('base64url'),
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  })
  const signature = sign('sha256', Buffer.from(text), { key: secret, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  return `vapid t=${text}.${signature}, k=${change.claimedKey ?? point.toString('base64url')}`
}
