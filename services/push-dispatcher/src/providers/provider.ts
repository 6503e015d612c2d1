import type { DeviceSubscription } from '../subscriptions.ts'

/** One message to one device. */
export type PushRequest = {
  readonly subscription: DeviceSubscription
  readonly payload: string
  /** Seconds the message is worth delivering, computed at send time. */
  readonly ttlSeconds: number
  /** The same for every try of one offer: a device that is away gets it once. At most 32 characters of base64url. */
  readonly collapseId: string
  readonly urgency: 'very-low' | 'low' | 'normal' | 'high'
}

/** What an answer means, whoever gave it. */
export type Answer =
  | { readonly kind: 'accepted' }
  /** The address is dead, by the provider's own word: delete it. */
  | { readonly kind: 'gone' }
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

/** A way to a device. Every answer is a value; what it throws is a bug. */
export type Provider = {
  readonly name: string
  send(request: PushRequest, signal: AbortSignal): Promise<Answer>
}
