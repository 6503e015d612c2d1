// The clock of the journal: once a minute of clock time a tick goes to every partition, from the one member that owns
// the playbook. Two members doing so for a moment is no harm: a minute's tick has one cause, and readers skip repeats.
import type { CustomerEvent } from '@offerstream/contracts'
import { causeText, type Log, type Topic, Transient } from '@offerstream/streaming'

const minuteMs = 60_000
const lookEveryMs = 250

export type TickOptions = {
  readonly log: Log
  readonly journal: Topic<CustomerEvent>
  /** Paths whose lag holds ticks back, and the group that reads them. */
  readonly sources: readonly string[]
  readonly group: string
  now(): number
  isOurs(): boolean
  /** No tick while a source is further behind, so that a backlog wakes nobody. */
  readonly lagRecords: number
  readonly notice?: (line: string) => void
}

/** Appends ticks until stopped. */
export function startTicks(options: TickOptions): { stop(): Promise<void> } {
  const { log, journal } = options
  let last = 0
  let busy: Promise<void> = Promise.resolve()
  const lag = async (): Promise<number> => {
    let worst = 0
    for (const path of options.sources) {
      const [bounds, committed] = await Promise.all([log.bounds(path), log.committed(options.group, path)])
      for (const [partition, { first, next }] of bounds.entries())
        worst = Math.max(worst, next - (committed[partition] ?? first))
    }
    return worst
  }
  const look = async (): Promise<void> => {
    const minute = Math.floor(options.now() / minuteMs)
    if (minute <= last || !options.isOurs() || (await lag()) > options.lagRecords) return
    last = minute
    const at = minute * minuteMs
    const value = journal.codec.encode({ journalledAt: at, triggers: false, item: null, event: { type: 'tick', at } })
    const cause = causeText({ topic: 'ticks', generation: 1, partition: 0, offset: minute, index: 0 })
    const partitions = (await log.bounds(journal.path)).length
    await Promise.all(
      Array.from({ length: partitions }, (_, partition) =>
        log.append(journal.path, partition, [{ key: '', value, cause }]),
      ),
    )
  }
  let working = false
  const timer = setInterval(() => {
    if (working) return
    working = true
    busy = look()
      .catch(error => {
        if (!(error instanceof Transient)) options.notice?.(`no tick: ${(error as Error).message}`)
      })
      .finally(() => {
        working = false
      })
  }, lookEveryMs)
  return {
    async stop() {
      clearInterval(timer)
      await busy
    },
  }
}
