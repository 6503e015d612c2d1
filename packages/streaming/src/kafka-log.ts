// The log on Apache Kafka. The only file that knows kafkajs, and that it
// - may resolve a send over several leaders though a record was never written: every send names one partition;
// - reuses sequence numbers once its retries run out: producers retry for ever and are thrown away after a rejection;
// - waits for every batch of a fetch before the next one: batches are only put on a bounded lane;
// - answers an offset outside the log with a silent reset: where a fetch began is compared with where it should have;
// - forgets positions when its group rebalances and has no callback for what was taken: lanes are compared on every join.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import kafkajs, {
  type Admin,
  type Batch,
  type Cluster,
  type IHeaders,
  type KafkaConfig,
  type KafkaMessage,
  type Producer,
} from 'kafkajs'
import { createAppendQueue } from './append-queue.ts'
import { createLane, type Lane } from './kafka-lane.ts'
import {
  type Bounds,
  type Log,
  type Member,
  type Message,
  type Outgoing,
  Refused,
  type SubscribeOptions,
  type Subscription,
  type TopicSpec,
  Transient,
  UnknownTopic,
} from './ports.ts'

const { CompressionCodecs, CompressionTypes, Kafka, logLevel, PartitionAssigners, Partitioners } = kafkajs

export type KafkaLogOptions = {
  readonly brokers: readonly string[]
  readonly clientId?: string
  readonly ssl?: KafkaConfig['ssl']
  readonly sasl?: KafkaConfig['sasl']
  readonly compression?: 'none' | 'zstd'
  /** Records after which a producer is replaced, long before its sequence numbers wrap at 2^31. */
  readonly recordsPerProducer?: number
  /** What an operator may want to read; lines that come with every rebalance are left out. */
  readonly onNotice?: (line: string, detail?: object) => void
}

type Notice = (line: string, detail?: object) => void

CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: (encoder: { buffer: Buffer }) => promisify(zlib.zstdCompress)(encoder.buffer),
  decompress: (buffer: Buffer) => promisify(zlib.zstdDecompress)(buffer),
})

export function kafkaLog(options: KafkaLogOptions): Log {
  const notice = options.onNotice ?? (() => {})
  const clients = createClients(options, notice)
  const counts = new Map<string, number>()
  const subscriptions = new Set<Subscription>()

  const partitionsOf = async (topic: string): Promise<number> => {
    const known = counts.get(topic)
    if (known !== undefined) return known
    const found = (await clients.partitionCounts([topic])).get(topic)
    if (found === undefined) throw new UnknownTopic(`topic ${topic} does not exist on ${options.brokers.join(', ')}`)
    counts.set(topic, found)
    return found
  }
  const hasPartition = async (topic: string, partition: number): Promise<void> => {
    const count = await partitionsOf(topic)
    if (partition >= count)
      throw new UnknownTopic(`topic ${topic} has no partition ${partition}, only 0 to ${count - 1}`)
  }
  const bounds = async (topic: string): Promise<readonly Bounds[]> => {
    await partitionsOf(topic)
    const offsets = await clients.offsets(topic)
    return offsets
      .toSorted((a, b) => a.partition - b.partition)
      .map(({ low, high }) => ({ first: Number(low), next: Number(high) }))
  }
  const committed = async (group: string, topic: string): Promise<readonly (number | null)[]> => {
    await partitionsOf(topic)
    const [answer] = await clients.admin(`ask for the offsets of ${group}`, admin =>
      admin.fetchOffsets({ groupId: group, topics: [topic] }),
    )
    return (answer?.partitions ?? [])
      .toSorted((a, b) => a.partition - b.partition)
      .map(({ offset }) => (Number(offset) < 0 ? null : Number(offset)))
  }

  const producers = createProducers(options, notice)
  const send = async (topic: string, partition: number, records: readonly Outgoing[]): Promise<void> => {
    await hasPartition(topic, partition)
    try {
      await producers.send(topic, partition, records)
    } catch (error) {
      // Nothing of a request that is too large is written; the limit may be one that only its records together exceed.
      if (typeOf(error) !== 'MESSAGE_TOO_LARGE' || records.length === 1) throw error
      const half = records.length >> 1
      await send(topic, partition, records.slice(0, half))
      await send(topic, partition, records.slice(half))
    }
  }
  const queue = createAppendQueue(send)
  const reader = createReader(clients)

  return {
    async ensureTopics(specs) {
      await ensureTopics(clients, specs)
    },
    async topicNames() {
      const names = await clients.admin('list the topics', admin => admin.listTopics())
      return names.filter(name => !name.startsWith('__')).sort()
    },
    bounds,
    append: (topic, partition, records) => queue.append(topic, partition, records),
    async *read(topic, partition, from, to) {
      await hasPartition(topic, partition)
      const { first, next } = (await bounds(topic))[partition]!
      yield* reader.read(topic, partition, Math.max(from, first), Math.min(to ?? next, next))
    },
    async tail(topic, partition, from) {
      await hasPartition(topic, partition)
      return reader.tail(topic, partition, from)
    },
    committed,
    async subscribe(group, topics, member, wanted = {}) {
      for (const topic of topics) await partitionsOf(topic)
      const subscription = await subscribe(clients, { group, topics, member, wanted, bounds, committed, notice })
      subscriptions.add(subscription)
      return subscription
    },
    async close() {
      await Promise.allSettled([...subscriptions].map(subscription => subscription.stop()))
      await Promise.race([queue.idle(), sleep(5000, undefined, { ref: false })])
      queue.refuse(new Transient('the log was closed before the record was written'))
      await producers.close()
      await Promise.allSettled([reader.close(), clients.close()])
    },
  }
}

