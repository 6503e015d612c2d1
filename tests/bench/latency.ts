// From the moment an event should have been sent until its offer is read and its push is decrypted. Each service, the
// sender, the observer and the push service are processes of their own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type PlaybookRecord, type TopicName, topics } from '@offerstream/contracts'
import { redisSubscriptions } from '@offerstream/push-dispatcher'
import { demoPromotions } from '@offerstream/ranker'
import { createWorld, customerRecords, playbookRecords } from '@offerstream/simulator'
import { freePorts, pushServiceClient, readPushLog } from '@offerstream/stack'
import { ensureTopics, openTopic, partitionOf, retrying } from '@offerstream/streaming'
import { build, type Histogram } from 'hdr-histogram-js'
import type { Bench, Progress, Report } from './bench.ts'
import { type Place, withPlace } from './place.ts'
import { cpuSeconds, type Started, start } from './processes.ts'

const prefix = 'bench.'
const seed = 11
const makingOffers = ['intake', 'feature-updater', 'offer-scorer'] as const

export const latency: Bench = {
  says: 'event to offer and event to push, open loop at given rates and at 80 % of saturation',
  options: {
    rates: { fallback: '100,1000', says: 'events per second, comma separated' },
    seconds: { fallback: '20', says: 'seconds measured per rate' },
    customers: { fallback: '12000', says: 'customers, each with a device' },
    partitions: { fallback: '2', says: 'partitions' },
    triggering: { fallback: '0.1', says: 'share of events that are purchases, which trigger a decision' },
    saturation: { fallback: 'find', says: 'find it by rising rates, skip it, or give it as events per second' },
    pushing: {
      fallback: 'yes',
      says: 'whether the push dispatcher runs beside it: no leaves the cores to what makes offers',
    },
    profile: { fallback: '', says: 'folder for CPU profiles of the services' },
  },
  run: (settings, progress) => withPlace(progress, place => measure(place, settings, progress)),
}

type Phase = {
  readonly rate: number
  readonly events: number
  readonly offers: number
  readonly pushes: number
  readonly toOffer: Quantiles
  readonly toPush: Quantiles
  /** Of one core, by process. */
  readonly cpu: Readonly<Record<string, number>>
  /** Whether the line kept up. */
  readonly sustained: boolean
}
type Quantiles = { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number }

