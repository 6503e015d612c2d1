import type { Message } from './ports.ts'

/** How much of one partition waits in memory at most, so that a slow partition neither stalls nor starves the others. */
const fullAt = { records: 16_000, bytes: 4 << 20 }

/** What waits of one partition between the fetch loop, which must never be held up, and the member, which may be slow. */
export type Lane = {
  readonly topic: string
  readonly partition: number
  /** Offset of the next record wanted from the fetch loop; null until the member has said where to start. */
  expected: number | null
  /** Next offset of the group as far as we know it; null for none. */
  committed: number | null
  /** Offset at which the fetch loop was last sent back. */
  sentBackTo: number | null
  /** Whether the group has given the partition to us. */
  owned: boolean
  /** Whether the member wants more. */
  open: boolean
  /** Whether the member has been told of the partition. */
  announced: boolean
  paused: boolean
  running: Promise<void>
  readonly waiting: Waiting
}

type Waiting = {
  push(messages: readonly Message[], bytes: number): void
  /** The oldest records, at most so many; waits for some, and answers none once closed. */
  take(most: number): Promise<readonly Message[]>
  close(): void
  isFull(): boolean
  isLow(): boolean
}

export function createLane(topic: string, partition: number): Lane {
  return {
    topic,
    partition,
    expected: null,
    committed: null,
    sentBackTo: null,
    owned: true,
    open: true,
    announced: false,
    paused: true,
    running: Promise.resolve(),
    waiting: createWaiting(),
  }
}

function createWaiting(): Waiting {
  let chunks: { messages: readonly Message[]; bytes: number }[] = []
  let records = 0
  let bytes = 0
  let closed = false
  let wake: () => void = () => {}

  return {
    push(messages, size) {
      if (closed || messages.length === 0) return
      chunks.push({ messages, bytes: size })
      records += messages.length
      bytes += size
      wake()
    },
    async take(most) {
      while (chunks.length === 0 && !closed) {
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
      const parts: (readonly Message[])[] = []
      let taken = 0
      while (taken < most && chunks.length > 0) {
        const { messages, bytes: size } = chunks[0]!
        const share = Math.min(messages.length, most - taken)
        taken += share
        records -= share
        if (share === messages.length) {
          parts.push(messages)
          bytes -= size
          chunks.shift()
          continue
        }
        const left = Math.round((size * (messages.length - share)) / messages.length)
        parts.push(messages.slice(0, share))
        bytes -= size - left
        chunks[0] = { messages: messages.slice(share), bytes: left }
      }
      return parts.length === 1 ? parts[0]! : parts.flat()
    },
    close() {
      closed = true
      chunks = []
      records = 0
      bytes = 0
      wake()
    },
    isFull: () => records >= fullAt.records || bytes >= fullAt.bytes,
    isLow: () => records * 2 <= fullAt.records && bytes * 2 <= fullAt.bytes,
  }
}
