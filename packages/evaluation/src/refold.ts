// The past once more: the very fold that ran live, over a log that is only read, with states in memory and no effects.
import {
  deadLettersOf,
  type Fold,
  type Log,
  type MemoryLog,
  memoryStore,
  openFoldLane,
  Refused,
  type Store,
} from '@offerstream/streaming'

export type RefoldOptions = {
  /** Records per batch; the result is the same for any. */
  readonly batchRecords: number
  /** Only these; all of them unless given. */
  readonly partitions?: readonly number[]
  /** Told of records handled since the last call. */
  readonly onRecords?: (count: number) => void
}

/**
 * Runs a fold over all of its input in `source`; what it publishes goes to `target`. Answers the store with its states.
 * Throws `Refused` where the log no longer begins at its beginning.
 */
export async function refold<State, In, Context>(
  fold: Fold<State, In, Context>,
  source: Log,
  target: MemoryLog,
  options: RefoldOptions,
): Promise<Store> {
  const { path } = fold.input
  const bounds = await source.bounds(path)
  const wanted = options.partitions ?? [...bounds.keys()]
  const trimmed = wanted.find(partition => bounds[partition]!.first > 0) ?? -1
  if (trimmed >= 0)
    throw new Refused(
      `${path}/${trimmed} begins at offset ${bounds[trimmed]!.first}: what came before is gone, and states cannot be folded from the middle`,
    )
  await target.ensureTopics(
    [deadLettersOf(path), ...fold.outputs.map(topic => topic.path)].map(name => ({
      name,
      partitions: bounds.length,
      kept: 'for-ever',
    })),
  )
  const store = memoryStore()
  const log: Log = { ...target, bounds: topic => (topic === path ? source.bounds(topic) : target.bounds(topic)) }
  const never = new AbortController().signal
  for (const partition of wanted) {
    const { next } = bounds[partition]!
    const lane = await openFoldLane(fold, partition, null, never, { log, store })
    for await (const messages of source.read(path, partition, 0, next))
      for (let at = 0; at < messages.length; at += options.batchRecords) {
        const batch = messages.slice(at, at + options.batchRecords)
        await lane.batch(batch)
        options.onRecords?.(batch.length)
      }
  }
  return store
}
