import {
  applyRecord,
  checkRecord,
  emptyPlaybook,
  type Playbook,
  passOver,
  promotionsInUse,
} from '@offerstream/catalogue'
import type { PlaybookRecord } from '@offerstream/contracts'
import { names } from '@offerstream/features'
import { type Impediment, neverOffers } from '@offerstream/policy'
import { ModelRefused, type Models } from '@offerstream/ranker'
import { type Clock, follow, type Log, type Metrics, Refused, type Topic } from '@offerstream/streaming'

/** The playbook as the topic grows, and as it was at any version. */
export type FollowedPlaybook = {
  current(): Playbook
  /** The same object for the same version, as long as it is among those asked for lately. */
  at(version: number): Playbook
  /** Takes what was added by now. */
  catchUp(): Promise<void>
  stop(): Promise<void>
}

/** Who watches that there is something to offer. */
export type PlaybookWatch = { readonly clock: Clock; readonly metrics?: Metrics | undefined }

/**
 * Follows the topic. A record that is wrong, and a promotion whose model is refused, is named in a notice and passed over:
 * what was decided by before goes on; at the start,
 * where no earlier promotion of that model serves, `Refused` is thrown instead. A promoted model is loaded before the playbook that names it is shown.
 * With a watch, a version that can offer nothing to anybody is named in a notice too, and counted.
 */
export async function followPlaybook(
  log: Log,
  topic: Topic<PlaybookRecord>,
  models: Models,
  notice: (line: string) => void = () => {},
  watch: PlaybookWatch | null = null,
): Promise<FollowedPlaybook> {
  const past = createPast()
  let isLive = false
  /** Why the newest promotion of a model was refused, by the model's name. */
  const refusedModels = new Map<string, string>()
  let taken = Promise.resolve()
  let failure: unknown = null
  /** Only where it was otherwise before: what goes on being so is said once. */
  const lookAt = (before: Playbook | null): void => {
    if (watch === null || past.current().version === -1) return
    const now = watch.clock.now()
    const impediments = neverOffers(past.current(), now)
    if (impediments === null || (before !== null && neverOffers(before, now) !== null)) return
    notice(
      `${topic.path} version ${past.current().version} can offer nothing to anybody: ${impedimentsText(impediments)}`,
    )
    watch.metrics?.record('offerstream_playbooks_offering_nothing_total', 1, impediments[0]?.why ?? 'nothing-on-sale')
  }

  const take = async (record: PlaybookRecord, offset: number): Promise<void> => {
    const problems = checkRecord(record, names, past.current())
    const { body } = record
    if (problems.length === 0 && body.type === 'model' && body.stage !== 'retired')
      await models.load(body).catch(error => {
        if (!(error instanceof ModelRefused)) throw error
        problems.push(error.message)
      })
    if (body.type === 'model') {
      if (problems.length > 0) refusedModels.set(body.name, problems.join('; '))
      else refusedModels.delete(body.name)
    }
    if (problems.length > 0) notice(`${topic.path} offset ${offset} is passed over: ${problems.join('; ')}`)
    const before = past.current()
    past.add(problems.length > 0 ? null : record, offset)
    if (isLive) lookAt(before)
  }
  const following = await follow(
    log,
    topic,
    (record, { offset }) => {
      taken = taken
        .then(() => take(record, offset))
        .catch(error => {
          failure ??= error
        })
    },
    notice,
  )
  await taken
  if (failure !== null) throw failure
  const used = new Set([...promotionsInUse(past.current())].map(({ name }) => name))
  const without = [...refusedModels].filter(([name]) => !used.has(name)).map(([, problem]) => problem)
  if (without.length > 0) {
    await following.stop()
    throw new Refused(
      `${without.join('\n')}\nPut the model into the registry folder (OFFERSTREAM_MODELS), or promote one that is there.`,
    )
  }
  isLive = true
  lookAt(null)
  return {
    // A playbook that stands still unseen would be worse than none.
    current() {
      if (failure !== null) throw failure
      following.check()
      return past.current()
    },
    at: past.at,
    async catchUp() {
      await following.catchUp()
      await taken
    },
    async stop() {
      await following.stop()
      await taken
    },
  }
}

/** What keeps items from being offered, with the record behind it. */
export const impedimentsText = (impediments: readonly Impediment[]): string =>
  impediments
    .map(({ why, record, items }) => `${items} items ${why}${record === null ? '' : ` by ${record}`}`)
    .join(', ') || 'nothing is on sale'

/** Every so many records a playbook is kept; what lies between is applied again when asked for. */
const checkpointEvery = 64
const rememberedVersions = 32

/** All versions of a playbook in little room. */
export function createPast(): {
  add(record: PlaybookRecord | null, offset: number): void
  current(): Playbook
  at(version: number): Playbook
} {
  const records: { readonly record: PlaybookRecord | null; readonly offset: number }[] = []
  const checkpoints: Playbook[] = [emptyPlaybook]
  const asked = new Map<number, Playbook>()
  let current = emptyPlaybook
  const after = (playbook: Playbook, { record, offset }: (typeof records)[number]): Playbook =>
    record === null ? passOver(playbook, offset) : applyRecord(playbook, record, offset)

  return {
    current: () => current,
    add(record, offset) {
      records.push({ record, offset })
      current = after(current, records.at(-1)!)
      if (records.length % checkpointEvery === 0) checkpoints.push(current)
    },
    at(version) {
      if (version === current.version) return current
      const known = asked.get(version)
      if (known !== undefined) return known
      const count = version === -1 ? 0 : records.findIndex(({ offset }) => offset === version) + 1
      if (count === 0 && version !== -1)
        throw new RangeError(`the playbook has no version ${version}, it is at ${current.version}`)
      const from = Math.floor(count / checkpointEvery)
      let playbook = checkpoints[from]!
      for (let index = from * checkpointEvery; index < count; index++) playbook = after(playbook, records[index]!)
      if (asked.size >= rememberedVersions) asked.delete(asked.keys().next().value!)
      asked.set(version, playbook)
      return playbook
    },
  }
}
