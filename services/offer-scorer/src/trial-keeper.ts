// Automatic rollback. What decisions say of versions on trial is counted by partition; every scorer looks at the counts of
// all of them, and whoever sees a guardrail tripped retires the version by a record of the playbook. That record is what
// everybody follows: it survives restarts, every decision names the playbook version it was taken by, and so a replay
// changes over where the line did.
import { randomUUID } from 'node:crypto'
import { emptyPlaybook, type Playbook, promotionKey, type Trial, trialsOf } from '@offerstream/catalogue'
import type { Decision, Delivery, PlaybookRecord } from '@offerstream/contracts'
import {
  type Clock,
  expectsOffset,
  type Keeps,
  keptIn,
  type Log,
  type Metrics,
  type Store,
  type Topic,
  Transient,
} from '@offerstream/streaming'
import type { FollowedPlaybook } from './playbook.ts'
import { keeperName } from './reserve.ts'
import { type Evidence, merged, observe, trippedBy } from './trial.ts'

/** Evidence by promotion. */
export type Trials = Readonly<Record<string, Evidence>>

const states = {
  encode: (trials: Trials): Buffer => Buffer.from(JSON.stringify(trials)),
  decode: (bytes: Buffer): Trials => JSON.parse(bytes.toString('utf8')) as Trials,
}
const empty: Trials = {}

/** Evidence from a partition's decisions; what is no longer on trial is forgotten. */
export function keepTrials(playbook: Pick<FollowedPlaybook, 'at'>): Keeps<Trials, Decision | Delivery> {
  const mayTry = new WeakMap<Playbook, boolean>()
  /** Of a topic that was recreated nobody knows the versions of before. */
  const playbookOf = ({ playbookVersion }: Decision): Playbook => {
    try {
      return playbook.at(playbookVersion)
    } catch (error) {
      if (error instanceof RangeError) return emptyPlaybook
      throw error
    }
  }
  return {
    states,
    empty,
    add(trials, { value }) {
      if ('state' in value) return trials
      const then = playbookOf(value)
      let may = mayTry.get(then)
      if (may === undefined) {
        // Whatever the moment.
        may = trialsOf(then, Number.NEGATIVE_INFINITY).length > 0
        mayTry.set(then, may)
      }
      const under = may ? trialsOf(then, value.at) : []
      if (under.length === 0) return Object.keys(trials).length === 0 ? trials : empty
      return Object.fromEntries(
        under.flatMap(trial => {
          const key = promotionKey(trial.promotion)
          const evidence = observe(trials[key], value, trial, then)
          return evidence === undefined ? [] : [[key, evidence]]
        }),
      )
    },
  }
}

/** Evidence of all partitions by now, as last saved. */
export async function readTrials(store: Pick<Store, 'peek'>, partitions: number): Promise<Trials> {
  const { fold, key } = keptIn(keeperName, 'decisions')
  const all = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => store.peek(fold, partition, [key])),
  )
  const sum: Record<string, Evidence> = {}
  for (const [bytes] of all)
    for (const [name, evidence] of Object.entries(bytes == null ? empty : states.decode(bytes)))
      sum[name] = sum[name] === undefined ? evidence : merged(sum[name], evidence)
  return sum
}

/** Rows that this process had scored, and those that the second implementation scored. */
export type Served = { readonly rows: number; readonly fellBack: number }

/** Counts what models tell of their rows. */
export function countServed(): {
  scored(model: string, rows: number): void
  fellBack(model: string, rows: number): void
  of(model: string): Served
} {
  const counts = new Map<string, { rows: number; fellBack: number }>()
  const countsOf = (model: string) => {
    const known = counts.get(model) ?? { rows: 0, fellBack: 0 }
    counts.set(model, known)
    return known
  }
  return {
    scored(model, rows) {
      countsOf(model).rows += rows
    },
    fellBack(model, rows) {
      countsOf(model).fellBack += rows
    },
    of: countsOf,
  }
}

/** Fewer rows say nothing of a runtime. */
const leastRows = 1000

function fallbackTrip({ rows, fellBack }: Served, { promotion }: Trial): string | null {
  const { fallbackShare } = promotion.guardrails
  return rows >= leastRows && fellBack > rows * fallbackShare
    ? `fallbackShare: the native runtime failed or was too slow for ${fellBack} of ${rows} rows, at most ${fallbackShare} of them`
    : null
}

export type TrialWatch = {
  readonly log: Log
  readonly topic: Topic<PlaybookRecord>
  readonly playbook: Pick<FollowedPlaybook, 'current' | 'catchUp'>
  readonly store: Pick<Store, 'peek'>
  readonly partitions: number
  readonly clock: Clock
  /** What of a model's rows, named name/version, this process knows. */
  readonly served: (model: string) => Served
  readonly notice?: (line: string) => void
  readonly metrics?: Metrics | undefined
}

const mostTries = 5

/** Judges every trial under way. Several may do so at a time, on any machine: of their records one holds. */
export function watchTrials(around: TrialWatch): {
  /** What it retired just now. */
  look(): Promise<readonly string[]>
} {
  const { playbook, clock, store, partitions, served, notice = () => {}, metrics } = around
  return {
    async look() {
      const retired: string[] = []
      const trials = trialsOf(playbook.current(), clock.now())
      if (trials.length === 0) return retired
      const seen = await readTrials(store, partitions)
      for (const trial of trials) {
        const key = promotionKey(trial.promotion)
        const evidence = seen[key]
        const reason =
          (evidence?.since === trial.since.version ? trippedBy(evidence, trial.promotion.guardrails) : null) ??
          fallbackTrip(served(key), trial)
        if (reason === null || !(await retire(around, trial, reason))) continue
        retired.push(key)
        metrics?.record('offerstream_rollbacks_total', 1, key, reason.split(':')[0]!)
        notice(`model ${key} is retired, ${reason}`)
      }
      return retired
    },
  }
}

/**
 * Puts the record that retires a version, by compare-and-set on the playbook's version: it is void where somebody was
 * faster. False where it was somebody else who ended the trial.
 */
async function retire({ log, topic, playbook, clock }: TrialWatch, trial: Trial, reason: string): Promise<boolean> {
  const put = randomUUID()
  for (let tries = 0; tries < mostTries; tries++) {
    // Everything before this place is known below; what is void, and no version, has a place too.
    const { next } = (await log.bounds(topic.path))[0]!
    await playbook.catchUp()
    const { promoted, promotions } = playbook.current()
    const key = promotionKey(trial.promotion)
    if (promoted.get(key)?.version !== trial.since.version) return false
    const record = { at: clock.now(), body: { ...promotions.get(key)!, stage: 'retired', reason } } as const
    await log.append(topic.path, 0, [
      {
        key: record.body.name,
        value: topic.codec.encode(record),
        headers: { by: 'offer-scorer', put, [expectsOffset]: `${next}` },
      },
    ])
    for await (const [first] of log.read(topic.path, 0, next, next + 1))
      if (first?.headers['put'] === put) {
        await playbook.catchUp()
        return true
      }
  }
  throw new Transient(`model ${promotionKey(trial.promotion)} is to be retired, and the playbook changes all the time`)
}
