import { closeSync, existsSync, mkdirSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** What happened at the push service and on its devices, in order; `at` is in milliseconds since the epoch. */
export type PushEvent = { readonly at: number; readonly device: string } & (
  | { readonly event: 'subscribed'; readonly secret: string; readonly auth: string; readonly token: string }
  /** A real browser subscribed; its keys are its own affair. */
  | { readonly event: 'registered' }
  | { readonly event: 'unsubscribed' }
  /** The service took the message: 201, or as good as, when the answer was then lost. */
  | { readonly event: 'accepted'; readonly message: number; readonly topic: string | null; readonly ttl: number }
  | { readonly event: 'refused'; readonly status: number; readonly reason: string }
  /** The device decrypted it. `replaced`: a notification with the same tag was there already and gave way to it. */
  | {
      readonly event: 'shown'
      readonly message: number
      readonly offer: string | null
      readonly topic: string | null
      readonly replaced: boolean
      readonly payload: unknown
    }
  | { readonly event: 'undecryptable'; readonly message: number }
  /** A real browser has it: 100 is delivered to its service worker, 101 could not be decrypted, 102 not delivered. */
  | { readonly event: 'acknowledged'; readonly message: number; readonly code: number }
  /** A waiting message gave way to a later one of its topic, or its time to live ran out. */
  | { readonly event: 'collapsed' | 'lapsed'; readonly message: number }
)

export type PushLog = { write(event: PushEvent): void; close(): void }

/** One line of JSON per event, written before anybody is answered, so that a kill loses none. */
export function openPushLog(path: string | undefined): PushLog {
  if (path === undefined) return { write() {}, close() {} }
  mkdirSync(dirname(path), { recursive: true })
  // The torn last line of a killed writer was answered to nobody.
  if (existsSync(path)) truncateSync(path, readFileSync(path).lastIndexOf(10) + 1)
  const file = openSync(path, 'a')
  return {
    write: event => void writeSync(file, `${JSON.stringify(event)}\n`),
    close: () => closeSync(file),
  }
}

/** Every whole line of a log; the torn last line of a killed writer is left out. */
export function readPushLog(path: string): readonly PushEvent[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  lines.pop()
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as PushEvent)
}
