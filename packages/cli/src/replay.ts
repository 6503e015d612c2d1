// Decides the journal again: features, triggers and decisions through the folds that ran live, compared byte by byte, one
// partition after the other. The past is only read, what the folds publish stays in memory: no effect is possible.
import { avroCodec, type Decision, type FeatureUpdate } from '@offerstream/contracts'
import { compareBytes, type FieldDifference, fieldDifference, refold } from '@offerstream/evaluation'
import { createUpdater } from '@offerstream/feature-updater'
import { names } from '@offerstream/features'
import {
  createScorer,
  type FollowedPlaybook,
  followPlaybook,
  type PreparedAgain,
  prepareAgain,
  replayStep,
} from '@offerstream/offer-scorer'
import { createModels } from '@offerstream/ranker'
import { done, type Fold, memoryLog, openTopic, skip } from '@offerstream/streaming'
import type { Output } from './output.ts'
import { isImported, type Past, recordsById } from './replay-past.ts'
import { type Edge, rangeOf } from './replay-range.ts'

export type ReplaySummary = {
  readonly records: number
  readonly decisions: number
  /** Bytes of decisions and updates that came out otherwise; those that came out once only count whole. */
  readonly differingBytes: number
  readonly firstDifference: FirstDifference | null
  /** Feature updates compared by themselves, as far as their topic still keeps them. */
  readonly updates: number
  /** Recorded decisions and updates that the replay did not come to. */
  readonly missing: number
  /** Decisions that only the replay came to. */
  readonly extra: number
  /** Scores further than 1e-6 from the recorded ones. */
  readonly scoresApart: number
  /** Decisions of other systems, which are not decided again. */
  readonly imported: number
  readonly eventsPerSecond: number
}

type FirstDifference = FieldDifference & {
  readonly record: 'decision' | 'update'
  readonly id: string
  readonly customer: string
  /** Place of the first byte that differs. */
  readonly byte: number
}

export type ReplayOptions = {
  readonly from?: Edge
  readonly to?: Edge
  readonly batch: number
  readonly models: string
}

export async function replayCommand(
  past: Past,
  options: ReplayOptions,
  output: Pick<Output, 'progress' | 'bar'>,
): Promise<ReplaySummary> {
  const { log, registry, prefix } = past
  const events = await openTopic(registry, 'customer-events', prefix)
  const updates = await openTopic(registry, 'feature-updates', prefix)
  const decisions = await openTopic(registry, 'decisions', prefix)
  const offers = await openTopic(registry, 'next-best-offers', prefix)
  const range = await rangeOf(log, events, options.from, options.to)
  const bounds = await log.bounds(events.path)
  const models = createModels(options.models)
  let playbook: FollowedPlaybook | null = null
  const bar = output.bar(
    'replay',
    bounds.reduce((sum, { first, next }) => sum + next - first, 0),
  )
  const began = performance.now()
  let records = 0
  const tally = createTally()
  try {
    playbook = await followPlaybook(log, await openTopic(registry, 'playbook', prefix), models, output.progress)
    const { at: playbookAt, current } = playbook
    for (const partition of bounds.keys()) {
      const recorded = await recordsById(past, decisions, partition)
      for (const [id, { update }] of recorded)
        if (isImported(id, update)) {
          recorded.delete(id)
          tally.imported++
        }
      const keptUpdates = await recordsById(past, updates, partition)

      const target = memoryLog()
      const onRecords = (count: number): void => {
        records += count
        bar.update(records)
      }
      const partitions = [partition]
      await refold(createUpdater({ events, updates }), log, target, {
        batchRecords: options.batch,
        partitions,
        onRecords,
      })

      const live = createScorer({ updates, decisions, offers, playbook: current, models })
      const again: Fold<Parameters<typeof live.step>[0], FeatureUpdate, PreparedAgain | null> = {
        ...live,
        outputs: [],
        async prepare(batch) {
          const known = batch.flatMap(({ value }) => {
            const decision = recorded.get(value.id)
            return decision === undefined ? [] : [{ ...decision, update: value }]
          })
          const prepared = new Map(
            (await prepareAgain(known, playbookAt, models)).map((each, index) => [known[index]!.id, each]),
          )
          return batch.map(({ value }) => prepared.get(value.id) ?? null)
        },
        step(history, { value: update }, prepared) {
          const { id, at } = update
          const isAsked = range.includes(at, id)
          const keptUpdate = keptUpdates.get(id)
          keptUpdates.delete(id)
          if (isAsked && keptUpdate !== undefined) tally.compareUpdates(keptUpdate, update)
          const was = recorded.get(id)
          recorded.delete(id)
          if (was === undefined || prepared === null) {
            if (isAsked) tally.extra++
            return skip('not-recorded')
          }
          const { decision, history: after } = replayStep(history, { ...was, update }, prepared)
          if (isAsked) {
            tally.scoresApart += prepared.scoresApart
            tally.compareDecisions(was, decision)
          }
          return done(after)
        },
      }
      await refold(again, target, target, { batchRecords: options.batch, partitions })
      await target.close()
      for (const each of recorded.values()) if (range.includes(each.at, each.id)) tally.missDecision(each)
      for (const each of keptUpdates.values()) if (range.includes(each.at, each.id)) tally.missUpdate(each)
    }
  } finally {
    bar.stop()
    await playbook?.stop()
    await models.close()
  }
  const { compareDecisions: _, compareUpdates: __, missDecision: ___, missUpdate: ____, ...counts } = tally
  return { records, ...counts, eventsPerSecond: Math.round(records / ((performance.now() - began) / 1000)) }
}

