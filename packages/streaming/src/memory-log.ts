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
  UnknownTopic,
} from './ports.ts'

type Partition = { first: number; readonly messages: Message[] }
type Lane = { readonly topic: string; readonly partition: number; active: boolean; running: Promise<void> }
type Seat = {
  readonly topics: readonly string[]
  readonly member: Member
  readonly lanes: Map<string, Lane>
  readonly batchRecords: number
  fail(error: unknown): void
}
type Group = { readonly committed: Map<string, number>; readonly seats: Seat[] }

/** A log in this process, for tests, `embedded` and replays: the whole port, nothing durable. */
export type MemoryLog = Log & {
  /** Drops the records before `offset`, as retention would. */
  deleteBefore(topic: string, partition: number, offset: number): void
  /** Drops a topic with its records, as an operator would by mistake. */
  deleteTopic(topic: string): void
}

export function memoryLog(): MemoryLog {
  const topics = new Map<string, { spec: TopicSpec; partitions: Partition[] }>()
  const groups = new Map<string, Group>()
  let wake = new Set<() => void>()

  const partitionsOf = (topic: string): Partition[] => {
    const found = topics.get(topic)
    if (found === undefined) throw new UnknownTopic(`topic ${topic} does not exist`)
    return found.partitions
  }
  const partitionOf = (topic: string, partition: number): Partition => {
    const found = partitionsOf(topic)[partition]
    if (found === undefined) throw new UnknownTopic(`topic ${topic} has no partition ${partition}`)
    return found
  }
  const nextOf = (held: Partition): number => held.first + held.messages.length
  const slice = (held: Partition, from: number, to: number): readonly Message[] =>
    held.messages.slice(Math.max(0, from - held.first), Math.max(0, to - held.first))
  const ring = (): void => {
    const waiting = wake
    wake = new Set()
    for (const each of waiting) each()
  }

  const rebalance = (group: Group): void => {
    const wanted = new Map<Seat, Set<string>>(group.seats.map(seat => [seat, new Set()]))
    let turn = 0
    for (const topic of new Set(group.seats.flatMap(seat => seat.topics)))
      for (const partition of partitionsOf(topic).keys()) {
        const takers = group.seats.filter(seat => seat.topics.includes(topic))
        wanted.get(takers[turn++ % takers.length]!)!.add(`${topic}/${partition}`)
      }
    for (const [seat, mine] of wanted)
      for (const [name, lane] of seat.lanes)
        if (!mine.has(name) && lane.active) {
          lane.active = false
          seat.member.revoked(lane.topic, lane.partition)
        }
    for (const [seat, mine] of wanted)
      for (const name of mine) {
        const before = seat.lanes.get(name)
        if (before?.active) continue
        const slash = name.lastIndexOf('/')
        const lane: Lane = {
          topic: name.slice(0, slash),
          partition: Number(name.slice(slash + 1)),
          active: true,
          running: Promise.resolve(),
        }
        seat.lanes.set(name, lane)
        lane.running = (before?.running ?? Promise.resolve()).then(() => runLane(group, seat, lane)).catch(seat.fail)
      }
    ring()
  }

  const runLane = async (group: Group, seat: Seat, lane: Lane): Promise<void> => {
    if (!lane.active) return
    const { topic, partition } = lane
    let next = await seat.member.assigned(topic, partition, group.committed.get(`${topic}/${partition}`) ?? null)
    while (lane.active) {
      const held = partitionOf(topic, partition)
      if (next > nextOf(held))
        throw new Refused(`${topic}/${partition}: wanted offset ${next}, the log ends at ${nextOf(held)}`)
      if (next < held.first)
        throw new Refused(`${topic}/${partition}: wanted offset ${next}, the log begins at ${held.first}`)
      const messages = slice(held, next, next + seat.batchRecords)
      if (messages.length === 0) {
        await new Promise<void>(resolve => wake.add(resolve))
        continue
      }
      switch (await seat.member.batch(topic, partition, messages)) {
        case 'more':
          next += messages.length
          break
        case 'reassign':
          if (lane.active)
            next = await seat.member.assigned(topic, partition, group.committed.get(`${topic}/${partition}`) ?? null)
          break
        case 'drop':
          lane.active = false
      }
    }
  }

  return {
    async ensureTopics(specs) {
      for (const spec of specs) {
        const found = topics.get(spec.name)
        if (found === undefined)
          topics.set(spec.name, {
            spec,
            partitions: Array.from({ length: spec.partitions }, () => ({ first: 0, messages: [] })),
          })
        else if (found.partitions.length !== spec.partitions)
          throw new Refused(
            `topic ${spec.name} has ${found.partitions.length} partitions, wanted ${spec.partitions}: the count is fixed at creation`,
          )
      }
    },
    async topicNames() {
      return [...topics.keys()]
    },
    async bounds(topic): Promise<readonly Bounds[]> {
      return partitionsOf(topic).map(held => ({ first: held.first, next: nextOf(held) }))
    },
    async append(topic, partition, records: readonly Outgoing[]) {
      const held = partitionOf(topic, partition)
      await Promise.resolve()
      for (const record of records)
        held.messages.push({
          partition,
          offset: nextOf(held),
          key: record.key,
          value: record.value,
          cause: record.cause ?? null,
          headers: record.headers ?? {},
          timestamp: record.timestamp ?? Date.now(),
        })
      ring()
    },
    async *read(topic, partition, from, to) {
      const held = partitionOf(topic, partition)
      const end = Math.min(to ?? nextOf(held), nextOf(held))
      for (let at = Math.max(from, held.first); at < end; at += 1000) yield slice(held, at, Math.min(at + 1000, end))
    },
    async tail(topic, partition, from) {
      const held = partitionOf(topic, partition)
      const end = nextOf(held)
      if (from < held.first || from > end)
        throw new Refused(`${topic}/${partition}: wanted offset ${from}, the log holds ${held.first} to ${end}`)
      const next = Math.min(end, from + 1000)
      return { messages: slice(held, from, next), next, end }
    },
    async committed(group, topic) {
      const known = groups.get(group)?.committed
      return partitionsOf(topic).map((_, partition) => known?.get(`${topic}/${partition}`) ?? null)
    },
    async subscribe(name, wanted, member, options: SubscribeOptions = {}): Promise<Subscription> {
      for (const topic of wanted) partitionsOf(topic)
      const group: Group = groups.get(name) ?? { committed: new Map(), seats: [] }
      groups.set(name, group)
      let settle: { resolve(): void; reject(error: unknown): void }
      const done = new Promise<void>((resolve, reject) => {
        settle = { resolve, reject }
      })
      done.catch(() => {})
      const leave = (): void => {
        const at = group.seats.indexOf(seat)
        if (at < 0) return
        group.seats.splice(at, 1)
        for (const lane of seat.lanes.values()) lane.active = false
        rebalance(group)
      }
      const seat: Seat = {
        topics: wanted,
        member,
        lanes: new Map(),
        batchRecords: options.batchRecords ?? 2000,
        fail: error => {
          settle.reject(error)
          leave()
        },
      }
      group.seats.push(seat)
      rebalance(group)
      return {
        done,
        async commit(topic, partition, next) {
          if (seat.lanes.get(`${topic}/${partition}`)?.active) group.committed.set(`${topic}/${partition}`, next)
        },
        async stop() {
          for (const lane of seat.lanes.values()) lane.active = false
          ring()
          await Promise.all([...seat.lanes.values()].map(lane => lane.running))
          leave()
          settle.resolve()
        },
      }
    },
    async close() {
      for (const group of groups.values())
        for (const seat of [...group.seats]) for (const lane of seat.lanes.values()) lane.active = false
      ring()
    },
    deleteBefore(topic, partition, offset) {
      const held = partitionOf(topic, partition)
      held.messages.splice(0, Math.max(0, offset - held.first))
      held.first = Math.max(held.first, offset)
    },
    deleteTopic(topic) {
      topics.delete(topic)
    },
  }
}
