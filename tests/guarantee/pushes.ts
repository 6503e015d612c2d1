// Offers straight into `next-best-offers`, dispatchers as processes, and a push service that may be killed: what devices
// were sent and showed is judged from its log. The clock passes ten minutes in a second.
import { join } from 'node:path'
import { judgePushes, type PushViolations, surroundingsOf } from '@offerstream/cli'
import type { ContactPolicy, Customer, KillSwitch, NextBestOffer, PlaybookRecord } from '@offerstream/contracts'
import { redisSubscriptions } from '@offerstream/push-dispatcher'
import { type Child, freePorts, pushServiceClient, readPushLog } from '@offerstream/stack'
import { createClock, ensureTopics, openTopic, partitionOf } from '@offerstream/streaming'
import { packOffer } from '../offers.ts'
import { createChance } from './chance.ts'
import { type Member, startMember } from './member.ts'
import { pause, until, type World } from './world.ts'

export type PushesOptions = {
  readonly world: World
  readonly name: string
  readonly seed: number
  readonly customers: number
  /** Categories sent at least once. */
  readonly atLeastOnce?: readonly string[]
  readonly guardsOff?: string
  /** Another Redis than the stack's. */
  readonly redis?: string
  /** What is other than usual. */
  readonly policy?: Partial<ContactPolicy>
}

export type Pushes = {
  /** `failsAt` as in fail-point.ts. */
  start(failsAt?: string): Promise<Member>
  /** Offers to random customers, so many a second, until stopped. */
  stream(perSecond: number): { stop(): Promise<void> }
  /** So many at once. */
  backlog(count: number): Promise<void>
  decide(body: KillSwitch): Promise<void>
  /** Takes consent back from a share of the customers. */
  revoke(share: number): Promise<void>
  killPushService(): Promise<void>
  startPushService(): Promise<void>
  accepted(): number
  /** By partition, what changes whenever somebody takes it; 0 before that. */
  epochs(): Promise<readonly number[]>
  /** Ledger entries by state, as they stand now. */
  ledger(): Promise<Found['ledger']>
  /** Waits until every offer is in a final state. */
  settled(): Promise<void>
  found(): Promise<Found>
  close(): Promise<void>
}

export type Found = {
  readonly violations: { readonly [Kind in keyof PushViolations]: number }
  /** Some cases of each, for whoever must find out why. */
  readonly cases: readonly string[]
  readonly offers: number
  readonly accepted: number
  /** Offers that a device has, however often it was sent them. */
  readonly arrived: number
  readonly shown: number
  /** Ledger entries by state, over all partitions. */
  readonly ledger: Readonly<Record<string, number>>
  readonly deadLetters: number
}

const partitions = 4
const speed = 600
const minute = 60_000
/** What is promised: a second on the wall. */
const withinMs = 1000 * speed
const noonInBerlin = Date.UTC(2026, 5, 2, 10)
/** One in which it is quiet from the start, one where that begins after ten seconds or so, and one where it never is. */
const zones = ['Europe/London', 'Europe/Berlin', 'America/New_York'] as const
const items = ['pack-s', 'pack-m', 'plan-l', 'plan-m', 'phone'] as const
const categoryOf = (item: string): string => item.split('-')[0]!

/** Tight enough that most offers are refused, on a clock that passes hours. */
const policy: ContactPolicy = {
  type: 'contact_policy',
  name: 'default',
  explorationShare: 0,
  minimumGapMinutes: 40,
  offersPerWeek: 4,
  offersPerCategoryPerWeek: 2,
  sameItemGapDays: 0,
  rejectionCoolDownDays: 0,
  quietFromHour: 11,
  quietToHour: 12,
  validHours: 24,
  priceStepShare: 1,
  minimumValueMinor: 0,
  offersPerChannelPerWeek: { push: 3 },
  offersPerItemPerMonth: 1,
  cancelledWhenQuiet: ['phone'],
  releaseSpreadMinutes: 10,
  campaignOffersPerMinute: {},
}

