// Message encryption for Web Push: RFC 8291 on top of the content coding of RFC 8188, in one record, as RFC 8291 §4 asks.
import { createCipheriv, createECDH, createSecretKey, type ECDH, hkdfSync, randomBytes } from 'node:crypto'

const saltBytes = 16
const tagBytes = 16
const pointBytes = 65
const authBytes = 16
const recordBytes = 4096
const headerBytes = saltBytes + 4 + 1 + pointBytes

/** What fits into a message that every push service must take (RFC 8030 §7.2), without padding. */
export const largestPlain = recordBytes - headerBytes - tagBytes - 1

/** A pair of keys for one message. */
function createPair(): ECDH {
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  return pair
}

const messageInfo = Buffer.from('WebPush: info\0')
const keyInfo = Buffer.from('Content-Encoding: aes128gcm\0')
const nonceInfo = Buffer.from('Content-Encoding: nonce\0')
const lastRecord = Buffer.from([2])

/**
 * The body for the subscription's keys (base64url). Throws a RangeError for keys of the wrong length or a text longer than
 * `largestPlain`, and whatever OpenSSL throws for a key that is no point of the curve. `pair` and `salt` are for one message
 * only; they are given where a known answer is to be met.
 */
export function encryptFor(
  keys: { readonly p256dh: string; readonly auth: string },
  plain: Buffer,
  pair: ECDH = createPair(),
  salt: Buffer = randomBytes(saltBytes),
): Buffer {
  const theirs = Buffer.from(keys.p256dh, 'base64url')
  const auth = Buffer.from(keys.auth, 'base64url')
  if (theirs.length !== pointBytes || auth.length !== authBytes) throw new RangeError('keys of the wrong length')
  if (plain.length > largestPlain) throw new RangeError('too long for one record')
  const ours = pair.getPublicKey()
  const secret = derive(pair.computeSecret(theirs), auth, Buffer.concat([messageInfo, theirs, ours]), 32)
  const key = derive(secret, salt, keyInfo, 16)
  // The nonce of the first record is the derived one itself: its number, 0, changes nothing.
  const nonce = derive(secret, salt, nonceInfo, 12)
  const cipher = createCipheriv('aes-128-gcm', createSecretKey(key), nonce)
  const sizes = Buffer.alloc(5)
  sizes.writeUInt32BE(recordBytes, 0)
  sizes[4] = pointBytes
  const sealed = cipher.update(Buffer.concat([plain, lastRecord]))
  cipher.final()
  return Buffer.concat([salt, sizes, ours, sealed, cipher.getAuthTag()])
}

/** HKDF with SHA-256 (RFC 5869). Bytes that are no key object yet cost Node as much again as the derivation itself. */
const derive = (secret: Buffer, salt: Buffer, info: Buffer, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', createSecretKey(secret), salt, info, bytes))