// ── Connections ──────────────────────────────────────────────────────────────────────────────────────────────────────

type Clients = {
  /** A client whose connections give up after some ten seconds. */
  readonly client: InstanceType<typeof Kafka>
  admin<T>(what: string, ask: (admin: Admin) => Promise<T>): Promise<T>
  offsets(topic: string): ReturnType<Admin['fetchTopicOffsets']>
  partitionCounts(topics: readonly string[]): Promise<Map<string, number>>
  /** Says what failed, whether it is worth another try, and which brokers were asked. */
  explain(what: string, error: unknown): Error
  close(): Promise<void>
}

// All four are given: kafkajs has others of its own when NODE_ENV is test.
const patience = { retries: 6, initialRetryTime: 100, maxRetryTime: 2000, factor: 0.2, multiplier: 2 }
const forEver = {
  retries: Number.MAX_SAFE_INTEGER,
  initialRetryTime: 50,
  maxRetryTime: 1000,
  factor: 0.2,
  multiplier: 2,
}

const leaderPatienceMs = 30_000

function createClients(options: KafkaLogOptions, notice: Notice): Clients {
  const client = new Kafka(kafkaConfig(options, patience, notice))
  let connected: Promise<Admin> | null = null
  const explain = (what: string, error: unknown) => explained(what, error, options.brokers)

  const connect = async (): Promise<Admin> => {
    const admin = client.admin()
    await admin.connect()
    return admin
  }
  const admin: Clients['admin'] = async (what, ask) => {
    const began = performance.now()
    for (let attempt = 1; ; attempt++) {
      try {
        connected ??= connect()
        return await ask(await connected)
      } catch (error) {
        const old = connected
        connected = null
        old?.then(admin => admin.disconnect()).catch(() => {})
        const { retriable, exhausted } = natureOf(error)
        // A leader may just have moved, or a new topic's broker may not have taken it up yet, which on a busy machine
        // takes seconds; only a new client looks for the leader anew.
        const moving = typeOf(error) === 'NOT_LEADER_FOR_PARTITION' && performance.now() - began < leaderPatienceMs
        if (!moving && (!retriable || exhausted || attempt >= 5)) throw explain(what, error)
        await sleep(Math.min(1000, 100 * 2 ** attempt))
      }
    }
  }
  // One at a time: a look-up of one topic takes the metadata of the others away, and an offsets call under way then crashes.
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn: Clients['admin'] = (what, ask) => {
    const mine = turn.then(() => admin(what, ask))
    turn = mine.catch(() => {})
    return mine
  }
  return {
    client,
    admin,
    explain,
    offsets: topic => inTurn(`ask for the bounds of ${topic}`, each => each.fetchTopicOffsets(topic)),
    async partitionCounts(topics) {
      const found = await Promise.all(
        topics.map(topic =>
          inTurn(`look up topic ${topic}`, async each => {
            try {
              return (await each.fetchTopicMetadata({ topics: [topic] })).topics
            } catch (error) {
              if (typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return []
              throw error
            }
          }),
        ),
      )
      return new Map(found.flat().map(({ name, partitions }) => [name, partitions.length]))
    },
    async close() {
      await connected?.then(each => each.disconnect()).catch(() => {})
    },
  }
}

function kafkaConfig(options: KafkaLogOptions, retry: typeof patience, notice: Notice): KafkaConfig {
  return {
    brokers: [...options.brokers],
    clientId: options.clientId ?? 'offerstream',
    ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
    ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
    connectionTimeout: 3000,
    retry,
    logLevel: logLevel.WARN,
    logCreator: quietLog(notice),
  }
}

/** What kafkajs writes as errors on every rebalance, look-up and answer that it then handles. */
const everyday =
  /^Response |rebalanc|rejoin|coordinator|generation id|member id|not aware of this member|not the leader|Limiting retries|closed connection/i

/** The same line at most once in ten seconds: an outage repeats it for every attempt of every connection. */
function quietLog(notice: Notice): NonNullable<KafkaConfig['logCreator']> {
  const said = new Map<string, number>()
  return () =>
    ({ namespace, label, log }) => {
      const { message, timestamp: _, logger: __, stack: ___, ...detail } = log
      if (everyday.test(`${message} ${detail['error'] ?? ''}`)) return
      const line = `kafka ${label.toLowerCase()} in ${namespace}: ${message}`
      const now = performance.now()
      if (now - (said.get(line) ?? -Infinity) < 10_000) return
      if (said.size > 1000) said.clear()
      said.set(line, now)
      notice(line, detail)
    }
}

type KafkaError = {
  readonly name?: string
  readonly type?: string
  readonly retriable?: boolean
  readonly cause?: unknown
  readonly message?: string
}

function* causes(error: unknown): Iterable<KafkaError> {
  for (let at = error as KafkaError | undefined, depth = 0; at != null && depth < 5; depth++) {
    yield at
    at = at.cause as KafkaError | undefined
  }
}

/** Kafka's own name of the error, wherever kafkajs has wrapped it. */
function typeOf(error: unknown): string | null {
  for (const { type } of causes(error)) if (type !== undefined) return type
  return null
}

function natureOf(error: unknown): { retriable: boolean; exhausted: boolean } {
  const all = [...causes(error)]
  const exhausted = all.some(({ name }) => name === 'KafkaJSNumberOfRetriesExceeded')
  const away = all.some(
    ({ name }) => name === 'KafkaJSGroupCoordinatorNotFound' || name?.endsWith('NoBrokerAvailableError'),
  )
  // Thrown bare where a connection went between being chosen and being used.
  if (all.some(({ message }) => message === 'Broker not connected')) return { retriable: true, exhausted }
  const kafka = all.some(({ name }) => name?.startsWith('KafkaJS'))
  return { retriable: kafka && (exhausted || away || all.at(-1)?.retriable === true), exhausted }
}

function explained(what: string, error: unknown, brokers: readonly string[]): Error {
  if (error instanceof Transient || error instanceof Refused || error instanceof UnknownTopic) return error
  const type = typeOf(error)
  const message = (error as Error).message
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return new UnknownTopic(`could not ${what}: ${message}`, { cause: error })
  const denied = [...causes(error)].some(({ name }) => name === 'KafkaJSSASLAuthenticationError')
  if (denied || type?.endsWith('AUTHORIZATION_FAILED'))
    return new Refused(`Kafka at ${brokers.join(', ')} did not let us ${what}: ${message}`, { cause: error })
  if (type === 'MESSAGE_TOO_LARGE')
    return new Refused(`Kafka at ${brokers.join(', ')} did not ${what}: the record is larger than the topic takes`, {
      cause: error,
    })
  if (natureOf(error).retriable)
    return new Transient(
      `could not ${what}: Kafka at ${brokers.join(', ')} does not answer as it should (${message}); is it running, and is the address right?`,
      { cause: error },
    )
  return error as Error
}

// ── Topics ───────────────────────────────────────────────────────────────────────────────────────────────────────────

async function ensureTopics(clients: Clients, specs: readonly TopicSpec[]): Promise<void> {
  const names = specs.map(({ name }) => name)
  const missing = specs.filter(missingFrom(await clients.partitionCounts(names)))
  if (missing.length > 0)
    await clients.admin(`create ${missing.map(({ name }) => name).join(', ')}`, admin =>
      admin.createTopics({
        waitForLeaders: true,
        topics: missing.map(spec => ({
          topic: spec.name,
          numPartitions: spec.partitions,
          replicationFactor: -1, // the cluster's default
          configEntries: topicSettings(spec),
        })),
      }),
    )
  // Another process may have created one at the same time: what counts is what is there now.
  const deadline = performance.now() + 15_000
  let found = await clients.partitionCounts(names)
  while (specs.some(missingFrom(found)) && performance.now() < deadline) {
    await sleep(50)
    found = await clients.partitionCounts(names)
  }
  const wrong = specs.filter(spec => found.get(spec.name) !== spec.partitions)
  if (wrong.length === 0) return
  throw new Refused(
    wrong
      .map(({ name, partitions }) =>
        found.has(name)
          ? `topic ${name} has ${found.get(name)} partitions, wanted ${partitions}: the count is fixed at creation`
          : `topic ${name} was created and did not appear`,
      )
      .join('; '),
  )
}

const missingFrom = (found: ReadonlyMap<string, number>) => (spec: TopicSpec) => !found.has(spec.name)

function topicSettings({ kept, recordBytes }: TopicSpec): { name: string; value: string }[] {
  const longest = '9223372036854775807'
  const settings: Record<string, string> = {
    // Records keep the times of their events: history is years old, and a virtual clock may be ahead.
    'message.timestamp.before.max.ms': longest,
    'message.timestamp.after.max.ms': longest,
    'retention.ms': typeof kept === 'number' ? `${kept}` : '-1',
    'retention.bytes': '-1',
    'cleanup.policy': kept === 'compacted' ? 'compact' : 'delete',
    // Kafka holds a whole request of one partition to this limit, not each of its records.
    ...(recordBytes === undefined ? {} : { 'max.message.bytes': `${Math.max(recordBytes + 1000, 1 << 20)}` }),
  }
  return Object.entries(settings).map(([name, value]) => ({ name, value }))
}

// ── Records ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function toMessage(partition: number, record: KafkaMessage): Message {
  let cause: string | null = null
  let headers: Record<string, string> | null = null
  for (const name in record.headers) {
    const given = (record.headers as IHeaders)[name]
    const value = Array.isArray(given) ? given.at(-1) : given
    if (value == null) continue
    if (name === 'cause') cause = value.toString('latin1' as BufferEncoding)
    else {
      headers ??= {}
      headers[name] = value.toString()
    }
  }
  return {
    partition,
    offset: Number(record.offset),
    key: record.key === null ? null : record.key.toString(),
    value: record.value,
    cause,
    headers: headers ?? none,
    timestamp: Number(record.timestamp),
  }
}
const none: Readonly<Record<string, string>> = Object.freeze({})

