import type { Address, AddressKind } from '../address.ts'

/** What a customer is told; no word of who the customer is. */
export type Message = {
  /** Id of the offer. */
  readonly offer: string
  readonly item: string
  readonly kind: string
  readonly title: string
  readonly text: string
  readonly locale: string
  readonly priceMinor: number
  readonly currency: string
  readonly expiresAt: number
  /** Where a click leads, null where links are not set up. */
  readonly link: string | null
  /** Where one click ends the messages, null where that is not set up. */
  readonly unsubscribe: string | null
}

/** One message to one address. */
export type PushRequest<Kind extends AddressKind = AddressKind> = {
  readonly address: Extract<Address, { readonly kind: Kind }>
  /** Opaque name of the device or mailbox. */
  readonly handle: string
  readonly message: Message
  /** Seconds the message is worth delivering, computed at send time. */
  readonly ttlSeconds: number
  /** The same for every try of one offer: a device that is away gets it once. At most 32 characters of base64url. */
  readonly collapseId: string
  readonly urgency: 'very-low' | 'low' | 'normal' | 'high'
}

/** What an answer means, whoever gave it. */
export type Answer =
  | { readonly kind: 'accepted' }
  /** The address is dead, by the provider's own word: delete it, where a moment is given only what was registered before. */
  | { readonly kind: 'gone'; readonly since: number | null }
  /** Something is wrong with the address, but the provider does not say that it is dead: leave it alone for a while. */
  | { readonly kind: 'doubtful'; readonly reason: string }
  /** Our key is wrong: stop the provider, delete nothing. */
  | { readonly kind: 'our-key'; readonly reason: string }
  /** This message can never be accepted. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** We are too fast. */
  | { readonly kind: 'busy'; readonly retryAfterMs: number }
  /** Not accepted, worth another try. */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly retryAfterMs: number | null }
  /** The request left and no answer came: nobody knows. */
  | { readonly kind: 'unknown'; readonly reason: string }

/** A way to addresses of one kind. Every answer is a value; what it throws is a bug. */
export type Provider<Kind extends AddressKind = AddressKind> = {
  readonly name: string
  readonly takes: Kind
  /** Its origins are customers' own: one that does not answer must hold up nobody else. */
  readonly isOwnEndpoint?: boolean
  /** What fails as one: breaker and pauses are kept for each origin apart. */
  origin(address: Extract<Address, { readonly kind: Kind }>): string
  send(request: PushRequest<Kind>, signal: AbortSignal): Promise<Answer>
  close?(): void
}

/** A provider of whatever kind. */
export type AnyProvider = { readonly [Kind in AddressKind]: Provider<Kind> }[AddressKind]
