// Follows next-best-offers and handles each offer once, while it stands and is its customer's newest.
// npm install kafkajs@2.2.4 @kafkajs/confluent-schema-registry@4.1.0 && node offers-consumer.ts
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { Kafka, logLevel } from 'kafkajs'

type Offer = { id: string; customer: string; sequence: number; expiresAt: number; channel: string; text: string }

const brokers = process.env.KAFKA_BROKERS ?? '127.0.0.1:9092'
const topic = process.env.TOPIC ?? 'next-best-offers'
const host = process.env.REGISTRY_URL ?? 'http://127.0.0.1:8080/apis/ccompat/v7'
// What was handled, one offer a line. It must outlive the process: yours may be a table with a unique id.
const file = process.env.HANDLED_FILE ?? 'handled.jsonl'

const handled = new Set<string>()
const newest = new Map<string, number>()
function remember({ id, customer, sequence }: Offer): void {
  handled.add(id)
  newest.set(customer, Math.max(sequence, newest.get(customer) ?? 0))
}
if (existsSync(file))
  for (const line of readFileSync(file, 'utf8').split('\n')) if (line !== '') remember(JSON.parse(line))

function handle(offer: Offer): void {
  if (handled.has(offer.id)) return // delivery is at least once: a repeat
  if (offer.sequence <= (newest.get(offer.customer) ?? 0)) return // a later offer superseded it
  if (offer.expiresAt <= Date.now()) return
  // Whatever you do with an offer goes here, in one step with remembering it.
  appendFileSync(file, `${JSON.stringify(offer)}\n`)
  remember(offer)
}

const registry = new SchemaRegistry({ host })
const consumer = new Kafka({ clientId: 'offers', brokers: brokers.split(','), logLevel: logLevel.WARN }).consumer({
  groupId: process.env.GROUP ?? 'offers-example',
})
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await consumer.run({
  // The offset is committed after this returned; what throws is read again.
  eachMessage: async ({ message }) => {
    if (message.value !== null) handle(await registry.decode(message.value))
  },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void consumer.disconnect())