function toHeaders({ cause, headers }: Outgoing): IHeaders {
  if (cause == null) return { ...headers }
  return { ...headers, cause: Buffer.from(cause, 'latin1') }
}

// ── Appending ────────────────────────────────────────────────────────────────────────────────────────────────────────

type Producers = {
  send(topic: string, partition: number, records: readonly Outgoing[]): Promise<void>
  close(): Promise<void>
}
type Live = {
  readonly producer: Producer
  readonly abandon: () => void
  readonly ready: Promise<void>
  records: number
  outstanding: number
  retired: boolean
}

/** Each has one request under way per broker, so this many partitions of one broker are written at a time. */
const producersPerLog = 4

function createProducers(options: KafkaLogOptions, notice: Notice): Producers {
  const recordsPerProducer = options.recordsPerProducer ?? 1_000_000_000
  const compression = options.compression === 'zstd' ? CompressionTypes.ZSTD : CompressionTypes.None
  const live = new Set<Live>()
  /** Lowest base offset the next answer may carry: a lower one is the answer to an older request. */
  const atLeast = new Map<string, number>()
  /** Which of them a partition uses never changes. */
  const current: (Live | null)[] = Array.from({ length: producersPerLog }, () => null)
  const slots = new Map<string, number>()
  const slotOf = (name: string): number => {
    const slot = slots.get(name) ?? slots.size % current.length
    slots.set(name, slot)
    return slot
  }

  const start = (): Live => {
    let abandoned = false
    const quiet = quietLog(notice)(logLevel.WARN)
    const client = new Kafka({
      ...kafkaConfig(options, forEver, notice),
      logCreator: () => entry => {
        // A producer that retries for ever has no way to be told to stop, except from the lines it writes as it does.
        if (abandoned && (entry.namespace === 'Producer' || entry.namespace === 'BrokerPool'))
          throw Object.assign(new Error('the producer was given up'), { retriable: false })
        quiet(entry)
      },
    })
    const producer = client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: forEver,
    })
    const each: Live = {
      producer,
      ready: producer.connect(),
      records: 0,
      outstanding: 0,
      retired: false,
      abandon: () => {
        abandoned = true
      },
    }
    live.add(each)
    return each
  }
  const retire = (each: Live): void => {
    each.retired = true
    const slot = current.indexOf(each)
    if (slot >= 0) current[slot] = null
    if (each.outstanding > 0) return
    live.delete(each)
    each.producer.disconnect().catch(() => {})
  }

  return {
    async send(topic, partition, records) {
      const name = `${topic}/${partition}`
      const slot = slotOf(name)
      const mine = current[slot] ?? start()
      if (!mine.retired) current[slot] = mine
      mine.outstanding++
      mine.records += records.length
      if (mine.records >= recordsPerProducer) retire(mine)
      const slow = setInterval(() => notice(`append to ${name} still waits for Kafka`), 10_000)
      try {
        await mine.ready
        const answers = await mine.producer.send({
          topic,
          acks: -1,
          compression,
          messages: records.map(record => ({
            key: record.key,
            value: record.value,
            partition,
            headers: toHeaders(record),
            timestamp: `${record.timestamp ?? Date.now()}`,
          })),
        })
        const [answer] = answers
        const base = Number(answer?.baseOffset ?? -1)
        const low = atLeast.get(name) ?? 0
        if (answers.length !== 1 || answer?.errorCode !== 0 || answer.partition !== partition || base < low)
          throw new Refused(
            `append to ${name} was answered with ${JSON.stringify(answers)}, wanted one offset of ${low} or more`,
          )
        atLeast.set(name, base + records.length)
      } catch (error) {
        retire(mine)
        atLeast.delete(name)
        throw explained(`append to ${name}`, error, options.brokers)
      } finally {
        clearInterval(slow)
        mine.outstanding--
        if (mine.retired) retire(mine)
      }
    },
    async close() {
      const all = [...live]
      for (const each of all) if (each.outstanding > 0) each.abandon()
      const gone = Promise.allSettled(all.map(each => each.producer.disconnect()))
      // A broker that holds a request and says nothing would hold us for as long as the request may take.
      await Promise.race([gone, sleep(2000, undefined, { ref: false })])
      live.clear()
      current.fill(null)
    },
  }
}

