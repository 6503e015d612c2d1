import { settingsOrExit } from '@offerstream/streaming'
import { createVapidKeys, type VapidKeys } from './providers/web-push.ts'
import type { DispatcherGuards } from './setup.ts'

/** The settings of this service, the only place that reads the environment. */
export const settings = settingsOrExit(process.env)

const subject = settings.text('OFFERSTREAM_VAPID_SUBJECT')
const publicKey = settings.text('OFFERSTREAM_VAPID_PUBLIC_KEY')
const privateKey = settings.text('OFFERSTREAM_VAPID_PRIVATE_KEY')
const off = settings.list('OFFERSTREAM_GUARDS_OFF')
const urls = settings.list('OFFERSTREAM_REDIS_URL')

/** A pair of its own where none is given: browsers then accept pushes for this run only. */
export const vapid: VapidKeys = publicKey === '' ? createVapidKeys(subject) : { subject, publicKey, privateKey }

const contactKey = Buffer.from(settings.text('OFFERSTREAM_CONTACT_KEY'), 'base64url')
if (contactKey.length !== 0 && contactKey.length !== 32) {
  console.error(`OFFERSTREAM_CONTACT_KEY is ${contactKey.length} bytes, wanted 32 as base64url`)
  process.exit(2)
}

/** Where contact data is, and the key to it. */
export const redis = {
  url: urls.length === 1 ? urls[0]! : urls,
  prefix: `${settings.text('OFFERSTREAM_PREFIX')}os:push:`,
  key: contactKey.length === 0 ? null : contactKey,
}

export const guards: DispatcherGuards = {
  causes: !off.includes('causes'),
  intentFirst: !off.includes('intent-first'),
  recheck: !off.includes('recheck'),
}
