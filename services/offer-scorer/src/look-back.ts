import { type Log, read, type Topic } from '@offerstream/streaming'

export type LookBackOptions = {
  /** Records appended before this moment of wall time are not looked at, milliseconds since the epoch. */
  readonly since: number
  /** Offset from which on nothing is looked at; the end of the log unless given. */
  readonly before?: number
  /** Most records looked at, of whatever key. */
  readonly records: number
}

/** How far a search went. */
export type Searched = {
  /** Read from the partition, of all keys. */
  records: number
  /** When the oldest of them was appended, null where there was none. */
  since: number | null
  /** `found` while the reader may have stopped by itself; else the time or the records allowed, or the log's first. */
  endedBy: 'found' | 'time' | 'records' | 'start'
  /** To go on from here: as `before`. */
  next: number
}

export type LookBack<T> = { readonly values: AsyncGenerator<T>; readonly searched: Searched }

const firstWindow = 250
const largestWindow = 4000

/**
 * A key's records of a partition, newest first, each id once; what cannot be read is passed over. Windows grow, so that
 * what is recent costs little.
 */
export function lookBack<T extends { readonly id: string }>(
  log: Pick<Log, 'bounds' | 'read'>,
  topic: Topic<T>,
  partition: number,
  key: string,
  options: LookBackOptions,
): LookBack<T> {
  return lookBackBy(({ id }) => id, log, topic, partition, key, options)
}

/** The same for records whose id is elsewhere. */
export function lookBackBy<T>(
  idOf: (value: T) => string,
  log: Pick<Log, 'bounds' | 'read'>,
  topic: Topic<T>,
  partition: number,
  key: string,
  { since, before, records }: LookBackOptions,
): LookBack<T> {
  const searched: Searched = { records: 0, since: null, endedBy: 'found', next: before ?? 0 }

  async function* values(): AsyncGenerator<T> {
    const { first, next } = (await log.bounds(topic.path))[partition]!
    const seen = new Set<string>()
    let from = Math.min(before ?? next, next)
    for (let window = firstWindow; ; window = Math.min(2 * window, largestWindow)) {
      searched.next = from
      if (from <= first) searched.endedBy = 'start'
      else if (searched.records >= records) searched.endedBy = 'records'
      if (searched.endedBy !== 'found') return
      const to = from
      from = Math.max(first, to - Math.min(window, records - searched.records))
      const mine: { readonly offset: number; readonly value: T }[] = []
      let oldest = Number.POSITIVE_INFINITY
      for await (const messages of log.read(topic.path, partition, from, to)) {
        const asked = messages.filter(message => message.key === key && message.timestamp >= since)
        await topic.codec.learn(asked.map(message => message.value))
        for (const message of asked) {
          const reading = read(topic.codec, message)
          if ('value' in reading) mine.push({ offset: message.offset, value: reading.value })
        }
        for (const { timestamp } of messages) oldest = Math.min(oldest, timestamp)
        searched.records += messages.length
      }
      if (oldest < Number.POSITIVE_INFINITY) searched.since = Math.max(oldest, since)
      for (const { offset, value } of mine.reverse()) {
        searched.next = offset
        const id = idOf(value)
        if (seen.has(id)) continue
        seen.add(id)
        yield value
      }
      if (oldest < since) {
        searched.endedBy = 'time'
        return
      }
    }
  }
  return { values: values(), searched }
}
