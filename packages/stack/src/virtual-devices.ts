import { createECDH, type ECDH, randomBytes } from 'node:crypto'
import ece from 'http_ece'

/** What a device gives to whoever wants to push to it. */
export type DeviceKeys = { readonly p256dh: string; readonly auth: string }

/** A device with its own keys: it shows only what was really sealed for it (RFC 8291). */
export type VirtualDevice = {
  readonly handle: string
  readonly keys: DeviceKeys
  /** The private key, so that a device outlives its process. */
  readonly secret: string
  /** The plain text; throws on a body that was not sealed for this device. */
  open(body: Buffer): Buffer
}

export function createDevice(handle = `device-${randomBytes(12).toString('base64url')}`): VirtualDevice {
  const ecdh = createECDH('prime256v1')
  ecdh.generateKeys()
  return deviceOf(handle, ecdh, randomBytes(16).toString('base64url'))
}

/** The device as it was written down. */
export function restoreDevice(handle: string, secret: string, auth: string): VirtualDevice {
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(Buffer.from(secret, 'base64url'))
  return deviceOf(handle, ecdh, auth)
}

const deviceOf = (handle: string, ecdh: ECDH, auth: string): VirtualDevice => ({
  handle,
  keys: { p256dh: ecdh.getPublicKey().toString('base64url'), auth },
  secret: ecdh.getPrivateKey().toString('base64url'),
  open: body => ece.decrypt(body, { version: 'aes128gcm', privateKey: ecdh, authSecret: auth }),
})
