// The log on a real broker: the suite of every log, then what only Kafka can do to a reader or a writer.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Brokers, startBrokers } from '@offerstream/stack'
import { type KafkaLogOptions, kafkaLog, type Log, type Message, Refused, Transient } from '@offerstream/streaming'
import { type Admin, Kafka, logLevel, Partitioners } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { logConformance, recorder, until } from '../packages/streaming/test/log-conformance.ts'

let cluster: Brokers
let plain: Kafka
let admin: Admin
let made = 0

beforeAll(async () => {
  cluster = await startBrokers(1, { instance: `test-log-${process.pid}` })
  plain = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING })
  admin = plain.admin()
  await admin.connect()
}, 300_000)
afterAll(async () => {
  await admin?.disconnect()
  await cluster?.stop()
}, 60_000)

const openLog = (options: Partial<KafkaLogOptions> = {}): Log => {
  const log = kafkaLog({ brokers: cluster.brokers, ...options })
  onTestFinished(() => log.close())
  return log
}
const newTopic = async (log: Log, partitions = 1): Promise<string> => {
  const topic = `kafka-${++made}`
  await log.ensureTopics([{ name: topic, partitions, kept: 'for-ever' }])
  return topic
}
const numbers = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ key: `${from + index}`, value: Buffer.from(`${from + index}`) }))
const valuesOf = async (log: Log, topic: string, from = 0, to?: number): Promise<string[]> => {
  const values: string[] = []
  for await (const batch of log.read(topic, 0, from, to)) values.push(...batch.map(({ value }) => `${value}`))
  return values
}

logConformance('Kafka', async () => {
  const log = kafkaLog({ brokers: cluster.brokers })
  return { log, close: () => log.close() }
})

logConformance('Kafka with compression', async () => {
  const log = kafkaLog({ brokers: cluster.brokers, compression: 'zstd' })
  return { log, close: () => log.close() }
})

