// The links in a message. A token is sealed rather than signed: links are forwarded, and lie in the logs of proxies and in
// the hands of mail scanners, and a sealed one says nothing of the customer to any of them, not even the pseudonym. It
// holds no destination, so nobody can be sent anywhere but where the catalogue says.
import { createHash } from 'node:crypto'
import type { NextBestOffer } from '@offerstream/contracts'
import { isLoopback } from './address.ts'
import { seal, unseal } from './seal.ts'

type LinkSettings = {
  /** Public address of the routes, without a slash at its end. */
  readonly url: string
  /** 32 bytes each. The first one seals; what any of them sealed is opened. */
  readonly keys: readonly Buffer[]
}

/** What a link is about. */
export type Linked = {
  readonly offer: string
  readonly customer: string
  readonly item: string
  readonly channel: string
}

/** A link that leads to an offer says nothing about consent: whoever it is forwarded to cannot unsubscribe with it. */
export type LinkPurpose = 'offer' | 'unsubscribe'

export type Links = {
  /** The links of an offer's message. The beacon for `displayed` goes to `link` with `/d/` in the place of `/c/`. */
  of(offer: NextBestOffer): { readonly link: string; readonly unsubscribe: string }
  open(purpose: LinkPurpose, token: string, now: number): Linked | 'expired' | 'unknown'
}

const keyIdBytes = 2
/** A mail may be read long after its offer has ended; the way out must work then too. */
const unsubscribeMs = 365 * 24 * 60 * 60 * 1000
/** More than any of ours; nothing longer is even decoded. */
const longestToken = 1024

/** Throws where the address or a key cannot be used, without showing a key. */
export function createLinks({ url, keys }: LinkSettings): Links {
  if (!URL.canParse(url)) throw new Error('the address is none')
  const { protocol, hostname, search, hash } = new URL(url)
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname)))
    throw new Error('the address must be https; http is for loopback only')
  if (search !== '' || hash !== '') throw new Error('the address must end with its path')
  const base = url.replace(/\/+$/, '')
  const rings = keys.map(key => {
    if (key.length !== 32) throw new Error(`a key has ${key.length} bytes, wanted 32 as base64url`)
    return { id: createHash('sha256').update(key).digest().subarray(0, keyIdBytes), key }
  })
  const newest = rings[0]
  if (newest === undefined) throw new Error('there is no key')

  const tokenOf = (purpose: LinkPurpose, { id, customer, item, channel }: NextBestOffer, expiresAt: number): string => {
    const plain = Buffer.from(JSON.stringify([id, customer, item, channel, Math.ceil(expiresAt / 1000)]))
    return Buffer.concat([newest.id, seal(newest.key, plain, purpose)]).toString('base64url')
  }
  return {
    of: offer => ({
      link: `${base}/c/${tokenOf('offer', offer, offer.expiresAt)}`,
      unsubscribe: `${base}/u/${tokenOf('unsubscribe', offer, offer.at + unsubscribeMs)}`,
    }),
    open(purpose, token, now) {
      const bytes = token.length > longestToken ? Buffer.alloc(0) : Buffer.from(token, 'base64url')
      for (const { id, key } of rings) {
        if (!bytes.subarray(0, keyIdBytes).equals(id)) continue
        const plain = unseal(key, bytes.subarray(keyIdBytes), purpose)
        if (plain === null) continue
        const [offer, customer, item, channel, until] = JSON.parse(plain.toString()) as Sealed
        return until * 1000 <= now ? 'expired' : { offer, customer, item, channel }
      }
      return 'unknown'
    },
  }
}

/** From settings as text, null where they ask for no links. Throws with what is wrong, never with a key. */
export function linksOf(url: string, keys: string): Links | null {
  if (url === '' && keys === '') return null
  if (url === '') throw new Error('OFFERSTREAM_LINK_KEYS is given without OFFERSTREAM_LINK_URL')
  if (keys === '') throw new Error('OFFERSTREAM_LINK_URL is given without OFFERSTREAM_LINK_KEYS')
  try {
    return createLinks({ url, keys: keys.split(',').map(key => Buffer.from(key.trim(), 'base64url')) })
  } catch (error) {
    throw new Error(`OFFERSTREAM_LINK_URL and OFFERSTREAM_LINK_KEYS cannot be used: ${(error as Error).message}`)
  }
}

/** `until` in seconds since the epoch. */
type Sealed = [offer: string, customer: string, item: string, channel: string, until: number]
