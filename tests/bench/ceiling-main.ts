// The most a kafkajs process does with the journal's bytes: takes them, and appends the bytes of as many updates. No
// decoding, no state, no causes compared.
import { setInterval } from 'node:timers/promises'
import { kafkaLog, type Message } from '@offerstream/streaming'
import { Kafka, logLevel, Partitioners, type Message as Record } from 'kafkajs'

type Settings = {
  readonly brokers: readonly string[]
  readonly journal: string
  readonly updates: string
  readonly copies: string
  readonly group: string
  /** Updates per record of the journal. */
  readonly share: number
}

const { brokers, journal, updates, copies, group, share }: Settings = JSON.parse(process.argv[2]!)

const log = kafkaLog({ brokers })
const samples = await updatesOf(await log.bounds(updates))
await log.close()

const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
const producer = kafka.producer({
  idempotent: true,
  maxInFlightRequests: 1,
  createPartitioner: Partitioners.DefaultPartitioner,
})
await producer.connect()
const consumer = kafka.consumer({
  groupId: group,
  maxBytesPerPartition: 1 << 20,
  maxBytes: 10 << 20,
  maxWaitTimeInMs: 100,
})
await consumer.connect()
await consumer.subscribe({ topics: [journal], fromBeginning: true })

let consumed = 0
let written = 0
const owed = new Map<number, number>()
const sending = new Map<number, Promise<void>>()
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: false,
  partitionsConsumedConcurrently: 4,
  async eachBatch({ batch: { messages, partition }, resolveOffset }) {
    resolveOffset(messages.at(-1)!.offset)
    const due = (owed.get(partition) ?? 0) + share * messages.length
    const count = Math.floor(due)
    owed.set(partition, due - count)
    const records = Array.from({ length: count }, (_, at) => samples[(written + at) % samples.length]!)
    written += count
    const before = sending.get(partition) ?? Promise.resolve()
    sending.set(
      partition,
      before.then(async () => {
        await send(partition, records)
        consumed += messages.length
      }),
    )
  },
})
for await (const _ of setInterval(50)) process.send!({ event: 'progress', consumed })

async function send(partition: number, records: readonly Record[]): Promise<void> {
  if (records.length === 0) return
  await producer.send({ topic: copies, acks: -1, messages: records.map(record => ({ ...record, partition })) })
}

/** Some ten thousand updates, as they were written. */
async function updatesOf(bounds: readonly { readonly next: number }[]): Promise<readonly Record[]> {
  const found: Record[] = []
  const each = Math.ceil(10_000 / bounds.length)
  for (const [partition, { next }] of bounds.entries())
    for await (const messages of log.read(updates, partition, 0, Math.min(next, each)))
      found.push(
        ...messages.map(({ key, value, cause }: Message) => ({
          key,
          value,
          headers: { cause: Buffer.from(cause ?? '') },
        })),
      )
  return found
}