describe('a reader of Kafka', () => {
  test('stops with both offsets when records were deleted before it came to them', async () => {
    const log = openLog()
    const topic = await newTopic(log)
    await log.append(topic, 0, numbers(0, 60_000))
    const gate = Promise.withResolvers<void>()
    const seen = recorder(undefined, async () => {
      await gate.promise
      return 'more'
    })
    const subscription = await log.subscribe('slow', [topic], seen.member)
    await until(() => seen.sessions.length === 1)
    await subscription.commit(topic, 0, 7)
    await sleep(1000)
    await admin.fetchTopicOffsets(topic) // kafkajs deletes only from a topic it has looked at
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '59990' }] })
    gate.resolve()
    await expect(subscription.done).rejects.toThrow(Refused)
    const expected = seen.next(0)
    expect(expected).toBeGreaterThan(7)
    expect(expected).toBeLessThan(59_990)
    expect(seen.faults).toEqual([])
    await expect(subscription.done).rejects.toThrow(`slow expected offset ${expected} of ${topic}/0, found 59990`)
    // The client's own reset must not look like the group's word when the service starts again.
    expect(await log.committed('slow', topic)).toEqual([7])
  })

  test('stops when its topic was deleted and made anew', async () => {
    const log = openLog()
    const topic = await newTopic(log)
    await log.append(topic, 0, numbers(0, 10))
    const seen = recorder()
    const subscription = await log.subscribe('recreated', [topic], seen.member)
    await until(() => seen.next(0) === 10)
    await subscription.commit(topic, 0, 10)
    await admin.deleteTopics({ topics: [topic] })
    await sleep(500)
    const other = openLog()
    await other.ensureTopics([{ name: topic, partitions: 1, kept: 'for-ever' }])
    await other.append(topic, 0, numbers(0, 3))
    await expect(subscription.done).rejects.toThrow(/expected offset 10 .* the log ends at 3/)
    expect(seen.faults).toEqual([])
  })

  test('steps over what transactions leave behind, and only over that', async () => {
    const log = openLog()
    const topic = await newTopic(log)
    const seen = recorderOfGaps()
    const subscription = await log.subscribe('transactions', [topic], seen.member)
    const producer = plain.producer({
      transactionalId: `t-${topic}`,
      maxInFlightRequests: 1,
      idempotent: true,
      createPartitioner: Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    onTestFinished(() => producer.disconnect())
    const inTransaction = async (values: readonly string[], end: 'commit' | 'abort') => {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: values.map(value => ({ key: 'k', value, partition: 0 })) })
      await transaction[end]()
    }
    await inTransaction(['0', '1', '2'], 'commit') // and a marker at 3
    await inTransaction(['never', 'never'], 'abort') // 4 to 6
    await sleep(500)
    expect(await valuesOf(log, topic)).toEqual(['0', '1', '2'])
    expect(await valuesOf(log, topic, 4, 7)).toEqual([])
    await log.append(topic, 0, numbers(7, 3))
    await inTransaction(['11'], 'commit')
    await sleep(500) // the marker that ends a transaction is written after its end was answered
    expect(await valuesOf(log, topic)).toEqual(['0', '1', '2', '7', '8', '9', '11'])
    await until(() => seen.values.length === 7)
    expect(seen.values).toEqual(['0', '1', '2', '7', '8', '9', '11'])
    await subscription.stop()
  })

  test('ends although the end of its range was compacted away', async () => {
    const log = openLog()
    const topic = `kafka-${++made}`
    await admin.createTopics({
      topics: [
        {
          topic,
          numPartitions: 1,
          configEntries: Object.entries({
            'cleanup.policy': 'compact',
            'segment.ms': '100',
            'min.cleanable.dirty.ratio': '0.01',
            'max.compaction.lag.ms': '200',
          }).map(([name, value]) => ({ name, value })),
        },
      ],
    })
    const same = (from: number, count: number) => numbers(from, count).map(record => ({ ...record, key: 'the-same' }))
    await log.append(topic, 0, numbers(0, 50))
    await log.append(topic, 0, same(50, 50))
    const deadline = performance.now() + 40_000
    let offsets: number[] = []
    for (let next = 100; performance.now() < deadline; next++) {
      await sleep(300)
      await log.append(topic, 0, same(next, 1)) // rolls the segment, so that the one before can be compacted
      offsets = await offsetsOf(log, topic)
      if (!offsets.includes(60)) break
    }
    expect(offsets.slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, offset) => offset))
    expect(offsets).not.toContain(60)
    expect(await valuesOf(log, topic, 45, 90)).toEqual(['45', '46', '47', '48', '49'])
    expect(await valuesOf(log, topic, 55, 65)).toEqual([])
    const seen = recorderOfGaps()
    const subscription = await log.subscribe('compacted', [topic], seen.member)
    await until(() => seen.offsets.at(-1) === offsets.at(-1))
    // Compaction goes on: what was still there a moment ago may be gone.
    expect(seen.offsets.slice(0, 50)).toEqual(offsets.slice(0, 50))
    expect(seen.offsets).toEqual(offsets.filter(offset => seen.offsets.includes(offset)))
    await subscription.stop()
  }, 60_000)

  test('keeps its partitions while a batch takes longer than the session', async () => {
    const log = openLog()
    const topic = await newTopic(log, 2)
    await log.append(topic, 0, numbers(0, 10))
    const seen = recorder(undefined, async () => {
      await sleep(5000)
      return 'more'
    })
    const options = { sessionTimeoutMs: 2000 }
    const one = await log.subscribe('patient', [topic], seen.member, options)
    seen.commitTo(one, topic)
    await until(() => seen.next(0) === 10)
    expect([seen.sessions.length, seen.revoked.length]).toEqual([2, 0])
    await until(() => seen.batchSizes.length === 1)
    await sleep(200)
    expect(await log.committed('patient', topic)).toEqual([10, null])
    await one.stop()
  })

  test('writes no notice about members that come and go', async () => {
    const notices: string[] = []
    const log = openLog({ onNotice: line => notices.push(line) })
    const topic = await newTopic(log, 4)
    const members = [recorder(), recorder(), recorder()]
    const subscriptions = []
    for (const { member } of members) {
      subscriptions.push(await log.subscribe('calm', [topic], member))
      await sleep(300)
    }
    await until(() => members.every(each => each.owned().length > 0))
    for (const subscription of subscriptions) {
      await subscription.stop()
      await sleep(300)
    }
    expect(notices).toEqual([])
  })
})