export async function openPushes(options: PushesOptions): Promise<Pushes> {
  const { world, name, seed, customers: count, atLeastOnce = [], guardsOff = '' } = options
  const addresses = { ...world.addresses, redis: options.redis ?? world.addresses.redis }
  const chance = createChance(seed)
  const prefix = `${name}.`
  const map = { origin: noonInBerlin, since: Date.now(), speed }
  const clock = createClock(map)
  const around = surroundingsOf({ kind: 'local', addresses } as Parameters<typeof surroundingsOf>[0], {
    prefix,
    partitions,
    clock,
  })
  const { log, registry, store } = around
  await ensureTopics(log, { prefix, partitions, sources: true })
  const topics = {
    offers: await openTopic(registry, 'next-best-offers', prefix),
    customers: await openTopic(registry, 'customers', prefix),
    playbook: await openTopic(registry, 'playbook', prefix),
  }

  const [port] = await freePorts(1)
  const pushLog = join(world.folder, `${name}-pushes.jsonl`)
  const main = join(import.meta.dirname, '../../packages/stack/src/push-service-main.ts')
  const push = pushServiceClient(`http://127.0.0.1:${port}`)
  let service: Child | null = null
  let starts = 0
  const startPushService = async (): Promise<void> => {
    service = await world.children.start({
      name: `${name}-push-service-${++starts}`,
      command: [process.execPath, main, `${port}`, pushLog],
      environment: { NODE_COMPILE_CACHE: world.compiled },
    })
    await until('the push service answers', () =>
      push.events(Number.MAX_SAFE_INTEGER).then(
        () => true,
        () => false,
      ),
    )
  }
  await startPushService()

  // As given: the moment when the log had it.
  const playbook: PlaybookRecord[] = []
  const decide = async (body: ContactPolicy | KillSwitch): Promise<void> => {
    const value = topics.playbook.codec.encode({ at: clock.now(), body })
    await log.append(topics.playbook.path, 0, [{ key: body.name, value }])
    playbook.push({ at: clock.now(), body })
  }
  const profiles: Customer[] = []
  const tell = async (told: readonly Customer[]): Promise<void> => {
    const lanes = Array.from({ length: partitions }, () => [] as { key: string; value: Buffer }[])
    for (const each of told)
      lanes[partitionOf(each.customer, partitions)]!.push({
        key: each.customer,
        value: topics.customers.codec.encode(each),
      })
    await Promise.all(lanes.map((records, partition) => log.append(topics.customers.path, partition, records)))
    profiles.push(...told.map(each => ({ ...each, at: clock.now() })))
  }
  const profileOf = (customer: string, consent: Customer['consent']): Customer => ({
    type: 'customer',
    id: `profile-${customer}-${clock.now()}`,
    customer,
    at: clock.now(),
    plan: null,
    customerSince: null,
    bindingEndsAt: null,
    bundle: false,
    monthlyChargeMinor: 0,
    currency: 'EUR',
    brand: 'main',
    ageBand: null,
    zone: zones[Number(customer.slice(2)) % zones.length]!,
    locale: 'en',
    segment: null,
    consent,
    devices: [`${name}-${customer}`],
  })

  const customers = Array.from({ length: count }, (_, at) => `c-${at}`)
  const subscriptions = redisSubscriptions({ url: addresses.redis, prefix: `${prefix}os:push:` })
  await Promise.all(
    customers.map(async customer => {
      const { endpoint, keys, handle } = await push.subscribe(`${name}-${customer}`)
      const address = { kind: 'web-push', endpoint, keys } as const
      await subscriptions.register(customer, handle, { address, at: clock.now(), expiresAt: null })
    }),
  )
  await subscriptions.close()
  await tell(customers.map(customer => profileOf(customer, { push: true })))
  await decide({ ...policy, ...options.policy })

  const offers: NextBestOffer[] = []
  const sequences = new Map<string, number>()
  const make = (): NextBestOffer => {
    const customer = chance.oneOf(customers)
    const sequence = (sequences.get(customer) ?? 0) + 1
    sequences.set(customer, sequence)
    const item = chance.oneOf(items)
    const at = clock.now()
    const id = `${name}-${offers.length}`
    const offer = packOffer({
      ...{ id, customer, at, sequence, item, category: categoryOf(item) },
      // From seven seconds on the wall to twenty.
      expiresAt: at + chance.between(70, 200) * minute,
      trigger: { kind: chance.oneOf(['daily-sale', 'allowance-used']), event: `event-${id}`, at },
    })
    offers.push(offer)
    return offer
  }
  const append = async (made: readonly NextBestOffer[]): Promise<void> => {
    const lanes = Array.from({ length: partitions }, () => [] as { key: string; value: Buffer; cause: string }[])
    for (const each of made)
      lanes[partitionOf(each.customer, partitions)]!.push({
        key: each.customer,
        value: topics.offers.codec.encode(each),
        cause: `feature-updates@1/0/${each.id.slice(name.length + 1)}/0`,
      })
    await Promise.all(lanes.map((records, partition) => log.append(topics.offers.path, partition, records)))
  }

  const members = new Set<Member>()
  const environment = {
    OFFERSTREAM_KAFKA_BROKERS: world.addresses.brokers.join(),
    OFFERSTREAM_REDIS_URL: addresses.redis,
    OFFERSTREAM_REGISTRY_URL: world.addresses.registry,
    OFFERSTREAM_PREFIX: prefix,
    OFFERSTREAM_PARTITIONS: `${partitions}`,
    OFFERSTREAM_PUSH_LOCAL_DEVICES: 'true',
    OFFERSTREAM_PUSH_AT_LEAST_ONCE: atLeastOnce.join(),
    OFFERSTREAM_CLOCK: `${map.origin}/${map.since}/${map.speed}`,
    OFFERSTREAM_SESSION_TIMEOUT_MS: '3000',
    OFFERSTREAM_BATCH_RECORDS: '100',
    OFFERSTREAM_VAPID_PUBLIC_KEY: world.vapid.publicKey,
    OFFERSTREAM_VAPID_PRIVATE_KEY: world.vapid.privateKey,
    OFFERSTREAM_GUARDS_OFF: guardsOff,
  }
  const ledger = async (): Promise<{ states: Record<string, number>; behind: number }> => {
    const states: Record<string, number> = {}
    let behind = 0
    for (const [partition, { next }] of (await log.bounds(topics.offers.path)).entries()) {
      const progress = await store.peekProgress('push-dispatcher', partition)
      behind += next - ((progress?.watermark ?? -1) + 1)
      for (const [reason, number] of progress?.counts ?? [])
        if (reason.startsWith('ledger/')) states[reason.slice(7)] = (states[reason.slice(7)] ?? 0) + number
    }
    return { states, behind }
  }

  return {
    async start(failsAt) {
      const member = await startMember(world, 'push-dispatcher', environment, failsAt)
      members.add(member)
      member.ended.catch(() => {}).finally(() => members.delete(member))
      return member
    },
    stream(perSecond) {
      let going = true
      const writing = (async () => {
        const began = performance.now()
        for (let written = 0; going; await pause(50)) {
          const due = Math.floor(((performance.now() - began) / 1000) * perSecond)
          await append(Array.from({ length: due - written }, make))
          written = due
        }
      })()
      writing.catch(() => {})
      return {
        async stop() {
          going = false
          await writing
        },
      }
    },
    backlog: length => append(Array.from({ length }, make)),
    decide,
    revoke: share => tell(customers.filter(() => chance.happens(share)).map(each => profileOf(each, { push: false }))),
    async killPushService() {
      service!.signal('SIGKILL')
      await service!.ended
    },
    startPushService,
    epochs: () =>
      Promise.all(
        Array.from(
          { length: partitions },
          async (_, partition) => (await store.peekProgress('push-dispatcher', partition))?.epoch ?? 0,
        ),
      ),
    ledger: async () => (await ledger()).states,
    accepted: () => readPushLog(pushLog).filter(each => each.event === 'accepted').length,
    async settled() {
      let state = ''
      await until(
        'every offer is in a final state',
        async () => {
          const { states, behind } = await ledger()
          state = `${behind} behind, ${JSON.stringify(states)}`
          const open = (states['decided'] ?? 0) + (states['deferred'] ?? 0) + (states['sending'] ?? 0)
          return behind === 0 && open === 0 && offers.length > 0
        },
        60_000,
        () => state,
      )
    },
    async found() {
      const events = readPushLog(pushLog).map(each => ({ ...each, at: map.origin + (each.at - map.since) * speed }))
      const judged = judgePushes({ events, offers, customers: profiles, playbook, withinMs, atLeastOnce })
      const { caps, quietHours, consent, expiry, killSwitch, acceptedTwice, shownTwice } = judged
      const dead = await log.bounds(`${topics.offers.path}.dead-letters`)
      return {
        violations: {
          caps: caps.length,
          quietHours: quietHours.length,
          consent: consent.length,
          expiry: expiry.length,
          killSwitch: killSwitch.length,
          acceptedTwice: acceptedTwice.length,
          shownTwice: shownTwice.length,
        },
        cases: Object.entries(judged).flatMap(([kind, cases]) => cases.slice(0, 3).map(each => `${kind}: ${each}`)),
        offers: offers.length,
        accepted: events.filter(each => each.event === 'accepted').length,
        arrived: new Set(events.map(each => (each.event === 'accepted' ? each.topic : null))).size - 1,
        shown: events.filter(each => each.event === 'shown').length,
        ledger: (await ledger()).states,
        deadLetters: dead.reduce((sum, { next }) => sum + next, 0),
      }
    },
    async close() {
      await Promise.allSettled([...members].map(member => member.kill()))
      await service?.stop()
      await around.close()
    },
  }
}
