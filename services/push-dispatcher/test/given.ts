// What the tests of the dispatcher begin with.

import {
  type Customer,
  defaults,
  type KillSwitch,
  type NextBestOffer,
  type PlaybookRecord,
} from '@offerstream/contracts'
import { type PushService, startPushService } from '@offerstream/stack'
import {
  deadLettersOf,
  type Log,
  memoryLog,
  memoryRegistry,
  memoryStore,
  openTopic,
  partitionOf,
  type Registry,
  type Store,
} from '@offerstream/streaming'
import { packOffer } from '../../../tests/offers.ts'
import type { Contact } from '../src/contacts.ts'
import {
  createVapidKeys,
  type Dispatcher,
  type DispatcherOptions,
  memorySubscriptions,
  runDispatcher,
  type Subscriptions,
  webPushProvider,
} from '../src/index.ts'

export const hour = 60 * 60 * 1000
/** A Tuesday. */
export const noon = Date.parse('2026-06-02T12:00:00Z')

export const offer = (change: Partial<NextBestOffer>): NextBestOffer => ({
  ...packOffer({ id: 'offer-1', customer: 'customer-1', at: noon, reasons: ['allowance'] }),
  ...change,
})

export const contact = (change: Partial<Contact>): Contact => ({
  at: noon,
  consent: { push: true },
  zone: 'UTC',
  locale: 'en',
  devices: ['device-1'],
  ...change,
})

export const profile = (customer: string, change: Partial<Customer> = {}): Customer => ({
  ...defaults.Customer,
  id: `profile-${customer}`,
  customer,
  at: noon,
  currency: 'EUR',
  brand: 'main',
  consent: { push: true },
  devices: [`${customer}-phone`],
  ...change,
})

export const killSwitch = (change: Partial<KillSwitch> = {}): PlaybookRecord => ({
  at: noon,
  body: { type: 'kill_switch', name: 'stop', scope: 'global', target: null, on: true, ...change },
})

const vapid = createVapidKeys('mailto:push@example.org')

/** What sends to the world's push service. */
export const toDevices = (options: { timeoutMs?: number } = {}) => webPushProvider({ vapid, ...options })

/** A log, a store, a push service and devices, and dispatchers on them. */
export type World = {
  readonly log: Log
  readonly registry: Registry
  readonly store: Store
  readonly push: PushService
  readonly subscriptions: Subscriptions
  readonly clock: { at: number; now(): number }
  /** Customers with a device each. */
  customers(...names: readonly string[]): Promise<void>
  append(
    topic: 'customers' | 'playbook' | 'next-best-offers' | 'customer-events',
    key: string,
    value: object,
    cause?: string,
  ): Promise<void>
  offers(...offers: readonly NextBestOffer[]): Promise<void>
  start(change?: Partial<DispatcherOptions>): Promise<Dispatcher>
  /** State and reason of every delivery, in the order written. */
  deliveries(): Promise<readonly string[]>
  end(): Promise<void>
}

/** Deliveries are read of the first partition alone. */
export async function createWorld(store: Store = memoryStore(), partitions = 1): Promise<World> {
  const log = memoryLog()
  const registry = memoryRegistry()
  const push = await startPushService()
  const subscriptions = memorySubscriptions()
  const clock = { at: noon, now: () => clock.at }
  const names = ['customers', 'playbook', 'next-best-offers', 'deliveries', 'customer-events', 'engagements'] as const
  await log.ensureTopics(
    [...names, deadLettersOf('next-best-offers'), deadLettersOf('customers')].map(name => ({
      name,
      partitions: name === 'playbook' ? 1 : partitions,
      kept: 'for-ever' as const,
    })),
  )
  const started: Dispatcher[] = []
  let causes = 0
  const opened = new Map<string, ReturnType<typeof openTopic>>()
  const world: World = {
    log,
    registry,
    store,
    push,
    subscriptions,
    clock,
    async customers(...customers) {
      for (const customer of customers) {
        const { endpoint, keys, handle } = await push.subscribe(`${customer}-phone`)
        const address = { kind: 'web-push', endpoint, keys } as const
        await subscriptions.register(customer, handle, { address, at: noon, expiresAt: null })
        await world.append('customers', customer, profile(customer))
      }
    },
    async append(name, key, value, cause) {
      const topic = await (opened.get(name) ?? opened.set(name, openTopic(registry, name)).get(name)!)
      await log.append(topic.path, name === 'playbook' ? 0 : partitionOf(key, partitions), [
        { key, value: topic.codec.encode(value as never), ...(cause === undefined ? {} : { cause }) },
      ])
    },
    async offers(...offers) {
      for (const each of offers)
        await world.append('next-best-offers', each.customer, each, `feature-updates@1/0/${causes++}/0`)
    },
    async start(change = {}) {
      const dispatcher = await runDispatcher({
        log,
        store,
        registry,
        clock,
        localDevices: true,
        subscriptions,
        providers: [toDevices()],
        ...change,
      })
      dispatcher.done.catch(() => {})
      started.push(dispatcher)
      return dispatcher
    },
    async deliveries() {
      const topic = await openTopic(registry, 'deliveries')
      const found: string[] = []
      for await (const messages of log.read('deliveries', 0, 0))
        for (const message of messages) {
          const { offer: id, state, reason } = topic.codec.decode(message.value!)
          found.push(reason === null ? `${id} ${state}` : `${id} ${state} ${reason}`)
        }
      return found
    },
    async end() {
      await Promise.allSettled(started.map(each => each.stop()))
      await push.stop()
      await log.close()
    },
  }
  return world
}

/** Waits for something to become true, and says what it was when it does not. */
export async function until<T>(what: () => T | Promise<T>, holds: (value: T) => boolean, ms = 20_000): Promise<T> {
  const end = performance.now() + ms
  for (;;) {
    const value = await what()
    if (holds(value)) return value
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain, it is ${JSON.stringify(value)}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
