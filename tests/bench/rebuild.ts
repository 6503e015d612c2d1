// How fast a changed list of features gets its states: the journal through the updater's fold in silence, beside another
// version, states in Redis, with the code of `offerstream rebuild`; beside it in the same run `replay`, states in memory.

import { setTimeout as sleep } from 'node:timers/promises'
import { refold } from '@offerstream/evaluation'
import { updaterName } from '@offerstream/feature-updater'
import { memoryLog, redisStore, runSuccessor, type Store } from '@offerstream/streaming'
import type { Bench, Progress, Report } from './bench.ts'
import { journalFold } from './journal.ts'
import { type Place, withPlace } from './place.ts'

const prefix = 'bench.'
const role = 'feature-updater'

export const rebuild: Bench = {
  says: 'rebuild events/s: the journal into the states of another list in Redis, beside replay',
  options: {
    events: { fallback: '300000', says: 'events in the journal, besides one profile per customer' },
    customers: { fallback: '30000', says: 'customers' },
    partitions: { fallback: '12', says: 'partitions' },
    rounds: { fallback: '2', says: 'times both are run, in turn' },
  },
  run: (settings, progress) => withPlace(progress, place => measure(place, settings, progress)),
}

type Run = { readonly eventsPerSecond: number; readonly eventsPerCpuSecond: number }

async function measure(place: Place, settings: Readonly<Record<string, string>>, progress: Progress): Promise<Report> {
  const { log, registry } = place
  const [events, customers, partitions, rounds] = ['events', 'customers', 'partitions', 'rounds'].map(each =>
    Number(settings[each]),
  ) as [number, number, number, number]
  const { total, fold } = await journalFold(log, registry, { prefix, partitions, customers, events }, progress)
  const store = redisStore({ url: place.redisUrl, prefix: `${prefix}os` })
  const rebuilds: Run[] = []
  const replays: Run[] = []
  try {
    for (let round = 1; round <= rounds; round++) {
      await place.redis.use(client => client.flushall())
      const ends = (await log.bounds(fold.input.path)).map(({ next }) => next - 1)
      await actAsOld(store, ends)
      rebuilds.push(
        await timed(total, async () => {
          // A group of its own each round: the positions of the one before mean nothing.
          const running = await runSuccessor(fold, { log, store, prefix: `round-${round}.` })
          try {
            for (let handled = 0; handled < total; await sleep(50)) {
              handled = await handledBy(store, partitions)
              progress(`rebuild, round ${round} of ${rounds}`, handled / total)
            }
          } finally {
            await running.stop()
          }
        }),
      )
      const target = memoryLog()
      let read = 0
      replays.push(
        await timed(total, () =>
          refold(fold, log, target, {
            batchRecords: 2000,
            onRecords(count) {
              read += count
              progress(`replay, round ${round} of ${rounds}`, read / total)
            },
          }),
        ),
      )
      await target.close()
    }
    const published = (await log.bounds(`${prefix}feature-updates`)).reduce((sum, { next }) => sum + next, 0)
    if (published > 0) throw new Error(`a rebuild published ${published} updates`)
  } finally {
    await store.close()
  }
  const row = (label: string, { eventsPerSecond, eventsPerCpuSecond }: Run) => [
    label,
    eventsPerSecond,
    eventsPerCpuSecond,
  ]
  return {
    title: `rebuild of ${total.toLocaleString('en')} journal records of ${customers.toLocaleString('en')} customers, ${partitions} partitions`,
    rows: [
      ['', 'events/s', 'per CPU-s'],
      ...rebuilds.map((run, at) => row(`rebuild, round ${at + 1}`, run)),
      ...replays.map((run, at) => row(`replay, round ${at + 1}`, run)),
    ],
    figures: { rebuilds, replays },
  }
}

async function timed(total: number, work: () => Promise<unknown>): Promise<Run> {
  const began = performance.now()
  const cpu = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(cpu)
  return {
    eventsPerSecond: (1000 * total) / (performance.now() - began),
    eventsPerCpuSecond: (1e6 * total) / (user + system),
  }
}

/** Another version that has applied all of the journal and serves. */
async function actAsOld(store: Store, ends: readonly number[]): Promise<void> {
  const nothing = { from: null, states: [], causes: new Map(), counts: new Map(), due: [], outbox: null }
  for (const [partition, to] of ends.entries()) {
    await store.appoint(role, partition, null, { fold: 'updater-old', publishesAfter: -1, term: 1 })
    await (await store.open('updater-old', partition)).save({ ...nothing, to })
  }
}

async function handledBy(store: Store, partitions: number): Promise<number> {
  const progress = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => store.peekProgress(updaterName, partition)),
  )
  return progress.reduce((sum, each) => sum + (each?.watermark ?? -1) + 1, 0)
}
