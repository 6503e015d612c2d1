declare module 'http_ece' {
  import type { ECDH } from 'node:crypto'
  /** Opens an encrypted content coding; throws on bytes that were not sealed for this key. */
  export function decrypt(
    body: Buffer,
    parameters: { version: 'aes128gcm'; privateKey: ECDH; authSecret: string },
  ): Buffer
  export function encrypt(
    body: Buffer,
    parameters: { version: 'aes128gcm'; privateKey: ECDH; dh: string; authSecret: string; rs?: number },
  ): Buffer
}
