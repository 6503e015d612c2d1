// Where somebody can be reached: contact data, which is in no event and in no log.

/** What a browser's PushSubscription says. */
type WebPushAddress = {
  readonly kind: 'web-push'
  readonly endpoint: string
  readonly keys: { readonly p256dh: string; readonly auth: string }
}
/** A registration token of Firebase Cloud Messaging. */
type FcmAddress = { readonly kind: 'fcm'; readonly token: string }
/** A device token of Apple's push service, hexadecimal. */
type ApnsAddress = { readonly kind: 'apns'; readonly token: string }
type WebhookAddress = { readonly kind: 'webhook'; readonly url: string }
type EmailAddress = { readonly kind: 'email'; readonly address: string }

export type Address = WebPushAddress | FcmAddress | ApnsAddress | WebhookAddress | EmailAddress
export type AddressKind = Address['kind']

/** The channel of an offer that reaches addresses of a kind. */
export const channelOf: { readonly [Kind in AddressKind]: string } = {
  'web-push': 'push',
  fcm: 'push',
  apns: 'push',
  webhook: 'webhook',
  email: 'email',
}

export const addressKinds = Object.keys(channelOf) as readonly AddressKind[]

/** Why nobody can be reached there, null where somebody may. */
export function problemOf(address: Address): string | null {
  switch (address.kind) {
    case 'web-push':
      return endpointProblem('endpoint', address.endpoint) ?? keysProblem(address.keys)
    case 'webhook':
      return endpointProblem('url', address.url)
    case 'fcm':
      return /^[\w:-]{20,1024}$/.test(address.token)
        ? null
        : 'token must be 20 to 1,024 letters, digits, colons, hyphens'
    case 'apns':
      return /^([0-9a-f]{2}){32,100}$/i.test(address.token) ? null : 'token must be 32 to 100 bytes in hexadecimal'
    case 'email':
      return /^[^\s@<>"]{1,64}@[^\s@<>".]+(\.[^\s@<>".]+)*$/.test(address.address) && address.address.length <= 254
        ? null
        : 'address must be one mailbox, local@domain'
  }
}

function endpointProblem(field: string, text: string): string | null {
  if (!URL.canParse(text)) return `${field} is no address`
  const { protocol, hostname, username, password } = new URL(text)
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname)))
    return `${field} must be https; http is for loopback only`
  if (username !== '' || password !== '') return `${field} must not hold a password`
  return text.length > 2048 ? `${field} is longer than 2,048 characters` : null
}

function keysProblem({ p256dh, auth }: WebPushAddress['keys']): string | null {
  if (Buffer.from(p256dh, 'base64url').length !== 65) return 'p256dh must be 65 bytes as base64url'
  return Buffer.from(auth, 'base64url').length === 16 ? null : 'auth must be 16 bytes as base64url'
}

export const isLoopback = (hostname: string): boolean =>
  hostname === '127.0.0.1' || hostname === '[::1]' || hostname === 'localhost'
