import { applyRecord, checkRecord, emptyPlaybook, passOver } from '@offerstream/catalogue'
import type { TopicName } from '@offerstream/contracts'
import { names } from '@offerstream/features'
import {
  ensureTopics,
  follow,
  openTopic,
  type Running,
  run,
  type Surroundings,
  type Topic,
} from '@offerstream/streaming'
import { createIntake } from './handler.ts'
import { startTicks } from './ticks.ts'
import type { SourceEvent } from './validate.ts'

const sourceNames = ['purchases', 'usage', 'engagements', 'customers', 'deliveries', 'campaigns'] as const

export type IntakeOptions = {
  readonly futureLimitMs: number
  readonly tickLagRecords: number
  readonly generations?: Readonly<Partial<Record<TopicName, number>>>
}

/** Sources in, journal out; with ticks from the member that owns the playbook. */
export async function startIntake(surroundings: Surroundings, options: IntakeOptions): Promise<Running> {
  const { log, registry, prefix, partitions, clock, notice } = surroundings
  await ensureTopics(log, { prefix, partitions, sources: false })
  const sources = (await Promise.all(
    sourceNames.map(name => openTopic(registry, name, prefix)),
  )) as unknown as Topic<SourceEvent>[]
  const journal = await openTopic(registry, 'customer-events', prefix)
  const playbookTopic = await openTopic(registry, 'playbook', prefix)
  let playbook = emptyPlaybook
  // What the scorer passes over is passed over here too, so that stamps and decisions go by the same playbook.
  const following = await follow(
    log,
    playbookTopic,
    (record, { offset }) => {
      const wrong = checkRecord(record, names, playbook).length > 0
      playbook = wrong ? passOver(playbook, offset) : applyRecord(playbook, record, offset)
    },
    notice,
  )

  const handler = createIntake({
    sources,
    journal,
    playbook: () => playbook,
    now: clock.now,
    futureLimitMs: options.futureLimitMs,
  })
  const running = await run(handler, {
    ...surroundings,
    ...(options.generations ? { generations: options.generations } : {}),
  })
  let ours = false
  // The group of the ticker reads nothing: owning the playbook's one partition makes a member the one that ticks.
  const ticker = await log.subscribe(`${prefix}intake-ticks`, [playbookTopic.path], {
    assigned: async () => {
      ours = true
      return (await log.bounds(playbookTopic.path))[0]!.next
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
      await following.stop()
      await ticker.stop()
      await running.stop()
    },
  }
}
