// How fast history is decided again: the journal through the feature updater's fold, states in memory, with the code that
// `offerstream replay` uses.

import { mkdirSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import { refold } from '@offerstream/evaluation'
import { type Log, memoryLog, memoryRegistry, type Registry } from '@offerstream/streaming'
import type { Bench, Progress, Report } from './bench.ts'
import { journalFold } from './journal.ts'
import { withPlace } from './place.ts'

export const replay: Bench = {
  says: "replay events/s: the journal through the updater's fold again",
  options: {
    events: { fallback: '300000', says: 'events in the journal, besides one profile per customer' },
    customers: { fallback: '30000', says: 'customers' },
    partitions: { fallback: '12', says: 'partitions' },
    from: { fallback: 'kafka', says: 'where the journal is read from: kafka or memory' },
    rounds: { fallback: '2', says: 'times it is replayed' },
    profile: { fallback: '', says: 'folder for a CPU profile' },
  },
  async run(settings, progress) {
    if (settings['from'] !== 'memory')
      return withPlace(progress, ({ log, registry }) => measure(log, registry, settings, progress))
    const log = memoryLog()
    return measure(log, memoryRegistry(), settings, progress).finally(() => log.close())
  },
}

async function measure(
  log: Log,
  registry: Registry,
  settings: Readonly<Record<string, string>>,
  progress: Progress,
): Promise<Report> {
  const [events, customers, partitions, rounds] = ['events', 'customers', 'partitions', 'rounds'].map(each =>
    Number(settings[each]),
  ) as [number, number, number, number]
  const { total, fold } = await journalFold(
    log,
    registry,
    { prefix: 'bench.', partitions, customers, events },
    progress,
  )
  const stopProfile = settings['profile'] ? await profile(settings['profile']) : null
  const runs = []
  for (let round = 1; round <= rounds; round++) {
    const target = memoryLog()
    const began = performance.now()
    const cpu = process.cpuUsage()
    let records = 0
    await refold(fold, log, target, {
      batchRecords: 2000,
      onRecords(count) {
        records += count
        progress(`replay, round ${round} of ${rounds}`, records / total)
      },
    })
    const { user, system } = process.cpuUsage(cpu)
    const seconds = (performance.now() - began) / 1000
    runs.push({ eventsPerSecond: records / seconds, eventsPerCpuSecond: (records / (user + system)) * 1e6 })
    await target.close()
  }
  await stopProfile?.()
  return {
    title: `replay of ${total.toLocaleString('en')} journal records of ${customers.toLocaleString('en')} customers from ${settings['from']}`,
    rows: [
      ['', 'events/s', 'per CPU-s'],
      ...runs.map((run, at) => [`round ${at + 1}`, run.eventsPerSecond, run.eventsPerCpuSecond]),
    ],
    figures: { runs },
  }
}

async function profile(folder: string): Promise<() => Promise<void>> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  return async () => {
    const { profile } = await session.post('Profiler.stop')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'replay.cpuprofile'), JSON.stringify(profile))
  }
}
