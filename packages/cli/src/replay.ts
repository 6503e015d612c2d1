// Decides the journal again: features, triggers and decisions through the folds that ran live, compared byte by byte.
import type { Decision, FeatureUpdate } from '@offerstream/contracts'
import { avroCodec } from '@offerstream/contracts'
import { compareBytes, type Difference, refold } from '@offerstream/evaluation'
import { createUpdater } from '@offerstream/feature-updater'
import { createScorer, followPlaybook, type PreparedAgain, prepareAgain, replayStep } from '@offerstream/offer-scorer'
import { createModels } from '@offerstream/ranker'
import { done, type Fold, memoryLog, openTopic, type Surroundings, skip } from '@offerstream/streaming'
import type { Output } from './output.ts'

export type ReplaySummary = {
  readonly records: number
  readonly decisions: number
  /** Bytes of decisions that came out otherwise; those that came out once only count whole. */
  readonly differingBytes: number
  readonly firstDifference: (Difference & { readonly decision: string }) | null
  /** Recorded decisions that the replay did not come to. */
  readonly missing: number
  /** Decisions that only the replay came to. */
  readonly extra: number
  /** Scores further than 1e-6 from the recorded ones. */
  readonly scoresApart: number
  readonly eventsPerSecond: number
}

export type ReplayOptions = {
  readonly from?: number
  readonly to?: number
  readonly batch: number
  readonly models: string
}

const codec = avroCodec('decision')

export async function replayCommand(
  surroundings: Surroundings,
  options: ReplayOptions,
  output: Output,
): Promise<ReplaySummary> {
  const { log, registry, prefix } = surroundings
  const events = await openTopic(registry, 'customer-events', prefix)
  const updates = await openTopic(registry, 'feature-updates', prefix)
  const decisions = await openTopic(registry, 'decisions', prefix)
  const offers = await openTopic(registry, 'next-best-offers', prefix)
  const models = createModels(options.models)
  const playbook = await followPlaybook(log, await openTopic(registry, 'playbook', prefix), models, output.progress)
  try {
    const recorded = new Map<string, Decision>()
    for (const [partition, { first, next }] of (await log.bounds(decisions.path)).entries())
      for await (const messages of log.read(decisions.path, partition, first, next)) {
        await decisions.codec.learn(messages.map(message => message.value))
        for (const message of messages) {
          const decision = decisions.codec.decode(message.value!)
          if (!recorded.has(decision.id)) recorded.set(decision.id, decision)
        }
      }

    const total = (await log.bounds(events.path)).reduce((sum, { first, next }) => sum + next - first, 0)
    const bar = output.bar('replay', total)
    const target = memoryLog()
    const began = performance.now()
    let records = 0
    const onRecords = (count: number): void => {
      records += count
      bar.update(records)
    }
    await refold(createUpdater({ events, updates }), log, target, { batchRecords: options.batch, onRecords })

    let differingBytes = 0
    let firstDifference: ReplaySummary['firstDifference'] = null
    let compared = 0
    let extra = 0
    let scoresApart = 0
    const seen = new Set<string>()
    const isAsked = (at: number): boolean =>
      at >= (options.from ?? Number.NEGATIVE_INFINITY) && at < (options.to ?? Number.POSITIVE_INFINITY)
    const live = createScorer({ updates, decisions, offers, playbook: playbook.current, models })
    const again: Fold<Parameters<typeof live.step>[0], FeatureUpdate, PreparedAgain | null> = {
      ...live,
      outputs: [],
      async prepare(batch) {
        const known = batch.flatMap(({ value }) => {
          const decision = recorded.get(value.id)
          return decision === undefined ? [] : [{ ...decision, update: value }]
        })
        const prepared = new Map(
          (await prepareAgain(known, playbook.at, models)).map((each, index) => [known[index]!.id, each]),
        )
        return batch.map(({ value }) => prepared.get(value.id) ?? null)
      },
      step(history, { value: update }, prepared) {
        const was = recorded.get(update.id)
        seen.add(update.id)
        if (was === undefined || prepared === null) {
          if (isAsked(update.at)) extra++
          return skip('not-recorded')
        }
        const { decision, history: after } = replayStep(history, { ...was, update }, prepared)
        if (isAsked(was.at)) {
          compared++
          scoresApart += prepared.scoresApart
          const difference = compareBytes(
            codec.encode(was),
            decision === null ? Buffer.alloc(0) : codec.encode(decision),
          )
          differingBytes += difference?.differing ?? 0
          if (difference !== null) firstDifference ??= { decision: was.id, ...difference.first }
        }
        return done(after)
      },
    }
    await refold(again, target, target, { batchRecords: options.batch })
    bar.stop()
    let missing = 0
    for (const decision of recorded.values())
      if (!seen.has(decision.id) && isAsked(decision.at)) {
        missing++
        differingBytes += codec.encode(decision).length
      }
    return {
      records,
      decisions: compared,
      differingBytes,
      firstDifference,
      missing,
      extra,
      scoresApart,
      eventsPerSecond: Math.round(records / ((performance.now() - began) / 1000)),
    }
  } finally {
    await playbook.stop()
    await models.close()
  }
}

export function replayText(summary: ReplaySummary): string {
  const { firstDifference } = summary
  return [
    `${summary.records} events decided again at ${summary.eventsPerSecond}/s: ${summary.decisions} decisions compared, ${summary.differingBytes} bytes differ`,
    ...(firstDifference === null
      ? []
      : [
          `first in ${firstDifference.decision} at byte ${firstDifference.offset}: kept …${firstDifference.expected}…, now …${firstDifference.found}…`,
        ]),
    ...(summary.missing > 0 ? [`${summary.missing} kept decisions were not come to again`] : []),
    ...(summary.extra > 0 ? [`${summary.extra} decisions were come to that are not kept`] : []),
    ...(summary.scoresApart > 0 ? [`${summary.scoresApart} scores lie further than 1e-6 from the kept ones`] : []),
  ].join('\n')
}