async function measure(place: Place, settings: Readonly<Record<string, string>>, progress: Progress): Promise<Report> {
  const [seconds, customers, partitions] = ['seconds', 'customers', 'partitions'].map(each =>
    Number(settings[each]),
  ) as [number, number, number]
  const folder = mkdtempSync(join(tmpdir(), 'offerstream-latency-'))
  try {
    const line = await startLine(
      place,
      {
        customers,
        partitions,
        pushLog: join(folder, 'pushes.jsonl'),
        triggerShare: Number(settings['triggering']),
        services: settings['pushing'] === 'yes' ? [...makingOffers, 'push-dispatcher'] : makingOffers,
        profile: settings['profile']!,
      },
      progress,
    )
    progress('warming up')
    // Until the compilers of all of them, the broker's above all, have done their work.
    await line.phase(300, 10)
    await line.phase(1000, 30)
    const phases: Phase[] = []
    for (const rate of settings['rates']!.split(',').map(Number)) {
      progress(`${rate} events/s for ${seconds} s`)
      phases.push(await line.phase(rate, seconds))
    }
    let saturation: number | null = Number(settings['saturation'])
    if (settings['saturation'] === 'find') {
      saturation = null
      for (let rate = 600; ; rate = Math.round(rate * 1.3)) {
        progress(`looking for saturation: ${rate} events/s`)
        const { sustained } = await line.phase(rate, 8)
        if (!sustained) break
        saturation = rate
      }
    }
    if (saturation !== null && saturation > 0) {
      const rate = Math.round(0.8 * saturation)
      progress(`${rate} events/s for ${seconds} s, 80 % of saturation`)
      phases.push(await line.phase(rate, seconds))
    }
    const ms = (value: number): string => value.toFixed(1)
    const names = Object.keys(phases[0]!.cpu)
    const thousand = phases.find(({ rate }) => rate === 1000)
    return {
      title: `latency in milliseconds from the intended send, ${customers.toLocaleString('en')} customers, ${partitions} partitions`,
      rows: [
        ['events/s', 'events', 'offers', 'offer p50', 'p99', 'p99.9', 'pushes', 'push p50', 'p99', 'p99.9', 'kept up'],
        ...phases.map(({ rate, events, offers, pushes, toOffer, toPush, sustained }) => [
          rate,
          events,
          offers,
          ms(toOffer.p50),
          ms(toOffer.p99),
          ms(toOffer.p999),
          pushes,
          ms(toPush.p50),
          ms(toPush.p99),
          ms(toPush.p999),
          sustained ? 'yes' : 'NO',
        ]),
      ],
      remarks: [
        ...phases.map(
          ({ rate, cpu }) => `cores at ${rate}/s: ${names.map(name => `${name} ${cpu[name]!.toFixed(2)}`).join(', ')}`,
        ),
        saturation === null
          ? 'saturation: not even 600 events/s were sustained'
          : saturation > 0
            ? `saturation: ${saturation} events/s sustained over 8 s`
            : 'saturation was not looked for',
        ...(thousand === undefined
          ? []
          : [
              `goal at 1,000/s${settings['pushing'] === 'yes' ? '' : ', without the push dispatcher'}: event to offer p99 of 50 ms, ${thousand.toOffer.p99 <= 50 ? 'reached' : 'NOT reached'}`,
            ]),
      ],
      figures: { phases, saturation, reached: thousand === undefined ? null : thousand.toOffer.p99 <= 50 },
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

type LineSettings = {
  readonly customers: number
  readonly partitions: number
  readonly pushLog: string
  readonly triggerShare: number
  readonly services: readonly string[]
  readonly profile: string
}

async function startLine(
  place: Place,
  { customers, partitions, pushLog, triggerShare, services, profile }: LineSettings,
  progress: Progress,
) {
  const { log, registry, brokers } = place
  const environment = place.environment(prefix, partitions)
  await retrying(() => ensureTopics(log, { prefix, partitions, sources: true }), {
    signal: AbortSignal.timeout(60_000),
  })
  // A cold registry takes seconds for its first schemas: not what is measured.
  for (const name of Object.keys(topics) as TopicName[])
    await retrying(() => openTopic(registry, name, prefix), { signal: AbortSignal.timeout(60_000) })
  const playbook = await openTopic(registry, 'playbook', prefix)
  await log.append(
    playbook.path,
    0,
    (await permissivePlaybook()).map(record => ({ key: record.body.name, value: playbook.codec.encode(record) })),
  )

  const [pushPort, ...ports] = await freePorts(1 + services.length)
  const push = start('push-service', 'packages/stack/src/push-service-main.ts', { args: [`${pushPort}`, pushLog] })
  const running: Started[] = []
  for (const [at, name] of services.entries()) {
    const flags =
      profile === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${name}.cpuprofile`]
    running.push(
      start(name, `services/${name}/src/main.ts`, {
        environment: { ...environment, OFFERSTREAM_HTTP_PORT: `${ports[at]}` },
        flags,
      }),
    )
    progress(`starting ${name}`)
    await healthy(running.at(-1)!, ports[at]!)
  }

  const world = createWorld({ seed, customers, start: Date.now() - 1000 })
  const customersTopic = await openTopic(registry, 'customers', prefix)
  const client = pushServiceClient(`http://127.0.0.1:${pushPort}`)
  const subscriptions = redisSubscriptions({ url: place.redisUrl, prefix: `${prefix}os:push:` })
  let registered = 0
  for (const group of chunks([...customerRecords(world)], 50)) {
    await Promise.all(
      group.map(async record => {
        const handle = `device-${record.customer}`
        const profile = { ...record, consent: { push: true }, devices: [handle] }
        const { endpoint, keys } = await client.subscribe(handle)
        const address = { kind: 'web-push', endpoint, keys } as const
        await subscriptions.register(record.customer, handle, { address, at: Date.now(), expiresAt: null })
        await log.append(customersTopic.path, partitionOf(record.customer, partitions), [
          { key: record.customer, value: customersTopic.codec.encode(profile), timestamp: record.at },
        ])
      }),
    )
    registered += group.length
    progress('registering customers and devices', registered / customers)
  }
  await subscriptions.close()

  const shared = {
    brokers,
    registry: environment['OFFERSTREAM_REGISTRY_URL'],
    prefix,
    partitions,
    customers,
    seed,
    triggerShare,
  }
  const observer = start('observer', 'tests/bench/observer-main.ts', { args: [JSON.stringify(shared)] })
  await observer.hears('ready')
  const sender = start('sender', 'tests/bench/sender-main.ts', { args: [JSON.stringify(shared)] })
  await sender.hears('ready')
  const offers = new Map<string, { readonly n: number; readonly at: number }>()
  let lastOffer = performance.now()
  observer.process.on('message', message => {
    const { seen } = message as { seen?: readonly [string, string, number][] }
    for (const [offer, event, at] of seen ?? []) offers.set(offer, { n: Number.parseInt(event.split('/')[1]!, 36), at })
    if (seen !== undefined) lastOffer = performance.now()
  })
  const processes = {
    ...Object.fromEntries([...running, push, sender, observer].map(each => [each.name, each.pid])),
    kafka: place.brokerPid,
    redis: place.redisPid,
  }
  const cpus = () => Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, cpuSeconds(pid)]))

  return {
    /** Sends, waits until nothing comes any more, and answers what the offers and pushes of these events took. */
    async phase(rate: number, seconds: number): Promise<Phase> {
      const ended = sender.hears('ended')
      const began = sender.hears('began')
      sender.process.send({ rate, seconds })
      const { first, start, count } = (await began) as unknown as { first: number; start: number; count: number }
      const before = cpus()
      await ended
      const after = cpus()
      lastOffer = performance.now()
      while (performance.now() - lastOffer < 2000) await sleep(100)
      const intendedAt = (n: number): number => start + ((n - first) * 1000) / rate
      const isMine = ({ n }: { n: number }): boolean => n >= first && n < first + count
      const toOffer = histogram()
      const late = histogram()
      const mine = new Map([...offers].filter(([, offer]) => isMine(offer)))
      for (const { n, at } of mine.values()) {
        record(toOffer, at - intendedAt(n))
        if (n >= first + 0.75 * count) record(late, at - intendedAt(n))
      }
      const toPush = histogram()
      for (const event of readPushLog(pushLog)) {
        const offer = event.event === 'shown' && event.offer !== null ? mine.get(event.offer) : undefined
        if (offer !== undefined) record(toPush, event.at - intendedAt(offer.n))
      }
      return {
        rate,
        events: count,
        offers: toOffer.totalCount,
        pushes: toPush.totalCount,
        toOffer: quantiles(toOffer),
        toPush: quantiles(toPush),
        cpu: Object.fromEntries(Object.entries(after).map(([name, used]) => [name, (used - before[name]!) / seconds])),
        sustained:
          toOffer.totalCount > 0 &&
          late.getValueAtPercentile(50) < 500_000 &&
          late.getValueAtPercentile(99) < 1_000_000,
      }
    },
  }
}

/** The simulated operator's, with contact limits so wide that a trigger becomes an offer. */
async function permissivePlaybook(): Promise<PlaybookRecord[]> {
  const at = Date.now() - 1000
  const records = playbookRecords({ start: at }).filter(({ body }) => body.type !== 'experiment')
  const promotions = (await demoPromotions()).map(body => ({ at, body }))
  return [
    ...records.map(record =>
      record.body.type !== 'contact_policy'
        ? record
        : {
            ...record,
            body: {
              ...record.body,
              minimumGapMinutes: 0,
              offersPerWeek: 1000,
              offersPerCategoryPerWeek: 1000,
              sameItemGapDays: 0,
              quietFromHour: 0,
              quietToHour: 0,
              minimumValueMinor: 0,
            },
          },
    ),
    ...promotions,
  ]
}

async function healthy(service: Started, port: number): Promise<void> {
  const ended = service.hears('never')
  const deadline = performance.now() + 60_000
  for (;;) {
    const answer = await Promise.race([fetch(`http://127.0.0.1:${port}/health`).catch(() => null), ended])
    const health =
      answer instanceof Response ? ((await answer.json()) as { ok: boolean; lanes: readonly unknown[] }) : null
    if (health?.ok && health.lanes.length > 0) break
    if (performance.now() > deadline) throw new Error(`${service.name} was not healthy within 60 s`)
    await sleep(100)
  }
  ended.catch(() => {})
}

function* chunks<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size)
}

// Microseconds, to three digits, up to ten minutes.
const histogram = (): Histogram =>
  build({ lowestDiscernibleValue: 1, highestTrackableValue: 600_000_000, numberOfSignificantValueDigits: 3 })
const record = (into: Histogram, ms: number): void => into.recordValue(Math.max(1, Math.round(ms * 1000)))
const quantiles = (of: Histogram): Quantiles => ({
  p50: of.getValueAtPercentile(50) / 1000,
  p99: of.getValueAtPercentile(99) / 1000,
  p999: of.getValueAtPercentile(99.9) / 1000,
  max: of.maxValue / 1000,
})