describe('a writer to Kafka', () => {
  test('refuses a record that the topic does not take, with all that waits behind it, and then goes on', async () => {
    const log = openLog()
    const topic = await newTopic(log)
    await log.append(topic, 0, numbers(0, 1))
    const large = { key: 'large', value: Buffer.alloc(20 << 20) }
    const answers = await Promise.allSettled([log.append(topic, 0, [large]), log.append(topic, 0, numbers(1, 1))])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect((answers[0] as PromiseRejectedResult).reason).toBeInstanceOf(Refused)
    await log.append(topic, 0, numbers(2, 2))
    expect(await valuesOf(log, topic)).toEqual(['0', '2', '3'])
  })

  test('fits its requests to a topic that takes less than usual', async () => {
    const log = openLog()
    const topic = `kafka-${++made}`
    const configEntries = [{ name: 'max.message.bytes', value: '20000' }]
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] })
    const texts = Array.from({ length: 100 }, (_, index) => `${index} `.padEnd(1000, '.'))
    await log.append(
      topic,
      0,
      texts.map(text => ({ key: 'k', value: Buffer.from(text) })),
    )
    expect(await valuesOf(log, topic)).toEqual(texts)
  })

  test('replaces its producer before sequence numbers run out, and loses no order', async () => {
    const log = openLog({ recordsPerProducer: 100 })
    const topic = await newTopic(log)
    await Promise.all(Array.from({ length: 200 }, (_, call) => log.append(topic, 0, numbers(call * 3, 3))))
    for (let call = 200; call < 260; call++) await log.append(topic, 0, numbers(call * 3, 3))
    expect(await valuesOf(log, topic)).toEqual(numbers(0, 780).map(({ value }) => `${value}`))
    expect((await producerIds(topic, 780)).size).toBeGreaterThan(2)
  })

  test('names the brokers it tried when none answers', async () => {
    const log = openLog({ brokers: ['127.0.0.1:9', '127.0.0.1:10'] })
    const failing = log.append('anything', 0, numbers(0, 1))
    await expect(failing).rejects.toThrow(Transient)
    await expect(failing).rejects.toThrow(/127\.0\.0\.1:9, 127\.0\.0\.1:10/)
  }, 30_000)

  test('is closed within seconds although its broker is gone', async () => {
    const lost = await startBrokers(1, { instance: `test-lost-${process.pid}` })
    onTestFinished(() => lost.stop())
    const log = kafkaLog({ brokers: lost.brokers })
    const topic = await newTopic(log)
    await log.append(topic, 0, numbers(0, 1))
    const subscription = await log.subscribe('lost', [topic], recorder().member)
    await lost.kill(0, 'SIGKILL')
    const append = log.append(topic, 0, numbers(1, 1))
    append.catch(() => {})
    await sleep(500)
    const began = performance.now()
    await log.close()
    expect(performance.now() - began).toBeLessThan(15_000)
    await expect(append).rejects.toThrow()
    await subscription.done
  }, 120_000)
})

async function offsetsOf(log: Log, topic: string): Promise<number[]> {
  const offsets: number[] = []
  for await (const batch of log.read(topic, 0, 0)) offsets.push(...batch.map(({ offset }) => offset))
  return offsets
}

/** A member that writes down what it is given and finds no fault with gaps. */
function recorderOfGaps() {
  const values: string[] = []
  const offsets: number[] = []
  return {
    values,
    offsets,
    member: {
      assigned: async () => 0,
      async batch(_topic: string, _partition: number, messages: readonly Message[]) {
        values.push(...messages.map(({ value }) => `${value}`))
        offsets.push(...messages.map(({ offset }) => offset))
        return 'more' as const
      },
      revoked() {},
    },
  }
}

async function producerIds(topic: string, records: number): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  let seen = 0
  const consumer = plain.consumer({ groupId: `ids-${topic}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      ids.add((message as unknown as { batchContext: { producerId: string } }).batchContext.producerId)
      seen++
    },
  })
  await until(() => seen === records)
  await consumer.disconnect()
  return ids
}
