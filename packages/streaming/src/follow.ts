import { setTimeout as sleep } from 'node:timers/promises'
import type { Topic } from './codec.ts'
import { type Log, type Message, Transient } from './ports.ts'
import { read } from './receive.ts'

const pollEveryMs = 200

/** A reader without a group: every member follows the whole topic. */
export type Following = {
  /** Reads what was added by now. */
  catchUp(): Promise<void>
  /** Throws what ended it: going by a topic that stands still unseen would be worse than to stop. */
  check(): void
  stop(): Promise<void>
}

/**
 * Hands every readable record of a one-partition topic to `each`, in order; resolves once it has read what was there,
 * then goes on in the background. Unreadable records are named in a notice and passed over.
 */
export async function follow<T>(
  log: Log,
  topic: Topic<T>,
  each: (value: T, message: Message) => void,
  notice: (line: string) => void = () => {},
): Promise<Following> {
  let next = 0
  let ended = false
  let looking: Promise<void> | null = null
  const look = async (): Promise<void> => {
    const [bounds] = await log.bounds(topic.path)
    if (bounds!.next <= next) return
    for await (const messages of log.read(topic.path, 0, Math.max(next, bounds!.first), bounds!.next)) {
      await topic.codec.learn(messages.map(message => message.value))
      for (const message of messages) {
        const reading = read(topic.codec, message)
        if ('value' in reading) each(reading.value, message)
        else notice(`${topic.path} offset ${message.offset} is passed over: ${reading.outcome.reason}`)
        next = message.offset + 1
      }
    }
    next = Math.max(next, bounds!.next)
  }
  const catchUp = (): Promise<void> => {
    looking ??= look().finally(() => {
      looking = null
    })
    return looking
  }
  await catchUp()
  const stopping = new AbortController()
  const polling = (async () => {
    while (!ended) {
      await sleep(pollEveryMs, undefined, { signal: stopping.signal }).catch(() => {})
      if (ended) return
      await catchUp().catch(error => {
        if (!(error instanceof Transient)) throw error
        notice(`${topic.path}: ${error.message}`)
      })
    }
  })()
  let failure: unknown = null
  polling.catch(error => {
    failure = error
    notice(`${topic.path} is no longer followed: ${(error as Error).message}`)
  })
  return {
    catchUp,
    check() {
      if (failure !== null) throw failure
    },
    async stop() {
      ended = true
      stopping.abort()
      await polling.catch(() => {})
    },
  }
}
