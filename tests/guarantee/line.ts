// The whole line behind one prefix: topics, playbook, customers and devices made, services as processes, a stream of
// events with late and repeated ones, and the wait until nothing is on its way any more.
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSourceWriter, surroundingsOf } from '@offerstream/cli'
import { type ContactPolicy, defaults, type PlaybookRecord, type Purchase, type Usage } from '@offerstream/contracts'
import { updaterName } from '@offerstream/feature-updater'
import { scorerName } from '@offerstream/offer-scorer'
import { redisSubscriptions } from '@offerstream/push-dispatcher'
import { modelsFolder, promotionOf } from '@offerstream/ranker'
import { arrivals, createWorld, customerRecords, playbookRecords, steady } from '@offerstream/simulator'
import { createClock, ensureTopics, openTopic, type Progress, type Surroundings } from '@offerstream/streaming'
import { type Member, startMember } from './member.ts'
import { pause, type Service, services, until, type World } from './world.ts'

export type LineOptions = {
  readonly world: World
  readonly name: string
  readonly seed: number
  readonly customers?: number
  /** Another Redis than the stack's. */
  readonly redis?: string
  /** Settings of every member. */
  readonly environment?: Readonly<Record<string, string>>
}

export type StartOptions = {
  /** `name:n` or `name:n:freeze`, see fail-point.ts. */
  readonly failsAt?: string
  readonly environment?: Readonly<Record<string, string>>
}

export type Line = Surroundings & {
  readonly world: World
  readonly redis: string
  /** Folder of the model registry. */
  readonly models: string
  readonly customers: readonly string[]
  readonly members: ReadonlySet<Member>
  start(service: Service, options?: StartOptions): Promise<Member>
  startAll(): Promise<void>
  /** Events from now on, so many a second; answers how to stop, which answers how many were written. */
  stream(perSecond: number): { stop(): Promise<number> }
  /** So many events at once, none of them repeated, as after an outage; answers how many were written. */
  backlog(count: number): Promise<number>
  /** Records a service has handled so far. */
  handled(service: Service): Promise<number>
  /** The model is promoted as champion under a version of its own. */
  promote(version: string): Promise<void>
  /** Throws when a member ended unasked. */
  assertWell(): void
  /** Waits until every fold of these services, all unless told, has applied all of its input and no push is open. */
  drained(of?: readonly Service[]): Promise<void>
  /** Drains and stops every member, intake first, whose ticks never end. */
  finish(): Promise<void>
  close(): Promise<void>
}

/** A fold's progress through a topic; the counts of a partition add up to the records it read. */
export type Passage = { readonly service: Service; readonly fold: string; readonly topic: string }

export const passages: readonly Passage[] = [
  ...['purchases', 'usage', 'engagements', 'customers', 'deliveries', 'campaigns'].map(topic => ({
    service: 'intake' as const,
    fold: `intake.${topic}@1`,
    topic,
  })),
  { service: 'feature-updater', fold: updaterName, topic: 'customer-events' },
  { service: 'offer-scorer', fold: scorerName, topic: 'feature-updates' },
  { service: 'push-dispatcher', fold: 'push-dispatcher', topic: 'next-best-offers' },
]

const partitions = 4
/** Clock milliseconds in one of the wall's: a purchase fires once an hour, and only if it is no older than one. */
const speed = 120
/** The least the broker takes is 2,000: who takes over from a killed member waits for this. */
const sessionTimeoutMs = 3000
const drainLimitMs = 60_000
const model = 'plan-ranker'
const firstVersion = '1'

/** Whatever can be pushed is: the scenarios are about what becomes of it. */
const generous: ContactPolicy = {
  ...defaults.ContactPolicy,
  name: 'default',
  minimumGapMinutes: 0,
  offersPerWeek: 100_000,
  offersPerCategoryPerWeek: 100_000,
  sameItemGapDays: 0,
  rejectionCoolDownDays: 0,
  quietFromHour: 0,
  quietToHour: 0,
  validHours: 672,
  offersPerItemPerMonth: 1_000_000,
  releaseSpreadMinutes: 0,
}

