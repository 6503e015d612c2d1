// Three brokers, one killed and one stopped in good order while records are appended to twelve partitions.
// The control sends to all partitions at once, as the client's own documentation does, and loses what it says is written.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Brokers, startBrokers } from '@offerstream/stack'
import { kafkaLog, type Log } from '@offerstream/streaming'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'

const partitions = 12
/** Rounds the control may take to show its loss; it has not needed more than a few. */
const controlRounds = 8

let cluster: Brokers
let log: Log

beforeAll(async () => {
  cluster = await startBrokers(3, { instance: `test-restart-${process.pid}` })
  log = kafkaLog({ brokers: cluster.brokers })
}, 300_000)
afterAll(async () => {
  await log?.close()
  await cluster?.stop()
}, 120_000)

test('nothing that an append said was written is lost while brokers are killed and restarted', async () => {
  const topic = await newTopic('appended')
  const written = await whileBrokersGo(['SIGKILL', 'SIGTERM'], async (partition, text) =>
    log.append(topic, partition, [{ key: text, value: Buffer.from(text) }]),
  )
  const { lost, repeated, outOfOrder } = await compare(topic, written)
  console.log(`appended ${written.flat().length}, lost ${lost}, repeated ${repeated}, out of order ${outOfOrder}`)
  expect(written.every(texts => texts.length > 100)).toBe(true)
  expect({ lost, repeated, outOfOrder }).toEqual({ lost: 0, repeated: 0, outOfOrder: 0 })
}, 180_000)

test('control: one send to all partitions at once loses records that it said were written', async () => {
  const client = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING })
  let lost = 0
  let rounds = 0
  while (lost === 0 && rounds < controlRounds) {
    const topic = await newTopic(`control-${rounds}`)
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner, retry: { retries: 50 } })
    await producer.connect()
    const written = await whileBrokersGo([rounds % 2 === 0 ? 'SIGKILL' : 'SIGTERM'], async (partition, text) => {
      // One loop sends for all partitions; the others have nothing to do.
      if (partition > 0) return false
      await producer.send({
        topic,
        messages: Array.from({ length: partitions }, (_, each) => ({ key: text, value: text, partition: each })),
      })
    })
    await producer.disconnect()
    const everywhere = Array.from({ length: partitions }, () => written[0]!)
    lost = (await compare(topic, everywhere)).lost
    rounds++
    console.log(`control round ${rounds}: sent ${everywhere.flat().length}, lost ${lost}`)
  }
  expect(lost).toBeGreaterThan(0)
}, 400_000)

async function newTopic(name: string): Promise<string> {
  await log.ensureTopics([{ name, partitions, kept: 'for-ever' }])
  return name
}

/** Appends to every partition for as long as it takes to end and restart a broker by each signal; answers what was said to be written. */
async function whileBrokersGo(
  signals: readonly NodeJS.Signals[],
  append: (partition: number, text: string) => Promise<unknown>,
): Promise<readonly (readonly string[])[]> {
  let going = true
  const loops = Array.from({ length: partitions }, async (_, partition) => {
    const written: string[] = []
    for (let count = 0; going; count++) {
      const text = `${partition}.${count}`
      if ((await append(partition, text)) === false) break
      written.push(text)
    }
    return written
  })
  await sleep(2000)
  for (const [turn, signal] of signals.entries()) {
    const index = (turn + 1) % 3
    await cluster.kill(index, signal)
    await sleep(7000)
    await cluster.restart(index)
    await sleep(3000)
  }
  going = false
  return Promise.all(loops)
}

async function compare(topic: string, written: readonly (readonly string[])[]) {
  const result = { lost: 0, repeated: 0, outOfOrder: 0 }
  for (const [partition, texts] of written.entries()) {
    const found: string[] = []
    for await (const batch of log.read(topic, partition, 0)) found.push(...batch.map(({ value }) => `${value}`))
    const distinct = new Set(found)
    result.lost += texts.filter(text => !distinct.has(text)).length
    result.repeated += found.length - distinct.size
    const places = new Map(found.map((text, place) => [text, place]))
    result.outOfOrder += texts.filter(
      (text, turn) => turn > 0 && places.get(text)! < places.get(texts[turn - 1]!)!,
    ).length
  }
  return result
}
