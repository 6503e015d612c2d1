// A fold takes the place of another of its role, partition by partition, while that one goes on: it folds in silence what
// the old one has applied, and once within reach shuts it out for good, publishes what it left, is made the incumbent, and
// publishes whatever lies above the old one's last watermark. Every step may be repeated; the retirement decides. Before it
// only the old fold publishes, after it only the new one, and the offset between the two is the old one's, kept for ever.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fold } from './fold.ts'
import { type LaneWork, type Running, runMember } from './member.ts'
import { publish, unpackOutbox } from './outbox.ts'
import { type Incumbent, Refused, type StoreLane } from './ports.ts'
import { Abandoned, retrying } from './retry.ts'
import { openFoldLane, type RunOptions } from './run-fold.ts'

export type SuccessionOptions = RunOptions & {
  /** Fills an empty partition before the log is read, with a save that brings the watermark; false where it cannot. */
  readonly seed?: (lane: StoreLane, partition: number) => Promise<boolean>
  /** So far behind the old fold the new one may be when it takes over; 2,000 records, which it then folds in silence. */
  readonly reachRecords?: number
  /** Off only in a negative control: the old fold is not shut out. */
  readonly retires?: boolean
}

const defaultReachRecords = 2000
const waitMs = 200

/**
 * Runs a fold like `runFold`, and where another fold is the incumbent of its role, succeeds it. Without an incumbent, or as
 * the incumbent itself, a fold that lost its states folds them again; what its group had committed is not published anew.
 */
export async function runSuccessor<State, In, Context>(
  fold: Fold<State, In, Context>,
  options: SuccessionOptions,
): Promise<Running> {
  const { role } = fold
  if (role === undefined) throw new TypeError(`fold ${fold.name} has no role, so it can succeed none`)
  return runMember({
    ...options,
    group: `${options.prefix ?? ''}${fold.name}`,
    paths: [fold.input.path],
    open: (_topic, partition, committed, signal) =>
      openSuccessorLane({ ...fold, role }, partition, committed, signal, options),
  })
}

