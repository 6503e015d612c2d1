import { readFileSync } from 'node:fs'
import { settingsOrExit } from '@offerstream/streaming'
import { type Links, linksOf } from './links.ts'
import { isMode, type Mode, modes } from './mode.ts'
import { apnsProvider } from './providers/apns.ts'
import { emailProvider } from './providers/email.ts'
import { fcmProvider, type ServiceAccount } from './providers/fcm.ts'
import type { AnyProvider } from './providers/provider.ts'
import { createVapidKeys, type VapidKeys, webPushProvider } from './providers/web-push.ts'
import { webhookProvider } from './providers/webhook.ts'
import { createQuietClock } from './quiet-hours.ts'
import { type SendHour, sendHourOf } from './send-hour.ts'
import type { DispatcherGuards } from './setup.ts'

/** The settings of this service, the only place that reads the environment. */
export const settings = settingsOrExit(process.env)

const subject = settings.text('OFFERSTREAM_VAPID_SUBJECT')
const publicKey = settings.text('OFFERSTREAM_VAPID_PUBLIC_KEY')
const privateKey = settings.text('OFFERSTREAM_VAPID_PRIVATE_KEY')
const off = settings.list('OFFERSTREAM_GUARDS_OFF')
const urls = settings.list('OFFERSTREAM_REDIS_URL')

/** A pair of its own where none is given: browsers then accept pushes for this run only. */
const vapid: VapidKeys = publicKey === '' ? createVapidKeys(subject) : { subject, publicKey, privateKey }

/** Ends the process with what is wrong with a setting. */
function refuse(problem: string): never {
  console.error(problem)
  process.exit(2)
}

const contactKey = Buffer.from(settings.text('OFFERSTREAM_CONTACT_KEY'), 'base64url')
if (contactKey.length !== 0 && contactKey.length !== 32)
  refuse(`OFFERSTREAM_CONTACT_KEY is ${contactKey.length} bytes, wanted 32 as base64url`)

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
  newsTogether: true,
  intentsKnown: !off.includes('intents-known'),
}

/** Null where messages have no links. */
export const links = ((): Links | null => {
  try {
    return linksOf(settings.text('OFFERSTREAM_LINK_URL'), settings.text('OFFERSTREAM_LINK_KEYS'))
  } catch (error) {
    return refuse((error as Error).message)
  }
})()

const rates = Object.fromEntries(
  Object.entries(settings.map('OFFERSTREAM_PUSH_RATES')).map(([name, rate]): [string, number] =>
    Number(rate) > 0 ? [name, Number(rate)] : refuse(`OFFERSTREAM_PUSH_RATES has ${name}=${rate}, wanted more than 0`),
  ),
)
const perMinute = settings.number('OFFERSTREAM_PUSHES_PER_MINUTE')

/** How far the dispatcher goes, how fast and when. */
export const limits = {
  mode: modeOf(settings.text('OFFERSTREAM_PUSH_MODE')),
  localDevices: settings.flag('OFFERSTREAM_PUSH_LOCAL_DEVICES'),
  rates,
  ...(perMinute === 0 ? {} : { volume: { perMinute } }),
  sendHour: sendHour(settings.text('OFFERSTREAM_SEND_HOURS')),
  atLeastOnce: settings.list('OFFERSTREAM_PUSH_AT_LEAST_ONCE'),
}

function modeOf(text: string): Mode {
  return isMode(text) ? text : refuse(`OFFERSTREAM_PUSH_MODE is "${text}", wanted one of ${modes.join(', ')}`)
}

function sendHour(text: string): SendHour {
  try {
    return sendHourOf(text, createQuietClock())
  } catch (error) {
    return refuse(`OFFERSTREAM_SEND_HOURS: ${(error as Error).message}`)
  }
}

/** A provider for each kind of address that the settings give keys for; Web Push always. */
export const providers = (): readonly AnyProvider[] => [
  webPushProvider({ vapid }),
  ...given('OFFERSTREAM_WEBHOOK_SECRETS', secrets => webhookProvider({ secrets: secrets.split(',') })),
  ...given('OFFERSTREAM_FCM_ACCOUNT', file => {
    const account = JSON.parse(readFileSync(file, 'utf8')) as ServiceAccount
    for (const field of ['project_id', 'client_email', 'private_key', 'token_uri'] as const)
      if (typeof account[field] !== 'string') throw new Error(`${file} has no ${field}`)
    return fcmProvider({ account })
  }),
  ...given('OFFERSTREAM_APNS_KEY', file => {
    const keyId = needed('OFFERSTREAM_APNS_KEY_ID')
    const teamId = needed('OFFERSTREAM_APNS_TEAM_ID')
    const topic = needed('OFFERSTREAM_APNS_TOPIC')
    return apnsProvider({ key: readFileSync(file, 'utf8'), keyId, teamId, topic })
  }),
  ...given('OFFERSTREAM_SMTP_URL', url => emailProvider({ url, from: needed('OFFERSTREAM_MAIL_FROM') })),
]

type Name = Parameters<typeof settings.text>[0]

function given(name: Name, make: (value: string) => AnyProvider): AnyProvider[] {
  const value = settings.text(name)
  if (value === '') return []
  try {
    return [make(value)]
  } catch (error) {
    // A parser's message may quote a secret: only what is ours or the system's is shown.
    const isTold = !(error instanceof SyntaxError)
    return refuse(`${name} cannot be used: ${isTold ? (error as Error).message : 'it is no JSON'}`)
  }
}

function needed(name: Name): string {
  const value = settings.text(name)
  if (value === '') throw new Error(`${name} is missing`)
  return value
}
