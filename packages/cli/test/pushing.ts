// Days of pushes in one process: a dispatcher over memory, the real push service, a clock that stands still while
// anything is under way and leaps in between. The dispatcher may be told something else than what holds, which is how a
// control turns one guard off; what devices were sent and showed is judged by what holds.
import { createHash } from 'node:crypto'
import { defaultContactPolicy } from '@offerstream/catalogue'
import type { ContactPolicy, Customer, KillSwitch, NextBestOffer, PlaybookRecord } from '@offerstream/contracts'
import {
  createVapidKeys,
  type Dispatcher,
  type DispatcherOptions,
  type LedgerCounts,
  memorySubscriptions,
  type Provider,
  runDispatcher,
  type Subscriptions,
  webPushProvider,
} from '@offerstream/push-dispatcher'
import { type PushService, startPushService } from '@offerstream/stack'
import { deadLettersOf, memoryLog, memoryRegistry, memoryStore, openTopic, type Store } from '@offerstream/streaming'
import { packOffer } from '../../../tests/offers.ts'
import { judgePushes, type PushViolations } from '../src/push-judge.ts'

/** What the dispatcher is told where that is not what holds; null is not told at all. */
export type Told = {
  readonly policy?: (policy: ContactPolicy) => ContactPolicy
  readonly killSwitch?: (body: KillSwitch) => KillSwitch | null
  readonly customer?: (customer: Customer) => Customer | null
  readonly offer?: (offer: NextBestOffer) => NextBestOffer
}

export type PushingOptions = {
  readonly start: number
  readonly told?: Told
  readonly dispatcher?: Partial<DispatcherOptions>
  /** Between the dispatcher and Web Push. */
  readonly provider?: (webPush: Provider<'web-push'>) => Provider<'web-push'>
  /** Categories sent at least once. */
  readonly atLeastOnce?: readonly string[]
  /** File of what happens at the push service, which then outlives `stopService`. */
  readonly pushLog?: string
}

export type Pushing = {
  readonly clock: { readonly at: number; now(): number }
  readonly push: PushService
  readonly store: Store
  readonly subscriptions: Subscriptions
  readonly offers: readonly NextBestOffer[]
  readonly notices: readonly string[]
  readonly dispatcher: Dispatcher
  /** How often it crashed and was started again. */
  readonly crashes: number
  /** It crashes at the nth arrival at a fail point. */
  crashAt(point: string, nth: number): void
  customers(...customers: readonly Customer[]): Promise<void>
  policy(change: Partial<ContactPolicy>): Promise<void>
  killSwitch(change?: Partial<KillSwitch>): Promise<void>
  offer(...offers: readonly NextBestOffer[]): Promise<void>
  /** A device more for a customer. */
  device(customer: string, handle: string): Promise<void>
  /** Waits until nothing is decided or sent, whatever is held; brings the dispatcher back where it crashed. */
  settled(): Promise<LedgerCounts>
  /** The clock is there once nothing is between a last check and a device. */
  leap(to: number): Promise<void>
  restart(): Promise<void>
  /** The push service is gone, and there again with the devices and the log of before. */
  stopService(): Promise<void>
  startService(): Promise<void>
  /** Violations by kind, those of which there are any. */
  judged(): Partial<Record<keyof PushViolations, number>>
  /** Times that a device accepted an offer. */
  acceptedTimes(offer: string): number
  deadLetters(): Promise<number>
  end(): Promise<void>
}

const vapid = createVapidKeys('mailto:push@example.org')

/** A record binds within so much of the clock that leaps; a push takes none of it. */
const withinMs = 1000
const topicNames = [
  'customers',
  'playbook',
  'next-best-offers',
  'deliveries',
  'customer-events',
  'engagements',
] as const

class Crash extends Error {
  override name = 'Crash'
}

