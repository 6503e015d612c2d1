// A dispatcher alone on its core, on a log in memory, told by messages what to do; the push service is another process.
import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { defaultContactPolicy } from '@offerstream/catalogue'
import type { ContactPolicy, Customer, NextBestOffer } from '@offerstream/contracts'
import {
  createVapidKeys,
  type Dispatcher,
  memorySubscriptions,
  type Provider,
  runDispatcher,
  webPushProvider,
} from '@offerstream/push-dispatcher'
import { pushServiceClient } from '@offerstream/stack'
import {
  ensureTopics,
  type Log,
  memoryLog,
  memoryRegistry,
  memoryStore,
  openTopic,
  partitionOf,
  redisStore,
} from '@offerstream/streaming'
import { pushOffer } from './push-offer.ts'

/** What a bench asks for; answered by a message with the same `event`. */
export type PusherOrder =
  | {
      readonly event: 'begin'
      /** Of the push service; where it is null, a provider in this process answers at once. */
      readonly url: string | null
      readonly cert: string | null
      readonly signEachTime: boolean
      readonly customers: number
      /** Of a Redis for the ledger; memory where it is null. */
      readonly redis: string | null
      /** Nothing is let through, as in an outage, or in quiet hours. */
      readonly shut: 'outage' | 'quiet-hours' | null
    }
  /** So many offers, of different customers. */
  | { readonly event: 'push'; readonly offers: number }
  /** So many offers; once `after` were accepted, a kill switch. */
  | { readonly event: 'switch'; readonly offers: number; readonly after: number }
  | { readonly event: 'backlog'; readonly offers: number; readonly seconds: number }

setFlagsFromString('--expose_gc')
const collect = runInNewContext('gc') as () => void
const partitions = 4
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

const kept = memoryLog()
let forgetsDeliveries = false
/** Of a backlog the deliveries would be measured with it: they belong on a broker's disk. */
const log: Log = {
  ...kept,
  async append(path, partition, records) {
    if (!(forgetsDeliveries && path === 'deliveries')) await kept.append(path, partition, records)
  },
}
const registry = memoryRegistry()
const subscriptions = memorySubscriptions()
let dispatcher: Dispatcher
let start: () => Promise<void>
let customers = 0
let made = 0
let causes = 0
let accepted = 0
let url: string | null = null

const answerAtOnce = (shut: boolean): Provider<'web-push'> => ({
  name: 'web-push',
  takes: 'web-push',
  origin: ({ endpoint }) => new URL(endpoint).origin,
  send: async () => {
    if (shut) return { kind: 'unavailable', reason: 'answered-503', retryAfterMs: null }
    return { kind: 'accepted' }
  },
})

async function append<Name extends 'customers' | 'next-best-offers' | 'playbook'>(
  name: Name,
  values: readonly { readonly key: string; readonly value: object }[],
): Promise<void> {
  const topic = await openTopic(registry, name)
  const lanes = Array.from({ length: partitions }, () => [] as { key: string; value: Buffer; cause: string }[])
  for (const { key, value } of values)
    lanes[name === 'playbook' ? 0 : partitionOf(key, partitions)]!.push({
      key,
      value: topic.codec.encode(value as never),
      cause: `feature-updates@1/0/${causes++}/0`,
    })
  for (const [partition, records] of lanes.entries())
    if (records.length > 0) await log.append(topic.path, partition, records)
}

const offers = (count: number): { key: string; value: NextBestOffer }[] => {
  const now = Date.now()
  return Array.from({ length: count }, () => {
    const customer = `c-${made % customers}`
    const id = `offer-${made++}`
    return { key: customer, value: pushOffer(id, customer, made, now) }
  })
}

const decide = (body: object): Promise<void> =>
  append('playbook', [{ key: 'default', value: { at: Date.now(), body } }])