// ── Reading without a group ──────────────────────────────────────────────────────────────────────────────────────────

type Reader = {
  read(topic: string, partition: number, from: number, to: number): AsyncGenerator<readonly Message[]>
  tail: Log['tail']
  close(): Promise<void>
}
type Fetched = { readonly messages: readonly Message[]; readonly next: number; readonly stableEnd: number }
type RawRecord = KafkaMessage & {
  readonly isControlRecord: boolean
  readonly batchContext: {
    readonly firstOffset: string
    readonly lastOffsetDelta: number
    readonly producerId: string
    readonly inTransaction: boolean
  }
}
type RawPartition = {
  readonly lastStableOffset: string
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[]
  readonly messages: readonly RawRecord[]
}

const readCommitted = 1

function createReader(clients: Clients): Reader {
  let connected: Promise<Cluster> | null = null
  /** Brokers to which the connection for fetches is being opened by a first fetch, or is open where that succeeded. */
  const opened = new Map<string, Promise<boolean>>()
  let fetchedAt = 0

  // kafkajs hands its connections to whoever assigns partitions; this consumer never joins its group.
  const connect = async (): Promise<Cluster> => {
    let cluster: Cluster | null = null
    clients.client.consumer({
      groupId: `reader-${randomBytes(6).toString('hex')}`,
      allowAutoTopicCreation: false,
      partitionAssigners: [
        config => {
          cluster = config.cluster
          return PartitionAssigners.roundRobin(config)
        },
      ],
    })
    await cluster!.connect()
    return cluster!
  }

  const fetchOnce = async (topic: string, partition: number, from: number, waitMs: number): Promise<Fetched> => {
    connected ??= connect().catch(error => {
      connected = null
      throw error
    })
    const cluster = await connected
    await cluster.addTargetTopic(topic)
    await cluster.refreshMetadataIfNecessary()
    const [leader] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
    if (leader === undefined) throw new Transient(`${topic}/${partition} has no leader`)
    const broker = await cluster.findBroker({ nodeId: leader })
    // Two first fetches at once would make kafkajs open two sockets and forget one of them.
    if (performance.now() - fetchedAt > 60_000) opened.clear() // a broker closes what stays idle
    fetchedAt = performance.now()
    for (let open = opened.get(leader); open !== undefined && !(await open); ) open = opened.get(leader)
    const fetching = broker.fetch({
      isolationLevel: readCommitted,
      maxWaitTime: waitMs,
      minBytes: 1,
      maxBytes: 8 << 20,
      topics: [{ topic, partitions: [{ partition, fetchOffset: `${from}`, maxBytes: 4 << 20 }] }],
    })
    if (!opened.has(leader)) {
      const failed = (): boolean => {
        opened.delete(leader)
        return false
      }
      opened.set(
        leader,
        fetching.then(() => true, failed),
      )
    }
    const { responses } = await fetching
    const held: RawPartition = responses[0].partitions[0]
    const last = held.messages.at(-1)?.batchContext
    return {
      messages: committedOnly(held)
        .filter(({ offset }) => Number(offset) >= from)
        .map(record => toMessage(partition, record)),
      next: last === undefined ? from : Math.max(from, Number(last.firstOffset) + last.lastOffsetDelta + 1),
      stableEnd: Number(held.lastStableOffset),
    }
  }

  const fetch = async (topic: string, partition: number, from: number, waitMs = 100): Promise<Fetched> => {
    const deadline = performance.now() + 30_000
    for (let pause = 50; ; pause = Math.min(pause * 2, 1000)) {
      try {
        return await fetchOnce(topic, partition, from, waitMs)
      } catch (error) {
        const what = `read ${topic}/${partition} from offset ${from}`
        if (typeOf(error) === 'OFFSET_OUT_OF_RANGE') throw new Refused(`could not ${what}: it is no longer in the log`)
        const { retriable, exhausted } = natureOf(error)
        if ((!retriable && !(error instanceof Transient)) || exhausted || performance.now() > deadline)
          throw clients.explain(what, error)
        opened.clear()
        await sleep(pause)
        const cluster = await connected?.catch(() => null)
        const { host, port } = error as { host?: string; port?: number }
        if (host !== undefined && port !== undefined) cluster?.removeBroker({ host, port })
        await cluster?.refreshMetadata().catch(() => {})
      }
    }
  }

  return {
    async *read(topic, partition, from, to) {
      let at = from
      let ahead = at < to ? fetch(topic, partition, at) : null
      try {
        while (at < to) {
          const { messages, next, stableEnd } = await ahead!
          // An empty answer with the end in sight: what is left of the range was compacted away.
          if (next === at && stableEnd >= to) return
          at = next
          ahead = at < to ? fetch(topic, partition, at) : null
          ahead?.catch(() => {})
          const wanted =
            messages.length > 0 && messages.at(-1)!.offset >= to
              ? messages.filter(({ offset }) => offset < to)
              : messages
          if (wanted.length > 0) yield wanted
        }
      } finally {
        await ahead?.catch(() => {})
      }
    },
    async tail(topic, partition, from) {
      const { messages, next, stableEnd } = await fetch(topic, partition, from, 0)
      return { messages, next, end: stableEnd }
    },
    async close() {
      await connected?.then(cluster => cluster.disconnect()).catch(() => {})
    },
  }
}

