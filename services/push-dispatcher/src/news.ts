// A partition's journal as the lane reads it beside its offers: facts wait here until the ledger has them.
import type { CustomerEvent } from '@offerstream/contracts'
import { type Log, read, type Topic } from '@offerstream/streaming'
import type { createEnds } from './ends.ts'
import { type Fact, factOf } from './facts.ts'

export type News = {
  /** Offset of the journal after the last record read. */
  readonly position: number
  /** Facts read and not settled, in the order of the journal. */
  readonly waiting: readonly Fact[]
  /** Reads on to where the journal ended just now, at most so many records; false where more of them are there. */
  read(atMost?: number): Promise<boolean>
  /** The ledger has all that waited. */
  settled(): void
}

export function openNews(
  log: Log,
  journal: Topic<CustomerEvent>,
  ends: ReturnType<typeof createEnds>,
  partition: number,
  from: number,
): News {
  let position = from
  let waiting: Fact[] = []
  return {
    get position() {
      return position
    },
    get waiting() {
      return waiting
    },
    async read(atMost = Number.POSITIVE_INFINITY) {
      const end = await ends(partition)
      // The journal was made anew.
      if (position > end) position = 0
      const to = Math.min(end, position + atMost)
      if (position < to)
        for await (const messages of log.read(journal.path, partition, position, to)) {
          await journal.codec.learn(messages.map(message => message.value))
          for (const message of messages) {
            const reading = read(journal.codec, message, true)
            const fact = 'value' in reading ? factOf(reading.value) : null
            if (fact !== null) waiting.push(fact)
            position = message.offset + 1
          }
        }
      // What the log no longer holds is not read.
      position = Math.max(position, to)
      return to === end
    },
    settled() {
      waiting = []
    },
  }
}
