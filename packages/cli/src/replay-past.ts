// Where a replay or backtest reads the past from: the stack of the last line, or an export on disk. Only read.
import type { FeatureUpdate } from '@offerstream/contracts'
import { type OpenedExport, openExport } from '@offerstream/evaluation'
import type { StackKind } from '@offerstream/stack'
import {
  type Message,
  parseCause,
  Refused,
  type Surroundings,
  type Topic,
  Undecodable,
  UnknownTopic,
} from '@offerstream/streaming'
import type { Output } from './output.ts'
import { withLine } from './with-line.ts'

export type Past = Pick<Surroundings, 'log' | 'registry' | 'prefix'>

/** Opens the past, hands it to `work`, and closes it whatever becomes of that, when told to stop at once. Throws `Refused` then. */
export async function withPast<T>(
  from: { readonly export?: string; readonly stack: StackKind | 'auto' },
  output: Output,
  stopping: AbortSignal,
  work: (past: Past) => Promise<T>,
): Promise<T> {
  // What only reads may be left in the middle.
  const stopped = new Promise<never>((_, reject) =>
    stopping.addEventListener('abort', () => reject(new Refused('interrupted')), { once: true }),
  )
  stopped.catch(() => {})
  const untilStopped = (past: Past): Promise<T> => Promise.race([work(past), stopped])
  if (from.export !== undefined) {
    const opened: OpenedExport = await openExport(from.export)
    return untilStopped(opened).finally(opened.close)
  }
  return withLine(from.stack, output, untilStopped)
}

/** A decision that no update of this journal led to, as an imported one. */
export const isImported = (id: string, update: FeatureUpdate): boolean =>
  update.fingerprint === '' && parseCause(id)?.topic !== 'customer-events'

/** A partition's values in order; what nobody can read is passed over, as the line did. */
export async function* valuesOf<T>(
  { log }: Pick<Past, 'log'>,
  { path, codec }: Topic<T>,
  partition: number,
  from = 0,
  to?: number,
): AsyncGenerator<T> {
  for await (const messages of log.read(path, partition, from, to)) {
    await codec.learn(messages.map(({ value }) => value))
    for (const message of messages) {
      const value = readable(codec, message)
      if (value !== null) yield value
    }
  }
}

/** The value of a message, null where there is none that can be read. */
export function readable<T>(codec: Topic<T>['codec'], { value }: Message): T | null {
  if (value === null) return null
  try {
    return codec.decode(value)
  } catch (error) {
    if (error instanceof Undecodable) return null
    throw error
  }
}

/** A partition's records by id, repeats dropped; none of a topic that is not there. */
export async function recordsById<T extends { readonly id: string }>(
  past: Past,
  topic: Topic<T>,
  partition: number,
): Promise<Map<string, T>> {
  const found = new Map<string, T>()
  try {
    for await (const record of valuesOf(past, topic, partition)) if (!found.has(record.id)) found.set(record.id, record)
  } catch (error) {
    if (!(error instanceof UnknownTopic)) throw error
  }
  return found
}