export async function openLine(options: LineOptions): Promise<Line> {
  const { world, name, seed, customers: count = 600 } = options
  const prefix = `${name}.`
  const redis = options.redis ?? world.addresses.redis
  const origin = Date.UTC(2025, 5, 10, 6)
  const map = { origin, since: Date.now(), speed }
  const around = surroundingsOf(
    { kind: 'local', addresses: { ...world.addresses, redis } } as Parameters<typeof surroundingsOf>[0],
    { prefix, partitions, clock: createClock(map) },
  )
  const { log, registry, store, clock } = around
  await ensureTopics(log, { prefix, partitions, sources: true })

  const models = join(world.folder, `${name}-models`)
  cpSync(modelsFolder, models, { recursive: true })
  const playbookTopic = await openTopic(registry, 'playbook', prefix)
  const decideBy = (bodies: readonly PlaybookRecord['body'][]): Promise<void> =>
    log.append(
      playbookTopic.path,
      0,
      bodies.map(body => ({ key: body.name, value: playbookTopic.codec.encode({ at: clock.now(), body }) })),
    )
  await decideBy([
    ...playbookRecords({ start: origin })
      .map(({ body }) => body)
      .filter(({ type }) => type !== 'contact_policy' && type !== 'experiment'),
    generous,
    await promotionOf(models, model, firstVersion),
  ])

  const subscriptions = redisSubscriptions({ url: redis, prefix: `${prefix}os:push:` })
  const customers: string[] = []
  const writer = await createSourceWriter(around)
  const profiles = [...customerRecords(createWorld({ seed, customers: count, start: origin }))]
  const deviceOf = (customer: string): string => `${name}-${customer}`
  await Promise.all(
    profiles.map(async ({ customer }) => {
      const device = deviceOf(customer)
      const { endpoint, keys } = await world.push.subscribe(device)
      const address = { kind: 'web-push', endpoint, keys } as const
      await subscriptions.register(customer, device, { address, at: Date.now(), expiresAt: null })
    }),
  )
  for (const profile of profiles) {
    customers.push(profile.customer)
    const devices = [deviceOf(profile.customer)]
    await writer.write('customers', { ...profile, consent: { push: true }, devices }, Date.now())
  }
  await writer.flush()
  await subscriptions.close()

  const environment = {
    OFFERSTREAM_KAFKA_BROKERS: world.addresses.brokers.join(),
    OFFERSTREAM_REDIS_URL: redis,
    OFFERSTREAM_REGISTRY_URL: world.addresses.registry,
    OFFERSTREAM_PREFIX: prefix,
    OFFERSTREAM_PARTITIONS: `${partitions}`,
    OFFERSTREAM_PUSH_LOCAL_DEVICES: 'true',
    OFFERSTREAM_CLOCK: `${map.origin}/${map.since}/${map.speed}`,
    OFFERSTREAM_MODELS: models,
    OFFERSTREAM_SESSION_TIMEOUT_MS: `${sessionTimeoutMs}`,
    OFFERSTREAM_FUTURE_LIMIT_MS: '3600000',
    // Small batches give a kill many edges to fall on.
    OFFERSTREAM_BATCH_RECORDS: '100',
    OFFERSTREAM_VAPID_PUBLIC_KEY: world.vapid.publicKey,
    OFFERSTREAM_VAPID_PRIVATE_KEY: world.vapid.privateKey,
    ...options.environment,
  }

  const members = new Set<Member>()
  let failure: Error | null = null
  const assertWell = (): void => {
    if (failure !== null) throw failure
  }
  const lags = async (of: readonly Service[]): Promise<readonly string[]> => {
    const behind: string[] = []
    for (const { fold, topic } of passages.filter(({ service }) => of.includes(service)))
      for (const [partition, { next }] of (await log.bounds(prefix + topic)).entries()) {
        const watermark = (await store.peekProgress(fold, partition))?.watermark ?? -1
        if (watermark + 1 < next) behind.push(`${fold}/${partition} is at ${watermark + 1} of ${next}`)
      }
    // Whoever takes a partition publishes what the one before it left behind: until then the watermarks tell too little.
    for (const service of of) {
      const mine = [...members].filter(member => member.service === service)
      if (mine.length === 0) continue
      const lanes = (await Promise.all(mine.map(member => member.lanes()))).flat()
      for (const { topic } of passages.filter(each => each.service === service)) {
        const ready = lanes.filter(lane => lane.topic === prefix + topic && lane.next >= lane.end)
        const owned = new Set(ready.map(({ partition }) => partition)).size
        if (owned < partitions) behind.push(`${service} is ready with ${owned} partitions of ${topic}`)
      }
    }
    for (let partition = 0; partition < partitions && of.includes('push-dispatcher'); partition++) {
      const open = openPushes(await store.peekProgress('push-dispatcher', partition))
      if (open > 0) behind.push(`push-dispatcher/${partition} has ${open} pushes open`)
    }
    return behind
  }

  let streams = 0
  /** Some late, some twice; every stream has ids of its own. */
  const eventsFrom = (start: number, perSecond: number, repeatShare = 0.02) => {
    const each = seed * 100 + streams++
    return arrivals(
      steady({ seed: each, customers: count, start, intervalMs: (speed * 1000) / perSecond, triggerShare: 0.3 }),
      { seed: each, lateShare: 0.02, maxLateMs: 1000 * speed, repeatShare, maxRepeatMs: 1000 * speed },
    )
  }
  const write = (event: Purchase | Usage): Promise<void> =>
    writer.write(event.type === 'usage' ? 'usage' : 'purchases', event, Date.now())

  const line: Line = {
    ...around,
    world,
    redis,
    models,
    customers,
    members,
    async start(service, { failsAt, environment: more } = {}) {
      assertWell()
      const member = await startMember(world, service, { ...environment, ...more }, failsAt)
      members.add(member)
      member.ended
        .catch(error => {
          failure ??= error
        })
        .finally(() => members.delete(member))
      return member
    },
    async startAll() {
      for (const service of services) await line.start(service)
    },
    stream(perSecond) {
      let going = true
      let written = 0
      const events = eventsFrom(clock.now(), perSecond)
      const writing = (async () => {
        for (const { arrivesAt, event } of events) {
          while (going && arrivesAt > clock.now()) await pause(10)
          if (!going) break
          await write(event)
          written++
        }
        await writer.flush()
      })()
      writing.catch(error => {
        failure ??= error
      })
      return {
        async stop() {
          going = false
          await writing
          return written
        },
      }
    },
    async backlog(length) {
      const perSecond = 1000
      let left = length
      for (const { event } of eventsFrom(clock.now() - (length / perSecond) * 1000 * speed, perSecond, 0)) {
        if (left-- === 0) break
        await write(event)
      }
      await writer.flush()
      return length
    },
    async handled(service) {
      let sum = 0
      for (const { fold, topic } of passages.filter(each => each.service === service))
        for (const partition of (await log.bounds(prefix + topic)).keys())
          sum += ((await store.peekProgress(fold, partition))?.watermark ?? -1) + 1
      return sum
    },
    async promote(version) {
      const folder = join(models, model, version)
      cpSync(join(models, model, firstVersion), folder, { recursive: true })
      const manifest = join(folder, 'manifest.json')
      writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, 'utf8')), version }))
      await decideBy([await promotionOf(models, model, version)])
    },
    assertWell,
    async drained(of = services) {
      // Deliveries come round again through intake, and between a save and its publication nothing waits: quiet once is not
      // enough.
      let quiet = 0
      await until(
        'the line is drained',
        async () => {
          assertWell()
          quiet = (await lags(of)).length === 0 ? quiet + 1 : 0
          return quiet >= 5
        },
        drainLimitMs,
        async () => (await lags(of)).join(', '),
      )
    },
    async finish() {
      await line.drained()
      const stop = (stopped: (member: Member) => boolean) =>
        Promise.all([...members].filter(stopped).map(m => m.stop()))
      await stop(({ service }) => service === 'intake')
      await line.drained()
      await stop(() => true)
      assertWell()
    },
    async close() {
      await Promise.allSettled([...members].map(member => member.kill()))
      await around.close()
    },
  }
  return line
}

/** Offers of a partition of which nobody knows yet what becomes of them. */
const openPushes = (progress: Progress | null): number =>
  ['decided', 'deferred', 'sending'].reduce((sum, state) => sum + (progress?.counts.get(`ledger/${state}`) ?? 0), 0)