async function openSuccessorLane<State, In, Context>(
  fold: Fold<State, In, Context> & { readonly role: string },
  partition: number,
  committed: number | null,
  signal: AbortSignal,
  options: SuccessionOptions,
): Promise<LaneWork> {
  const {
    log,
    store,
    notice = () => {},
    reach = () => {},
    retires = true,
    reachRecords = defaultReachRecords,
  } = options
  const { role, name } = fold
  const where = `${role} ${fold.input.path}/${partition}`
  const steady = <T>(work: () => Promise<T>): Promise<T> => retrying(work, { signal })
  const again = () => openSuccessorLane(fold, partition, committed, signal, options)

  const incumbent = await steady(() => store.incumbent(role, partition))
  const own = await steady(() => store.peekProgress(name, partition))
  const bounds = (await steady(() => log.bounds(fold.input.path)))[partition] ?? { first: 0, next: 0 }
  // States that do not fit the log are worth no more than none.
  const isEmpty =
    own === null || own.watermark === null || own.watermark + 1 < bounds.first || own.watermark >= bounds.next
  // Only what was looked at: a process that stood still may wake up when others have long built there.
  if (isEmpty && !(await steady(() => store.forget(name, partition, own?.epoch ?? 0)))) return again()
  if (isEmpty) await seed(fold, partition, bounds.first, signal, options)
  const from = isEmpty ? null : committed

  if (incumbent === null || incumbent.fold === name) {
    const published = isEmpty ? (committed ?? 0) - 1 : -1
    const after: Incumbent = {
      fold: name,
      publishesAfter: Math.min(Math.max(incumbent?.publishesAfter ?? -1, published), bounds.next - 1),
      term: (incumbent?.term ?? 0) + 1,
    }
    // A retirement that was not followed by an appointment is taken back; the higher term stops who would still follow it.
    const isRetired = (own?.retiredBy ?? null) !== null
    const isNew = isRetired || after.publishesAfter !== incumbent?.publishesAfter
    if (isNew && !(await steady(() => store.appoint(role, partition, incumbent, after)))) return again()
    if (isRetired) await steady(() => store.reinstate(name, partition))
    return openFoldLane(fold, partition, from, signal, options)
  }

  const old = incumbent.fold
  const before = await steady(() => store.peekProgress(old, partition))
  if (before?.retiredBy === name && (own?.watermark ?? -1) > (before.watermark ?? -1)) {
    // It has published already: the store fell back, and with it the appointment.
    const after = { fold: name, publishesAfter: before.watermark ?? -1, term: incumbent.term + 1 }
    await steady(() => store.appoint(role, partition, incumbent, after))
    return again()
  }
  // As one that was succeeded itself, and is now to come back.
  if ((own?.retiredBy ?? null) !== null) await steady(() => store.reinstate(name, partition))
  let publishesAfter = Number.POSITIVE_INFINITY
  const work = await openFoldLane(fold, partition, from, signal, { ...options, silentUpTo: () => publishesAfter })
  const isIncumbent = (): boolean => publishesAfter !== Number.POSITIVE_INFINITY
  const oldWatermark = async (): Promise<number> =>
    (await steady(() => store.peekProgress(old, partition)))?.watermark ?? -1

  /** False where somebody else was faster. */
  const takeOver = async (): Promise<boolean> => {
    await reach('before-retire')
    const left = retires
      ? await steady(() => store.retire(old, partition, name))
      : { watermark: await oldWatermark(), outbox: null }
    await reach('after-retire')
    if (left.outbox !== null) await publish(log, unpackOutbox(left.outbox))
    await reach('before-appoint')
    const after: Incumbent = { fold: name, publishesAfter: left.watermark ?? -1, term: incumbent.term + 1 }
    if (!(await steady(() => store.appoint(role, partition, incumbent, after)))) return false
    await reach('after-appoint')
    publishesAfter = after.publishesAfter
    notice(`${where}: ${name} took over from ${old} behind offset ${publishesAfter}`)
    return true
  }

  let position = work.start - 1
  let known = await oldWatermark()
  if (position <= known && position + reachRecords >= known && !(await takeOver())) return again()
  return {
    start: work.start,
    async batch(messages) {
      let rest = messages
      while (!isIncumbent()) {
        if (rest.length === 0 || rest[rest.length - 1]!.offset > known - reachRecords) known = await oldWatermark()
        const applied = rest.filter(({ offset }) => offset <= known)
        rest = rest.slice(applied.length)
        if (applied.length > 0) {
          const answer = await work.batch(applied)
          if (answer !== 'more') return answer
          position = applied[applied.length - 1]!.offset
        }
        if (position > known) {
          // The old fold's store fell back, or it was ahead once: what it has not applied it is still to publish.
          notice(`${where}: waits for ${old}, which is at ${known}, to reach ${position}`)
          await sleep(waitMs, undefined, { signal }).catch(() => {
            throw new Abandoned()
          })
        } else if (rest.length === 0 && position + reachRecords < known) return 'more'
        else if (!(await takeOver())) return 'reassign'
      }
      return rest.length === 0 ? 'more' : work.batch(rest)
    },
  }
}

/** Fills an empty partition from elsewhere, or lets it begin where the log does. */
async function seed<State, In, Context>(
  fold: Fold<State, In, Context>,
  partition: number,
  first: number,
  signal: AbortSignal,
  { store, seed: fill, notice = () => {} }: SuccessionOptions,
): Promise<void> {
  const steady = <T>(work: () => Promise<T>): Promise<T> => retrying(work, { signal })
  const lane = await steady(() => store.open(fold.name, partition))
  if (fill !== undefined && (await fill(lane, partition))) return
  if (first === 0) return
  notice(
    `${fold.input.path}/${partition} begins at offset ${first}: what came before is not in the states that are built from it`,
  )
  const begun = { from: null, to: first - 1, states: [], causes: new Map(), counts: new Map(), due: [], outbox: null }
  if ((await steady(() => lane.save(begun))) !== 'saved')
    throw new Refused(`${fold.name} ${fold.input.path}/${partition}: another process builds it too`)
}