export async function openPushing(options: PushingOptions): Promise<Pushing> {
  const { told = {}, atLeastOnce = [], provider: around = each => each } = options
  const log = memoryLog()
  const registry = memoryRegistry()
  const store = memoryStore()
  const subscriptions = memorySubscriptions()
  await log.ensureTopics(
    [...topicNames, deadLettersOf('next-best-offers')].map(name => ({
      name,
      partitions: 1,
      kept: 'for-ever' as const,
    })),
  )
  const topics = {
    customers: await openTopic(registry, 'customers'),
    playbook: await openTopic(registry, 'playbook'),
    offers: await openTopic(registry, 'next-best-offers'),
  }
  const clock = { at: options.start, now: () => clock.at }
  const serviceOptions = { now: clock.now, ...(options.pushLog === undefined ? {} : { log: options.pushLog }) }
  let push = await startPushService(serviceOptions)

  const notices: string[] = []
  const armed = { at: '', nth: 0 }
  let crashes = 0
  /** Pushes between their last check and the answer. */
  let underWay = 0
  const start = async (): Promise<Dispatcher> => {
    const webPush = around(webPushProvider({ vapid }))
    const counted: Provider<'web-push'> = {
      ...webPush,
      send(request, signal) {
        underWay++
        return webPush.send(request, signal).finally(() => underWay--)
      },
    }
    let gone = false
    const started = await runDispatcher({
      log,
      store,
      registry,
      clock,
      localDevices: true,
      subscriptions,
      providers: [counted],
      atLeastOnce,
      breakerResetMs: 20,
      fetchPauseMs: 5,
      notice: line => notices.push(line),
      ...options.dispatcher,
      reach(point) {
        if (point === armed.at && --armed.nth <= 0) gone = true
        if (gone) throw new Crash(point)
      },
    })
    started.done.catch(() => {})
    return started
  }
  let dispatcher = await start()

  const offers: NextBestOffer[] = []
  const profiles: Customer[] = []
  const playbook: PlaybookRecord[] = []
  const decide = async (holds: PlaybookRecord['body'], body: PlaybookRecord['body'] | null): Promise<void> => {
    playbook.push({ at: clock.at, body: holds })
    if (body === null) return
    await log.append('playbook', 0, [{ key: body.name, value: topics.playbook.codec.encode({ at: clock.at, body }) }])
    // Known at once: the clock stands still, so no waiting for it passes.
    await new Promise(resolve => setTimeout(resolve, 300))
  }
  let policy: ContactPolicy = defaultContactPolicy

  const stopped = (): never => {
    throw new Error('the dispatcher stopped by itself')
  }
  const settled = async (): Promise<LedgerCounts> => {
    for (;;) {
      try {
        return await Promise.race([dispatcher.done.then(stopped), settle()])
      } catch (error) {
        if (!(error instanceof Crash)) throw error
        crashes++
        armed.at = ''
        dispatcher = await start()
      }
    }
  }
  const settle = async (): Promise<LedgerCounts> => {
    const end = performance.now() + 30_000
    for (;;) {
      const found = await dispatcher.counts()
      if (found.total === offers.length && found.decided + found.sending === 0) return found
      if (performance.now() > end) throw new Error(`${offers.length} offers, in the ledger ${JSON.stringify(found)}`)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }

  return {
    clock,
    store,
    subscriptions,
    offers,
    notices,
    get push() {
      return push
    },
    get dispatcher() {
      return dispatcher
    },
    get crashes() {
      return crashes
    },
    crashAt: (at, nth) => void Object.assign(armed, { at, nth }),
    async customers(...customers) {
      profiles.push(...customers)
      const records = customers.flatMap(each => {
        const customer = told.customer === undefined ? each : told.customer(each)
        return customer === null ? [] : [{ key: each.customer, value: topics.customers.codec.encode(customer) }]
      })
      await log.append('customers', 0, records)
    },
    async policy(change) {
      policy = { ...policy, ...change }
      await decide(policy, told.policy?.(policy) ?? policy)
    },
    async killSwitch(change = {}) {
      const body: KillSwitch = { type: 'kill_switch', name: 'stop', scope: 'global', target: null, on: true, ...change }
      await decide(body, told.killSwitch === undefined ? body : told.killSwitch(body))
    },
    async offer(...made) {
      const records = made.map((each, at) => ({
        key: each.customer,
        value: topics.offers.codec.encode(told.offer?.(each) ?? each),
        cause: `feature-updates@1/0/${offers.length + at}/0`,
      }))
      offers.push(...made)
      await log.append('next-best-offers', 0, records)
    },
    async device(customer, handle) {
      const { endpoint, keys } = await push.subscribe(handle)
      const address = { kind: 'web-push', endpoint, keys } as const
      await subscriptions.register(customer, handle, { address, at: clock.at, expiresAt: null })
    },
    settled,
    async leap(to) {
      while (underWay > 0) await new Promise(resolve => setTimeout(resolve, 2))
      clock.at = to
    },
    async restart() {
      await dispatcher.stop()
      dispatcher = await start()
    },
    stopService: () => push.stop(),
    async startService() {
      push = await startPushService({ ...serviceOptions, port: Number(new URL(push.url).port) })
    },
    judged() {
      const found = judgePushes({ events: push.events, offers, customers: profiles, playbook, withinMs, atLeastOnce })
      return Object.fromEntries(
        Object.entries(found)
          .filter(([, cases]) => cases.length > 0)
          .map(([kind, cases]) => [kind, cases.length]),
      )
    },
    acceptedTimes(offer) {
      const topic = collapseIdOf(offer)
      return push.accepted.filter(each => each.topic === topic).length
    },
    deadLetters: async () => (await log.bounds(deadLettersOf('next-best-offers')))[0]!.next,
    async end() {
      await dispatcher.stop().catch(() => {})
      await push.stop()
      await log.close()
    },
  }
}

const collapseIdOf = (offer: string): string => createHash('sha256').update(offer).digest('base64url').slice(0, 32)

export const offerOf = (id: string, customer: string, at: number, change: Partial<NextBestOffer> = {}): NextBestOffer =>
  packOffer({ id, customer, at, trigger: { kind: 'allowance-used', event: `event-${id}`, at }, ...change })

export const profileOf = (customer: string, at: number, change: Partial<Customer> = {}): Customer => ({
  type: 'customer',
  id: `profile-${customer}-${at}`,
  customer,
  at,
  plan: null,
  customerSince: null,
  bindingEndsAt: null,
  bundle: false,
  monthlyChargeMinor: 0,
  currency: 'EUR',
  brand: 'main',
  ageBand: null,
  zone: 'UTC',
  locale: 'en',
  segment: null,
  consent: { push: true },
  devices: [],
  ...change,
})
