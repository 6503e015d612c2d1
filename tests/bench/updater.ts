// Feature-updater on real Kafka and Redis, beside the most a kafkajs process does with the same bytes.

import { mkdirSync } from 'node:fs'
import { updaterName } from '@offerstream/feature-updater'
import { ensureTopics, retrying } from '@offerstream/streaming'
import { Kafka, logLevel } from 'kafkajs'
import type { Bench, Progress } from './bench.ts'
import { fillJournal } from './journal.ts'
import { type Place, usedMemory, withPlace } from './place.ts'
import { start } from './processes.ts'
import { appliedBy, type Run, watch } from './watch.ts'

const day = 24 * 3_600_000
const prefix = 'bench.'
const name = (topic: string): string => `${prefix}${topic}`

export const updater: Bench = {
  says: 'feature-updater events/s and events per CPU-second, beside the raw ceiling of kafkajs',
  options: {
    events: { fallback: '300000', says: 'events in the journal, besides one profile per customer' },
    customers: { fallback: '100000', says: 'customers' },
    partitions: { fallback: '12', says: 'partitions' },
    rounds: { fallback: '2', says: 'times both are run, in turn' },
    profile: { fallback: '', says: 'folder for a CPU profile of the updater' },
  },
  run: (settings, progress) => withPlace(progress, place => measure(place, settings, progress)),
}

async function measure(place: Place, settings: Readonly<Record<string, string>>, progress: Progress) {
  const [events, customers, partitions, rounds] = ['events', 'customers', 'partitions', 'rounds'].map(each =>
    Number(settings[each]),
  ) as [number, number, number, number]
  const environment = place.environment(prefix, partitions)
  await makeTopics(place, partitions)
  const until = Date.now()
  const total = await fillJournal(
    place.log,
    place.registry,
    { prefix, partitions, customers, events, until, spanMs: day },
    progress,
  )

  const ours: Run[] = []
  const ceilings: Run[] = []
  let bytesPerCustomer = 0
  let updates = 0
  for (let round = 1; round <= rounds; round++) {
    await forget(place)
    const before = await usedMemory(place.redis)
    const flags = settings['profile'] ? ['--cpu-prof', `--cpu-prof-dir=${settings['profile']}`] : []
    if (settings['profile']) mkdirSync(settings['profile'], { recursive: true })
    const child = start('feature-updater', 'services/feature-updater/src/main.ts', { environment, flags })
    const applied = await watch(
      `updater, round ${round} of ${rounds}`,
      child,
      place,
      customers,
      total,
      appliedBy(place, prefix, updaterName, partitions, child),
      progress,
    )
    ours.push(applied)
    bytesPerCustomer = ((await usedMemory(place.redis)) - before) / customers
    await child.stop()
    if (round === 1)
      updates = (await place.log.bounds(name('feature-updates'))).reduce((sum, { next }) => sum + next, 0)

    const bare = start('ceiling', 'tests/bench/ceiling-main.ts', {
      args: [
        JSON.stringify({
          brokers: place.brokers,
          journal: name('customer-events'),
          updates: name('feature-updates'),
          copies: name('copies'),
          group: `ceiling-${round}`,
          share: updates / total,
        }),
      ],
    })
    await place.log.ensureTopics([{ name: name('copies'), partitions, kept: day }])
    let consumed = 0
    bare.process.on('message', message => {
      consumed = (message as { consumed?: number }).consumed ?? consumed
    })
    ceilings.push(
      await watch(
        `ceiling, round ${round} of ${rounds}`,
        bare,
        place,
        customers,
        total,
        async () => consumed,
        progress,
      ),
    )
    await bare.stop()
  }
  const best = fastest(ours)
  const ceiling = fastest(ceilings)
  const ratio = best.eventsPerCpuSecond / ceiling.eventsPerCpuSecond
  const row = (label: string, run: Run) => [
    label,
    run.eventsPerSecond,
    run.eventsPerCpuSecond,
    run.eventsPerCpuSecondAllIn,
    run.cpuShare,
    run.residentMb,
  ]
  const goal = Math.min(15_000, 0.3 * ceiling.eventsPerCpuSecond)
  return {
    title: `feature-updater: ${events.toLocaleString('en')} events of ${customers.toLocaleString('en')} customers, ${partitions} partitions, ${updates.toLocaleString('en')} updates`,
    rows: [
      ['', 'events/s', 'per CPU-s', 'per CPU-s all in', 'cores', 'MB resident'],
      ...ours.map((run, at) => row(`updater, round ${at + 1}`, run)),
      ...ceilings.map((run, at) => row(`ceiling, round ${at + 1}`, run)),
    ],
    remarks: [
      `best round against best round: ${(100 * ratio).toFixed(0)} % of the ceiling per CPU-second, ${((100 * best.eventsPerSecond) / ceiling.eventsPerSecond).toFixed(0)} % by the clock`,
      `goal on one core: ${Math.round(goal).toLocaleString('en')} events per CPU-second, ${best.eventsPerCpuSecond >= goal ? 'reached' : 'NOT reached'}`,
      `Redis after ${(events / customers).toFixed(1)} events per customer: ${Math.round(bytesPerCustomer)} bytes of used memory per customer, keys included (see pnpm bench memory)`,
    ],
    figures: {
      updater: ours,
      ceiling: ceilings,
      ratio,
      goal,
      reached: best.eventsPerCpuSecond >= goal,
      updates,
      bytesPerCustomer,
    },
  }
}

/** By CPU: the clock depends on what else the machine does. */
const fastest = (runs: readonly Run[]): Run =>
  runs.reduce((best, run) => (run.eventsPerCpuSecond > best.eventsPerCpuSecond ? run : best))

async function makeTopics({ log }: Place, partitions: number): Promise<void> {
  // A broker that has only just started may need a moment to lead what it was given.
  await retrying(() => ensureTopics(log, { prefix, partitions, sources: true }), {
    signal: AbortSignal.timeout(60_000),
  })
}

/** A new run over the same journal: no states, no committed offsets. */
async function forget({ redis, brokers }: Place): Promise<void> {
  await redis.use(client => client.flushall())
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const { groups } = await admin.listGroups()
  const mine = groups.map(({ groupId }) => groupId).filter(group => group === name(updaterName))
  if (mine.length > 0) await admin.deleteGroups(mine)
  await admin.disconnect()
}
