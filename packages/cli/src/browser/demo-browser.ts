import { join } from 'node:path'
import type { Subscriptions } from '@offerstream/push-dispatcher'
import { type PushService, writeFirefoxProfile } from '@offerstream/stack'
import { type BrowserSubscription, startBrowserPage } from './browser-page.ts'

export type DemoBrowserOptions = {
  readonly push: PushService
  readonly subscriptions: Pick<Subscriptions, 'register'>
  /** Public VAPID key of the dispatcher. */
  readonly key: string
  /** Whose offers the browser shows. */
  readonly customers: readonly string[]
  /** Told what to do. */
  readonly tell: (line: string) => void
  readonly signal: AbortSignal
}

const profile = join(import.meta.dirname, '../../../../.local/firefox')

/** The devices of one customer in so many are the browser. */
const oneIn = 5

/** Those whose offers go to a browser, of all who have devices. */
export const browserCustomers = (devices: readonly { readonly customer: string }[]): readonly string[] =>
  [...new Set(devices.map(({ customer }) => customer))].filter((_, index) => index % oneIn === 0)

/**
 * Serves the page and waits until a browser has subscribed on it, or until the signal; answers how to close the page.
 * What is simulated is pushed to addresses of this machine alone, so that the browser must take the demo's own push
 * service for its own: Firefox does, by the preferences of the profile written here.
 */
export async function openDemoBrowser(options: DemoBrowserOptions): Promise<() => Promise<void>> {
  const { push, subscriptions, key, customers, tell, signal } = options
  const first = Promise.withResolvers<void>()
  const subscribed = async ({ endpoint, keys }: BrowserSubscription): Promise<void> => {
    if (new URL(endpoint).origin !== push.url)
      throw new Error(`this browser has a push service of its own, ${new URL(endpoint).host}: use Firefox as printed`)
    const address = { kind: 'web-push', endpoint, keys } as const
    for (const customer of customers)
      await subscriptions.register(customer, 'browser', { address, at: Date.now(), expiresAt: null })
    first.resolve()
  }
  const page = await startBrowserPage({ key, subscribed })
  writeFirefoxProfile(profile, push.url)
  tell(`open the page and let it show you offers:\n  firefox --no-remote --profile ${profile} ${page.url}`)
  signal.addEventListener('abort', () => first.resolve(), { once: true })
  if (signal.aborted) first.resolve()
  await first.promise
  return page.stop
}
