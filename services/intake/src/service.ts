import { deadLettersKeptMs } from '@offerstream/contracts'
import type { Mapping } from '@offerstream/mapping'
import {
  deadLettersOf,
  ensureTopics,
  type Log,
  nearest,
  openTopic,
  Refused,
  type Running,
  run,
  type Surroundings,
} from '@offerstream/streaming'
import { createIntake } from './handler.ts'
import { type IntakeSource, mappedName, mappedSource } from './mapped-source.ts'
import { followPlaybook } from './playbook.ts'
import { startTicks } from './ticks.ts'

const sourceNames = ['purchases', 'usage', 'engagements', 'customers', 'deliveries', 'campaigns'] as const

export type IntakeOptions = {
  readonly futureLimitMs: number
  readonly tickLagRecords: number
  /** By name of the source: a topic of ours without its prefix, or a mapped topic. */
  readonly generations?: Readonly<Record<string, number>>
  /** How the company's own topics are read; a mapped topic that has the name of one of ours replaces it. */
  readonly mapping?: Mapping
}

/** Sources in, journal out; with ticks from the member that owns the playbook. */
export async function startIntake(surroundings: Surroundings, options: IntakeOptions): Promise<Running> {
  const { log, registry, prefix, partitions, clock, notice } = surroundings
  await ensureTopics(log, { prefix, partitions, sources: false })
  const mapped = (options.mapping?.sources ?? []).filter(({ kind }) => kind === 'topic')
  await ensureMapped(
    log,
    mapped.map(({ name }) => name),
  )
  const own = sourceNames.filter(name => !mapped.some(source => source.name === prefix + name))
  const sources: readonly IntakeSource[] = [
    ...((await Promise.all(own.map(name => openTopic(registry, name, prefix)))) as unknown as IntakeSource[]),
    ...mapped.map(source => mappedSource(registry, source)),
  ]
  const journal = await openTopic(registry, 'customer-events', prefix)
  const playbook = await followPlaybook(surroundings)

  const handler = createIntake({
    sources,
    journal,
    playbook: playbook.current,
    now: clock.now,
    futureLimitMs: options.futureLimitMs,
  })
  const running = await run(handler, {
    ...surroundings,
    generations: Object.fromEntries(
      Object.entries(options.generations ?? {}).map(([name, generation]) => [
        mapped.some(source => source.name === name) ? mappedName(name) : name,
        generation,
      ]),
    ),
  })
  let ours = false
  // The group of the ticker reads nothing: owning the playbook's one partition makes a member the one that ticks.
  const ticker = await log.subscribe(`${prefix}intake-ticks`, [playbook.path], {
    assigned: async () => {
      ours = true
      return (await log.bounds(playbook.path))[0]!.next
    },
    batch: async () => 'more',
    revoked: () => {
      ours = false
    },
  })
  const ticks = startTicks({
    log,
    journal,
    sources: sources.map(topic => topic.path),
    group: `${prefix}intake`,
    now: clock.now,
    isOurs: () => ours,
    lagRecords: options.tickLagRecords,
    ...(notice ? { notice } : {}),
  })
  return {
    ...running,
    done: Promise.race([running.done, ticker.done.then(() => running.done)]),
    async stop() {
      await ticks.stop()
      await playbook.stop()
      await ticker.stop()
      await running.stop()
    },
  }
}

/** A company's topics are there before they are read; what cannot be read of them needs a place to go. */
async function ensureMapped(log: Log, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return
  const there = await log.topicNames()
  const missing = paths.filter(path => !there.includes(path))
  if (missing.length > 0)
    throw new Refused(
      `the mapping names ${missing
        .map(path => {
          const candidates = there.filter(name => !name.startsWith('__') && !name.endsWith(deadLettersOf('')))
          return `${path}, which is no topic${candidates.length > 0 ? `; the nearest is ${nearest(path, candidates)}` : ''}`
        })
        .join(', and ')}`,
    )
  await log.ensureTopics(
    await Promise.all(
      paths.map(async path => ({
        name: deadLettersOf(path),
        partitions: (await log.bounds(path)).length,
        kept: deadLettersKeptMs,
        recordBytes: 16 * 1024 * 1024,
      })),
    ),
  )
}
