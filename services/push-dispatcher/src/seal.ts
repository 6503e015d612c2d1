// Contact data at rest: every customer has a key of their own, kept sealed by the one key of the settings. Without the
// customer's key nobody can read their addresses any more, wherever copies of them lie.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const nonceBytes = 12
const tagBytes = 16
const keyBytes = 32

export const createKey = (): Buffer => randomBytes(keyBytes)

/** AES-256-GCM (NIST SP 800-38D): nonce, ciphertext, tag. What it belongs to is authenticated with it. */
export function seal(key: Buffer, plain: Buffer, belongsTo: string): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(belongsTo))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** Null where the key is another, the bytes were changed, or they belong to something else. */
export function unseal(key: Buffer, sealed: Buffer, belongsTo: string): Buffer | null {
  if (sealed.length < nonceBytes + tagBytes) return null
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes))
  decipher.setAAD(Buffer.from(belongsTo))
  decipher.setAuthTag(sealed.subarray(-tagBytes))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()])
  } catch {
    return null
  }
}