/** Without what transactions left behind: their control records and the records of those that were given up. */
function committedOnly({ messages, abortedTransactions }: RawPartition): readonly RawRecord[] {
  if (!messages.some(({ batchContext }) => batchContext.inTransaction)) return messages
  const aborts = abortedTransactions.toSorted((a, b) => Number(a.firstOffset) - Number(b.firstOffset))
  const aborted = new Set<string>()
  return messages.filter(({ offset, isControlRecord, batchContext: { producerId, inTransaction } }) => {
    while (aborts.length > 0 && Number(aborts[0]!.firstOffset) <= Number(offset))
      aborted.add(aborts.shift()!.producerId)
    if (!isControlRecord) return !(inTransaction && aborted.has(producerId))
    aborted.delete(producerId) // the marker that ends the transaction, whichever way
    return false
  })
}

// ── Groups ───────────────────────────────────────────────────────────────────────────────────────────────────────────

type Wanted = {
  readonly group: string
  readonly topics: readonly string[]
  readonly member: Member
  readonly wanted: SubscribeOptions
  readonly notice: Notice
  bounds(topic: string): Promise<readonly Bounds[]>
  committed(group: string, topic: string): Promise<readonly (number | null)[]>
}

/** A busy log answers every fetch at once, with a record or two: its requests would cost far more than its records. */
const leastPauseMs = 8