async function begin(order: PusherOrder & { readonly event: 'begin' }): Promise<object> {
  const { signEachTime, redis, shut } = order
  customers = order.customers
  url = order.url
  forgetsDeliveries = shut !== null
  if (order.cert !== null) setDefaultCACertificates([...getCACertificates(), readFileSync(order.cert, 'utf8')])
  const names = ['customer-events', 'customers', 'next-best-offers', 'deliveries', 'playbook'] as const
  await ensureTopics(log, { prefix: '', partitions, sources: true })
  for (const name of names) await openTopic(registry, name)
  const wide: ContactPolicy = {
    ...defaultContactPolicy,
    minimumGapMinutes: 0,
    offersPerWeek: 1_000_000,
    offersPerCategoryPerWeek: 1_000_000,
    offersPerItemPerMonth: 1_000_000,
    sameItemGapDays: 0,
    quietFromHour: 0,
    quietToHour: 0,
  }
  const hourNow = new Date().getUTCHours()
  const quiet = { quietFromHour: hourNow, quietToHour: (hourNow + 12) % 24 }
  await decide(shut === 'quiet-hours' ? { ...wide, ...quiet } : wide)
  const profiles: { key: string; value: Customer }[] = []
  const push = url === null ? null : pushServiceClient(url)
  const at = Date.now()
  const nowhere = { endpoint: 'https://127.0.0.1:9/push', keys: { p256dh: '', auth: '' } }
  for (let from = 0; from < customers; from += 64)
    await Promise.all(
      Array.from({ length: Math.min(64, customers - from) }, async (_, each) => {
        const key = `c-${from + each}`
        const { endpoint, keys } = push === null ? nowhere : await push.subscribe(`${key}-phone`)
        const address = { kind: 'web-push', endpoint, keys } as const
        await subscriptions.register(key, `${key}-phone`, { address, at, expiresAt: null })
        const who = { plan: null, customerSince: null, bindingEndsAt: null, bundle: false, monthlyChargeMinor: 0 }
        const where = { currency: 'EUR', brand: 'main', ageBand: null, zone: 'UTC', locale: 'en', segment: null }
        const reach = { consent: { push: true }, devices: [`${key}-phone`] }
        profiles.push({
          key,
          value: { type: 'customer', id: `profile-${key}`, customer: key, at, ...who, ...where, ...reach },
        })
      }),
    )
  await append('customers', profiles)
  const provider =
    push === null
      ? answerAtOnce(shut === 'outage')
      : webPushProvider({ vapid: createVapidKeys('mailto:bench@example.invalid'), signEachTime })
  const counted: Provider<'web-push'> = {
    ...provider,
    async send(request, signal) {
      const answer = await provider.send(request, signal)
      if (answer.kind === 'accepted') accepted++
      return answer
    },
  }
  start = async () => {
    dispatcher = await runDispatcher({
      log,
      registry,
      store: redis === null ? memoryStore() : redisStore({ url: redis }),
      clock: { now: Date.now },
      subscriptions,
      providers: [counted],
    })
    dispatcher.done.catch((error: unknown) => {
      console.error(error)
      process.exit(1)
    })
  }
  if (shut === null) await start()
  return {}
}

async function settled(total: number): Promise<void> {
  for (;;) {
    const { total: found, decided, sending } = await dispatcher.counts()
    if (found >= total && decided + sending === 0) return
    await pause(10)
  }
}

async function push(count: number): Promise<object> {
  const [before, cpu, began] = [accepted, process.cpuUsage(), performance.now()]
  await append('next-best-offers', offers(count))
  await settled(made)
  const { user, system } = process.cpuUsage(cpu)
  return {
    pushes: accepted - before,
    seconds: (performance.now() - began) / 1000,
    cpuSeconds: (user + system) / 1e6,
  }
}

/** Milliseconds from the moment the log had the switch to the last push that the service accepted, by its log. */
async function stopTime(count: number, after: number): Promise<object> {
  const service = pushServiceClient(url!)
  const from = (await service.events()).length
  const before = accepted
  await append('next-best-offers', offers(count))
  while (accepted - before < after) await pause(2)
  const stop = { type: 'kill_switch', name: 'stop', scope: 'global', target: null }
  await decide({ ...stop, on: true })
  const thrownAt = Date.now()
  await settled(made)
  await decide({ ...stop, on: false })
  const moments = (await service.events(from)).flatMap(each => (each.event === 'accepted' ? [each.at] : []))
  const rate = moments.filter(at => at <= thrownAt && at > thrownAt - 300).length / 0.3
  await pause(300)
  return { ms: Math.max(0, Math.max(...moments) - thrownAt), rate, left: count - moments.length }
}

async function backlog(count: number, seconds: number): Promise<object> {
  for (let left = count; left > 0; left -= 10_000) await append('next-best-offers', offers(Math.min(left, 10_000)))
  collect()
  const before = process.memoryUsage()
  let [mostHeap, mostRss] = [before.heapUsed, before.rss]
  await start()
  const end = performance.now() + seconds * 1000
  const isHeld = async (): Promise<boolean> => (await dispatcher.counts()).deferred === count
  while (performance.now() < end && !(await isHeld())) {
    await pause(250)
    const { heapUsed, rss } = process.memoryUsage()
    ;[mostHeap, mostRss] = [Math.max(mostHeap, heapUsed), Math.max(mostRss, rss)]
  }
  collect()
  const { total, deferred } = await dispatcher.counts()
  const after = process.memoryUsage()
  return {
    heapBytes: after.heapUsed - before.heapUsed,
    mostHeapBytes: mostHeap - before.heapUsed,
    externalBytes: after.external - before.external,
    residentBytesBefore: before.rss,
    residentBytes: after.rss,
    mostResidentBytes: mostRss,
    entered: total,
    deferred,
  }
}

function answer(order: PusherOrder): Promise<object> {
  switch (order.event) {
    case 'begin':
      return begin(order)
    case 'push':
      return push(order.offers)
    case 'switch':
      return stopTime(order.offers, order.after)
    case 'backlog':
      return backlog(order.offers, order.seconds)
  }
}

process.on('message', async (order: PusherOrder) => {
  process.send!({ ...(await answer(order)), event: order.event })
})
process.send!({ event: 'ready' })
