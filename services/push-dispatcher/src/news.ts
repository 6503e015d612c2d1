// A partition's journal as the lane reads it beside its offers: facts wait here until the ledger has them.
import type { CustomerEvent } from '@offerstream/contracts'
import { type Log, read, type Topic } from '@offerstream/streaming'
import { type Fact, factOf } from './facts.ts'

export type News = {
  /** Offset of the journal after the last record read. */
  readonly position: number
  /** Facts read and not settled, in the order of the journal. */
  readonly waiting: readonly Fact[]
  /** Reads on to where the journal ends now, or at least so many records; false where more of them are there. */
  read(enough?: number): Promise<boolean>
  /** The ledger has all that waited. */
  settled(): void
}

export function openNews(
  log: Pick<Log, 'tail'>,
  { path, codec }: Topic<CustomerEvent>,
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
    async read(enough = Number.POSITIVE_INFINITY) {
      for (let records = 0; records < enough; ) {
        const { messages, next, end } = await log.tail(path, partition, position)
        await codec.learn(messages.map(message => message.value))
        for (const message of messages) {
          const reading = read(codec, message, true)
          const fact = 'value' in reading ? factOf(reading.value) : null
          if (fact !== null) waiting.push(fact)
        }
        records += next - position
        position = next
        if (position >= end) return true
      }
      return false
    },
    settled() {
      waiting = []
    },
  }
}