async function subscribe(
  clients: Clients,
  { group, topics, member, wanted, bounds, committed, notice }: Wanted,
): Promise<Subscription> {
  const batchRecords = wanted.batchRecords ?? 2000
  const sessionTimeout = wanted.sessionTimeoutMs ?? 10_000
  const fetchPauseMs = wanted.fetchPauseMs ?? leastPauseMs
  const lanes = new Map<string, Lane>()
  const running = new Set<Promise<void>>()
  const commits = new Map<string, { lane: Lane; next: number; waiting: PromiseWithResolvers<void>[] }>()
  let sent: readonly { readonly waiting: readonly PromiseWithResolvers<void>[] }[] = []
  let committing: Promise<void> | null = null
  let stopping = false
  let ended = false
  const { promise: done, resolve: finish, reject } = Promise.withResolvers<void>()
  done.catch(() => {})

  const consumer = clients.client.consumer({
    groupId: group,
    sessionTimeout,
    heartbeatInterval: Math.min(1000, Math.floor(sessionTimeout / 5)),
    rebalanceTimeout: Math.max(30_000, sessionTimeout),
    allowAutoTopicCreation: false,
    minBytes: 1,
    // Only the pause between two looks at an idle log, and the longest that a resumed lane waits; see stack measurements.
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 1 << 20,
    maxBytes: 10 << 20,
    retry: { ...forEver, restartOnFailure: async () => !ended },
  })

  const nameOf = (topic: string, partition: number): string => `${topic}/${partition}`
  /** kafkajs refuses these while it restarts; the next join sets everything anew. */
  const whileJoined = (act: () => void): void => {
    try {
      act()
    } catch {}
  }
  const pause = (lane: Lane): void => {
    lane.paused = true
    whileJoined(() => consumer.pause([{ topic: lane.topic, partitions: [lane.partition] }]))
  }
  const resume = (lane: Lane): void => {
    lane.paused = false
    whileJoined(() => consumer.resume([{ topic: lane.topic, partitions: [lane.partition] }]))
  }
  const sendBack = (lane: Lane, offset: number): void =>
    whileJoined(() => consumer.seek({ topic: lane.topic, partition: lane.partition, offset: `${offset}` }))

  const shut = (lane: Lane): void => {
    lane.open = false
    lane.waiting.close()
    pause(lane)
  }
  const revoke = (lane: Lane): void => {
    lanes.delete(nameOf(lane.topic, lane.partition))
    lane.owned = false
    const told = lane.open && lane.announced
    shut(lane)
    if (told) member.revoked(lane.topic, lane.partition)
  }
  const fail = (error: unknown): void => {
    if (ended) return
    ended = true
    for (const lane of lanes.values()) shut(lane)
    reject(clients.explain(`go on as a member of ${group}`, error))
    consumer.disconnect().catch(() => {})
  }

  /** While Kafka is away nothing can be read anyway; null once nobody wants the answer. */
  const patiently = async <T>(ask: () => Promise<T>): Promise<T | null> => {
    while (!stopping && !ended) {
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof Transient)) throw error
        await sleep(500)
      }
    }
    return null
  }
  /** Null where the log holds the offset or ends at it. */
  const whyOutside = async ({ topic, partition }: Lane, offset: number): Promise<string | null> => {
    for (let attempt = 1; ; attempt++) {
      const held = (await patiently(() => bounds(topic)))?.[partition]
      if (held === undefined) return null
      const { first, next } = held
      if (offset < first) return `the log begins at ${first}: records were deleted before they were read`
      if (offset <= next) return null
      // A new leader may not know yet how far its log is agreed upon.
      if (attempt === 4) return `the log ends at ${next}: the topic was made anew or has lost records`
      await sleep(300)
    }
  }
  const refuse = async (lane: Lane, offset: number, why: string, found?: number): Promise<never> => {
    // kafkajs has put its reset position in the group's place; a restart must meet the same refusal.
    if (lane.committed !== null)
      await consumer
        .commitOffsets([{ topic: lane.topic, partition: lane.partition, offset: `${lane.committed}` }])
        .catch(() => {})
    const seen = found === undefined ? '' : `, found ${found}`
    throw new Refused(`${group} expected offset ${offset} of ${nameOf(lane.topic, lane.partition)}${seen}, but ${why}`)
  }

  const work = async (
    lane: Lane,
    before: Promise<void>,
    offsets: () => Promise<readonly (number | null)[] | null>,
  ): Promise<void> => {
    await before
    const { topic, partition } = lane
    const known = (await offsets())?.[partition] ?? null
    if (!lane.open) return
    lane.committed = known
    lane.announced = true
    const start = await member.assigned(topic, partition, known)
    if (!lane.open) return
    const outside = await whyOutside(lane, start)
    if (!lane.open) return
    if (outside !== null) await refuse(lane, start, outside)
    lane.expected = start
    sendBack(lane, start)
    resume(lane)
    while (lane.open) {
      const messages = await lane.waiting.take(batchRecords)
      if (!lane.open || messages.length === 0) return
      if (lane.paused && lane.waiting.isLow()) resume(lane)
      const answer = await member.batch(topic, partition, messages)
      if (answer === 'more') continue
      lane.owned = false
      if (answer === 'reassign' && lane.open) begin(topic, partition, () => patiently(() => committed(group, topic)))
      shut(lane)
      return
    }
  }
  /** The work under way for a partition we have had before: its calls must not overlap with the new owner's, us. */
  const last = new Map<string, Promise<void>>()
  const begin = (topic: string, partition: number, offsets: () => Promise<readonly (number | null)[] | null>): void => {
    const name = nameOf(topic, partition)
    const before = Promise.allSettled([lanes.get(name)?.running, last.get(name)]).then(() => {})
    const lane = createLane(topic, partition)
    lanes.set(name, lane)
    pause(lane)
    lane.running = work(lane, before, offsets).catch(fail)
    last.set(name, lane.running)
    running.add(lane.running)
    lane.running.finally(() => running.delete(lane.running))
  }

  const joined = (assignment: Readonly<Record<string, readonly number[]>>): void => {
    const mine = new Set(Object.entries(assignment).flatMap(([topic, all]) => all.map(each => nameOf(topic, each))))
    for (const [name, lane] of [...lanes]) if (!mine.has(name)) revoke(lane)
    for (const [topic, partitions] of Object.entries(assignment)) {
      let asked: Promise<readonly (number | null)[] | null> | null = null
      const offsets = () => {
        asked ??= patiently(() => committed(group, topic))
        return asked
      }
      for (const partition of partitions) {
        const held = lanes.get(nameOf(topic, partition))
        if (held?.open) {
          // The join has set kafkajs back to the committed offset.
          if (held.expected !== null) sendBack(held, held.expected)
          continue
        }
        begin(topic, partition, offsets)
      }
    }
  }

  const arrived = async (
    batch: Batch & { readonly fetchedOffset?: string },
    resolveOffset: (offset: string) => void,
  ): Promise<void> => {
    const lane = lanes.get(nameOf(batch.topic, batch.partition))
    if (lane === undefined || !lane.open || lane.expected === null || batch.messages.length === 0) return
    const expected = lane.expected
    const fetched = Number(batch.fetchedOffset)
    if (fetched !== expected) {
      const outside = await whyOutside(lane, expected)
      if (!lane.open || lane.expected !== expected) return
      if (outside !== null) await refuse(lane, expected, outside, Number(batch.firstOffset() ?? fetched))
      // Past a batch that holds nothing but transaction markers kafkajs moves on by itself: it then does so twice.
      const explained = fetched > expected && lane.sentBackTo === expected
      if (!explained) {
        lane.sentBackTo = expected
        sendBack(lane, expected)
        return
      }
    }
    const end = Number(batch.lastOffset()) + 1
    resolveOffset(batch.messages.at(-1)!.offset)
    lane.expected = end
    let bytes = 0
    const messages = batch.messages.map(record => {
      bytes += 64 + (record.value?.length ?? 0) + (record.key?.length ?? 0)
      return toMessage(batch.partition, record)
    })
    lane.waiting.push(messages, bytes)
    if (!lane.paused && lane.waiting.isFull()) pause(lane)
  }

  let nextFetchAt = 0
  const untilNextFetch = (): Promise<void> => {
    const now = performance.now()
    if (now > nextFetchAt) nextFetchAt = now + fetchPauseMs
    return sleep(nextFetchAt - now)
  }

  let memberId = ''
  consumer.on('consumer.group_join', ({ payload }) => {
    if (ended || stopping) return
    // Under a new name we were away for a while: what we hold, another may have held since.
    if (payload.memberId !== memberId) for (const lane of [...lanes.values()]) revoke(lane)
    memberId = payload.memberId
    joined(payload.memberAssignment)
  })
  consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
    if (ended) return
    if (!restart) return fail(error)
    notice(`${group} joins anew after: ${error.message}`)
    for (const lane of [...lanes.values()]) revoke(lane)
  })

  const flush = async (): Promise<void> => {
    while (commits.size > 0) {
      const batch = [...commits.values()]
      commits.clear()
      sent = batch
      const mine = batch.filter(({ lane }) => lane.owned)
      try {
        if (mine.length > 0)
          await consumer.commitOffsets(
            mine.map(({ lane: { topic, partition }, next }) => ({ topic, partition, offset: `${next}` })),
          )
        for (const { lane, next } of mine) lane.committed = next
      } catch (error) {
        const lost = ['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'FENCED_INSTANCE_ID']
        if (!lost.includes(typeOf(error) ?? '')) {
          const why = clients.explain(`commit offsets of ${group}`, error)
          for (const { waiting } of batch) for (const each of waiting) each.reject(why)
          continue
        }
      }
      for (const { waiting } of batch) for (const each of waiting) each.resolve()
    }
    committing = null
  }

  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // What a fetch brought is only put on lanes: all of it at once, before the pause that it shares.
      partitionsConsumedConcurrently: 256,
      eachBatch: async ({ batch, resolveOffset }) => {
        await arrived(batch, resolveOffset).catch(fail)
        await untilNextFetch()
      },
    })
  } catch (error) {
    ended = true
    await consumer.disconnect().catch(() => {})
    throw clients.explain(`join ${group}`, error)
  }

  return {
    done,
    async commit(topic, partition, next) {
      const name = nameOf(topic, partition)
      const lane = lanes.get(name)
      if (lane === undefined || !lane.owned) return
      const settled = Promise.withResolvers<void>()
      const waiting = commits.get(name)
      commits.set(name, { lane, next, waiting: [...(waiting?.waiting ?? []), settled] })
      committing ??= Promise.resolve().then(flush)
      await settled.promise
    },
    async stop() {
      stopping = true
      for (const lane of lanes.values()) shut(lane)
      // With Kafka away a commit is tried for ever, and the batch that waits for it with it.
      const over = Promise.withResolvers<void>()
      const patience = setTimeout(() => {
        over.resolve()
        const error = new Transient(`${group} stopped before Kafka had taken its offsets`)
        for (const { waiting } of [...sent, ...commits.values()]) for (const each of waiting) each.reject(error)
        commits.clear()
      }, 5000)
      await Promise.all(running)
      await Promise.race([committing, over.promise])
      clearTimeout(patience)
      if (!ended) {
        ended = true
        for (const lane of lanes.values()) lane.owned = false
        await consumer.disconnect().catch(error => notice(`${group} could not leave: ${(error as Error).message}`))
        finish()
      }
    },
  }
}