const decisionCodec = avroCodec('decision')
const updateCodec = avroCodec('feature-update')

function createTally() {
  const tally = {
    decisions: 0,
    differingBytes: 0,
    firstDifference: null as FirstDifference | null,
    updates: 0,
    missing: 0,
    extra: 0,
    scoresApart: 0,
    imported: 0,
    compareDecisions(was: Decision, anew: Decision | null): void {
      tally.decisions++
      compare('decision', was, anew, decisionCodec)
    },
    compareUpdates(was: FeatureUpdate, anew: FeatureUpdate): void {
      tally.updates++
      compare('update', was, anew, updateCodec)
    },
    missDecision(was: Decision): void {
      tally.missing++
      compare('decision', was, null, decisionCodec)
    },
    missUpdate(was: FeatureUpdate): void {
      tally.missing++
      compare('update', was, null, updateCodec)
    },
  }
  const compare = <T extends { readonly id: string; readonly customer: string }>(
    record: FirstDifference['record'],
    was: T,
    anew: T | null,
    codec: { encode(value: T): Buffer },
  ): void => {
    const difference = compareBytes(codec.encode(was), anew === null ? Buffer.alloc(0) : codec.encode(anew))
    if (difference === null) return
    tally.differingBytes += difference.differing
    if (tally.firstDifference !== null) return
    const { field, ...sides } = (anew === null ? null : fieldDifference(was, anew)) ?? {
      field: record,
      recorded: was.id,
      anew: anew === null ? 'nothing' : 'equal in every field',
    }
    tally.firstDifference = {
      record,
      id: was.id,
      customer: was.customer,
      field: named(field),
      ...sides,
      byte: difference.first.offset,
    }
  }
  return tally
}

/** A place in the vector with the name of its feature. */
const named = (field: string): string =>
  field.replace(/features\[(\d+)\]$/, (place, index) => `${place} (${names[Number(index)] ?? 'beyond the list'})`)

export function replayText(summary: ReplaySummary): string {
  const { firstDifference: first } = summary
  return [
    `${summary.records} events decided again at ${summary.eventsPerSecond}/s: ${summary.decisions} decisions and ${summary.updates} feature updates compared, ${summary.differingBytes} bytes differ`,
    ...(first === null
      ? []
      : [
          `first in ${first.record} ${first.id} of ${first.customer}, at byte ${first.byte}: ${first.field} is recorded as ${first.recorded}, and is ${first.anew} anew`,
        ]),
    ...(summary.missing > 0 ? [`${summary.missing} recorded decisions and updates were not come to again`] : []),
    ...(summary.extra > 0 ? [`${summary.extra} decisions were come to that are not recorded`] : []),
    ...(summary.imported > 0 ? [`${summary.imported} decisions of other systems were left out`] : []),
    ...(summary.scoresApart > 0 ? [`${summary.scoresApart} scores lie further than 1e-6 from the recorded ones`] : []),
  ].join('\n')
}
