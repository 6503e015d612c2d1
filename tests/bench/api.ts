// The features API of an updater at work, on real Kafka and Redis. Updater and asker are processes of their own.
import { updaterName } from '@offerstream/feature-updater'
import { createWorld, customerRecords } from '@offerstream/simulator'
import { freePorts } from '@offerstream/stack'
import { ensureTopics, retrying } from '@offerstream/streaming'
import type { Bench, Progress, Report } from './bench.ts'
import { fillJournal, seed } from './journal.ts'
import { type Place, withPlace } from './place.ts'
import { cpuSeconds, start } from './processes.ts'
import { appliedBy } from './watch.ts'

const prefix = 'bench.'
const goalMs = 5
const warmUpSeconds = 3
const brokerWarmUpSeconds = 45

export const api: Bench = {
  says: 'features API under requests at a given rate, open loop, beside an updater under events at another',
  options: {
    requests: { fallback: '500', says: 'requests per second' },
    events: { fallback: '2000', says: 'events per second through the updater that answers' },
    seconds: { fallback: '15', says: 'seconds measured' },
    customers: { fallback: '20000', says: 'customers' },
    partitions: { fallback: '12', says: 'partitions' },
  },
  run: (settings, progress) => withPlace(progress, place => measure(place, settings, progress)),
}

type Measured = {
  readonly requests: number
  readonly perSecond: number
  /** Answers other than 200. */
  readonly wrong: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}
type Phase = Measured & {
  readonly eventsPerSecond: number
  /** Of one core. */
  readonly cpu: Readonly<Record<string, number>>
}

async function measure(place: Place, settings: Readonly<Record<string, string>>, progress: Progress): Promise<Report> {
  const [requests, events, seconds, customers, partitions] = [
    'requests',
    'events',
    'seconds',
    'customers',
    'partitions',
  ].map(each => Number(settings[each])) as [number, number, number, number, number]
  const { log, registry } = place
  await retrying(() => ensureTopics(log, { prefix, partitions, sources: true }), {
    signal: AbortSignal.timeout(60_000),
  })
  const [port, barePort] = await freePorts(2)
  const updater = start('feature-updater', 'services/feature-updater/src/main.ts', {
    environment: { ...place.environment(prefix, partitions), OFFERSTREAM_HTTP_PORT: `${port}` },
  })
  const applied = appliedBy(place, prefix, updaterName, partitions, updater)
  const reached = async (records: number): Promise<void> => {
    const ended = updater.hears('never')
    while ((await applied()) < records) {
      progress('the updater takes the journal', Math.min(1, (await applied()) / records))
      await Promise.race([new Promise(resolve => setTimeout(resolve, 50)), ended])
    }
    ended.catch(() => {})
  }

  // Ten events each, so that what is read is like what a customer of some days has; the paced ones follow.
  const history = customers * 10
  const gate = Promise.withResolvers<void>()
  const stopping = new AbortController()
  const feeding = fillJournal(
    log,
    registry,
    {
      ...{ prefix, partitions, customers, events: history + events * 600 },
      ...{ until: Date.now(), spanMs: 24 * 3_600_000 },
      paced: { after: customers + history, perSecond: events, begin: gate.promise, signal: stopping.signal },
    },
    progress,
  )
  await reached(customers + history)

  const asker = start('asker', 'tests/bench/asker-main.ts')
  await asker.hears('began')
  const ready = asker.hears('ready')
  const world = createWorld({ seed, customers, start: 0 })
  const names = [...customerRecords(world)].map(record => record.customer)
  asker.process.send({ port, customers: names })
  await ready
  const sample = await fetch(`http://127.0.0.1:${port}/customers/${names[0]}/features`)
  const bare = start('bare-server', 'tests/bench/bare-server-main.ts', {
    args: [`${barePort}`, `${(await sample.arrayBuffer()).byteLength}`],
  })
  await bare.hears('ready')
  const phase = async (length: number): Promise<Phase> => {
    const pids = {
      ...{ updater: updater.pid, asker: asker.pid, feeder: process.pid },
      ...{ kafka: place.brokerPid, redis: place.redisPid },
    }
    const used = () => Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid)]))
    const [before, from, began] = [used(), await applied(), performance.now()]
    const measured = asker.hears('measured')
    asker.process.send({ rate: requests, seconds: length })
    const answer = (await measured) as unknown as Measured
    const [after, to, took] = [used(), await applied(), (performance.now() - began) / 1000]
    return {
      ...answer,
      eventsPerSecond: (to - from) / took,
      cpu: Object.fromEntries(Object.entries(after).map(([name, now]) => [name, (now - before[name]!) / took])),
    }
  }
  progress('warming up')
  await phase(warmUpSeconds)
  progress(`${requests} requests/s, no events, ${Math.ceil(seconds / 2)} s`)
  const alone = await phase(Math.ceil(seconds / 2))
  gate.resolve()
  progress(`the broker warms up, ${brokerWarmUpSeconds} s`)
  await phase(brokerWarmUpSeconds)
  progress(`${requests} requests/s beside ${events} events/s, ${seconds} s`)
  const beside = await phase(seconds)
  progress(`${requests} requests/s of a bare server beside ${events} events/s, ${Math.ceil(seconds / 2)} s`)
  const turned = asker.hears('ready')
  asker.process.send({ port: barePort, customers: names })
  await turned
  await phase(warmUpSeconds)
  const floor = await phase(Math.ceil(seconds / 2))
  stopping.abort()
  await feeding

  const ms = (value: number): string => value.toFixed(2)
  const row = (label: string, { perSecond, eventsPerSecond, p50, p99, p999, max, wrong }: Phase) => [
    ...[label, perSecond, eventsPerSecond, ms(p50), ms(p99), ms(p999), ms(max), wrong],
  ]
  const isReached = beside.p99 <= goalMs && beside.wrong === 0
  return {
    title: `features API in milliseconds from the intended request, ${customers.toLocaleString('en')} customers, ${partitions} partitions`,
    rows: [
      ['', 'requests/s', 'events/s', 'p50', 'p99', 'p99.9', 'max', 'not 200'],
      row('alone', alone),
      row('beside events', beside),
      row('a bare server, beside events', floor),
    ],
    remarks: [
      `cores beside events: ${Object.entries(beside.cpu)
        .map(([name, share]) => `${name} ${share.toFixed(2)}`)
        .join(', ')}`,
      `goal: p99 of ${goalMs} ms beside ${events} events/s, ${isReached ? 'reached' : 'NOT reached'}`,
    ],
    figures: { alone, beside, floor, goalMs, reached: isReached },
  }
}
