// What every Log promises. An adapter runs this suite in a test file of its own.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Log,
  type Member,
  type Message,
  type Outgoing,
  Refused,
  type SubscribeOptions,
  type Subscription,
  UnknownTopic,
} from '../src/index.ts'

export function logConformance(name: string, open: () => Promise<{ log: Log; close(): Promise<void> }>): void {
  describe(`${name} keeps the promises of a log`, () => {
    let log: Log
    let close: () => Promise<void>
    const subscriptions: Subscription[] = []
    const run = randomUUID().slice(0, 8)
    let made = 0

    beforeAll(async () => {
      ;({ log, close } = await open())
    }, 120_000)
    afterAll(async () => {
      await Promise.allSettled(subscriptions.map(subscription => subscription.stop()))
      await close()
    }, 60_000)

    const newTopic = async (partitions = 1): Promise<string> => {
      const topic = `conformance-${run}-${++made}`
      await log.ensureTopics([{ name: topic, partitions, kept: 'for-ever' }])
      return topic
    }
    const subscribe = async (group: string, topic: string, member: Member, options?: SubscribeOptions) => {
      const subscription = await log.subscribe(group, [topic], member, options)
      subscriptions.push(subscription)
      return subscription
    }
    const valuesOf = async (topic: string, partition: number, from = 0, to?: number): Promise<string[]> => {
      const values: string[] = []
      for await (const batch of log.read(topic, partition, from, to)) values.push(...batch.map(textOf))
      return values
    }

    describe('topics', () => {
      test('a topic that is ensured is there, once, and ensuring it again changes nothing', async () => {
        const topic = await newTopic(3)
        await log.append(topic, 1, records('a'))
        await log.ensureTopics([{ name: topic, partitions: 3, kept: 'for-ever' }])
        expect((await log.topicNames()).filter(each => each === topic)).toEqual([topic])
        expect(await log.bounds(topic)).toEqual([
          { first: 0, next: 0 },
          { first: 0, next: 1 },
          { first: 0, next: 0 },
        ])
      })

      test('another partition count is refused by name', async () => {
        const topic = await newTopic(2)
        const refusal = log.ensureTopics([{ name: topic, partitions: 3, kept: 'for-ever' }])
        await expect(refusal).rejects.toThrow(Refused)
        await expect(refusal).rejects.toThrow(new RegExp(`${topic} has 2 partitions, wanted 3`))
      })

      test('topics that are kept for a time, for ever or by key can be made', async () => {
        const base = await newTopic()
        await log.ensureTopics([
          { name: `${base}-week`, partitions: 1, kept: 7 * 86_400_000 },
          { name: `${base}-key`, partitions: 1, kept: 'compacted' },
          { name: `${base}-large`, partitions: 1, kept: 'for-ever', recordBytes: 2_000_000 },
        ])
        expect(await log.topicNames()).toEqual(expect.arrayContaining([`${base}-week`, `${base}-key`, `${base}-large`]))
        await log.append(`${base}-large`, 0, [{ key: 'large', value: Buffer.alloc(1_500_000, 7) }])
        expect(await log.bounds(`${base}-large`)).toEqual([{ first: 0, next: 1 }])
      })

      test('a topic or partition that does not exist is unknown to every call', async () => {
        const topic = await newTopic(2)
        await expect(log.bounds('nobody-made-this')).rejects.toThrow(UnknownTopic)
        await expect(log.append('nobody-made-this', 0, records('a'))).rejects.toThrow(UnknownTopic)
        await expect(log.append(topic, 2, records('a'))).rejects.toThrow(UnknownTopic)
        await expect(valuesOf('nobody-made-this', 0)).rejects.toThrow(UnknownTopic)
        await expect(valuesOf(topic, 2)).rejects.toThrow(UnknownTopic)
        await expect(log.committed('anybody', 'nobody-made-this')).rejects.toThrow(UnknownTopic)
        await expect(log.subscribe('anybody', ['nobody-made-this'], recorder().member)).rejects.toThrow(UnknownTopic)
      })
    })

    describe('appending', () => {
      test('a record keeps key, value, cause, headers and timestamp', async () => {
        const topic = await newTopic()
        const at = Date.UTC(2019, 1, 3, 4, 5, 6, 789)
        await log.append(topic, 0, [
          {
            key: 'customer-é',
            value: Buffer.from([0, 1, 254, 255]),
            cause: 'purchases@1/2/3/4',
            headers: { reason: 'undecodable', note: 'naïve ✓' },
            timestamp: at,
          },
        ])
        expect(await all(log.read(topic, 0, 0))).toEqual([
          {
            partition: 0,
            offset: 0,
            key: 'customer-é',
            value: Buffer.from([0, 1, 254, 255]),
            cause: 'purchases@1/2/3/4',
            headers: { reason: 'undecodable', note: 'naïve ✓' },
            timestamp: at,
          },
        ])
      })

      test('a missing key, value or cause stays missing, and an empty value stays empty', async () => {
        const topic = await newTopic()
        const before = Date.now()
        await log.append(topic, 0, [
          { key: null, value: null },
          { key: '', value: Buffer.alloc(0) },
        ])
        const [missing, empty] = await all(log.read(topic, 0, 0))
        expect(missing).toMatchObject({ key: null, value: null, cause: null, headers: {} })
        expect(empty).toMatchObject({ key: '', value: Buffer.alloc(0), cause: null, headers: {} })
        expect(missing!.timestamp).toBeGreaterThanOrEqual(before)
        expect(missing!.timestamp).toBeLessThanOrEqual(Date.now())
      })

      test('a record from years ahead or long past is taken', async () => {
        const topic = await newTopic()
        const moments = [Date.UTC(1999, 0), Date.UTC(2099, 0)]
        await log.append(
          topic,
          0,
          moments.map(timestamp => ({ key: 'k', value: null, timestamp })),
        )
        expect((await all(log.read(topic, 0, 0))).map(({ timestamp }) => timestamp)).toEqual(moments)
      })

      test('calls that are not awaited are served in the order they were made', async () => {
        const topic = await newTopic(2)
        const wanted: string[][] = [[], []]
        const calls: Promise<void>[] = []
        for (let call = 0; call < 400; call++) {
          const partition = call % 2
          const texts = Array.from({ length: 1 + (call % 4) }, (_, index) => `${call}.${index}`)
          wanted[partition]!.push(...texts)
          calls.push(log.append(topic, partition, records(...texts)))
          if (call % 50 === 0) await sleep(1)
        }
        await Promise.all(calls)
        expect([await valuesOf(topic, 0), await valuesOf(topic, 1)]).toEqual(wanted)
      })

      test('what a call wrote can be read as soon as it resolves', async () => {
        const topic = await newTopic()
        for (let count = 1; count <= 20; count++) {
          await log.append(topic, 0, records(`${count}`))
          expect(await log.bounds(topic)).toEqual([{ first: 0, next: count }])
        }
      })

      test('a call of many megabytes arrives whole and in order, between the calls round it', async () => {
        const topic = await newTopic()
        const large = Array.from({ length: 250 }, (_, index) => ({
          key: `${index}`,
          value: Buffer.concat([Buffer.from(`${index} `), Buffer.alloc(20_000, index)]),
        }))
        await Promise.all([
          log.append(topic, 0, records('before')),
          log.append(topic, 0, large),
          log.append(topic, 0, records('after')),
        ])
        const read = await all(log.read(topic, 0, 0))
        expect(read.map(({ key }) => key)).toEqual(['before', ...large.map(({ key }) => key), 'after'])
        expect(read.slice(1, -1).every(({ value }, index) => value?.equals(large[index]!.value))).toBe(true)
      })

      test('no records are no work', async () => {
        const topic = await newTopic()
        await log.append(topic, 0, [])
        await log.append(topic, 0, records('a'))
        await log.append(topic, 0, [])
        expect(await log.bounds(topic)).toEqual([{ first: 0, next: 1 }])
      })
    })

    describe('reading', () => {
      test('a range holds its first offset and not its last', async () => {
        const topic = await newTopic()
        await log.append(topic, 0, numbers(0, 10))
        expect(await valuesOf(topic, 0, 3, 7)).toEqual(['3', '4', '5', '6'])
        expect(await valuesOf(topic, 0, 7)).toEqual(['7', '8', '9'])
        expect(await valuesOf(topic, 0, 4, 4)).toEqual([])
        expect(await valuesOf(topic, 0, 10)).toEqual([])
        expect(await valuesOf(topic, 0, 8, 99)).toEqual(['8', '9'])
      })

      test('a whole partition ends where it ended when the reading began', async () => {
        const topic = await newTopic()
        await log.append(topic, 0, numbers(0, 3000))
        const offsets: number[] = []
        for await (const batch of log.read(topic, 0, 0)) {
          if (offsets.length === 0) await log.append(topic, 0, records('later'))
          offsets.push(...batch.map(({ offset }) => offset))
        }
        expect(offsets).toEqual(Array.from({ length: 3000 }, (_, offset) => offset))
      })

      test('a tail is what is there from an offset on, without waiting, and says where the partition ends', async () => {
        const topic = await newTopic(2)
        expect(await log.tail(topic, 1, 0)).toEqual({ messages: [], next: 0, end: 0 })
        await log.append(topic, 1, numbers(0, 3000))
        const offsets: number[] = []
        for (let at = 0; at < 3000; ) {
          const { messages, next, end } = await log.tail(topic, 1, at)
          expect(end).toBe(3000)
          expect(next).toBeGreaterThan(at)
          offsets.push(...messages.map(({ offset }) => offset))
          at = next
        }
        expect(offsets).toEqual(Array.from({ length: 3000 }, (_, offset) => offset))
        expect(await log.tail(topic, 1, 3000)).toEqual({ messages: [], next: 3000, end: 3000 })
        await expect(log.tail(topic, 1, 3001)).rejects.toThrow(Refused)
        await expect(log.tail('nobody-made-this', 0, 0)).rejects.toThrow(UnknownTopic)
      })

      test('several partitions are read side by side', async () => {
        const topic = await newTopic(4)
        await Promise.all([0, 1, 2, 3].map(partition => log.append(topic, partition, numbers(partition * 1000, 1000))))
        const read = await Promise.all([0, 1, 2, 3].map(partition => valuesOf(topic, partition)))
        for (const [partition, values] of read.entries())
          expect(values).toEqual(numbers(partition * 1000, 1000).map(({ value }) => `${value}`))
      })

      test('a reader that stops in the middle leaves nothing behind', async () => {
        const topic = await newTopic()
        await log.append(topic, 0, numbers(0, 5000))
        for await (const batch of log.read(topic, 0, 0)) {
          expect(batch[0]!.offset).toBe(0)
          break
        }
        expect(await valuesOf(topic, 0, 4998)).toEqual(['4998', '4999'])
      })
    })

    describe('groups', () => {
      test('a new group is given every partition without a committed offset, and every record in order', async () => {
        const topic = await newTopic(3)
        for (const partition of [0, 1, 2]) await log.append(topic, partition, numbers(0, 500))
        const seen = recorder()
        const subscription = await subscribe(`${topic}-new`, topic, seen.member, { batchRecords: 100 })
        await until(() => [0, 1, 2].every(partition => seen.next(partition) === 500))
        await log.append(topic, 1, numbers(500, 7))
        await until(() => seen.next(1) === 507)
        expect(seen.sessions.map(({ partition, committed }) => [partition, committed]).sort()).toEqual([
          [0, null],
          [1, null],
          [2, null],
        ])
        expect(seen.faults).toEqual([])
        expect(Math.max(...seen.batchSizes)).toBeLessThanOrEqual(100)
        await subscription.stop()
      })

      test('a commit is seen by everybody and given to the next owner', async () => {
        const topic = await newTopic(2)
        const group = `${topic}-commit`
        await log.append(topic, 0, numbers(0, 10))
        expect(await log.committed(group, topic)).toEqual([null, null])
        const first = recorder()
        const one = await subscribe(group, topic, first.member)
        await until(() => first.next(0) === 10)
        await Promise.all([one.commit(topic, 0, 4), one.commit(topic, 0, 6)])
        expect(await log.committed(group, topic)).toEqual([6, null])
        expect(await log.committed(`${group}-other`, topic)).toEqual([null, null])
        await one.stop()
        const second = recorder()
        const two = await subscribe(group, topic, second.member)
        await until(() => second.next(0) === 10)
        expect(second.sessions.find(({ partition }) => partition === 0)).toMatchObject({ committed: 6, start: 6 })
        expect(second.valuesOf(0)).toEqual(['6', '7', '8', '9'])
        await two.stop()
      })

      test.each([2, 8])('the member reads from %i where it says so, whatever is committed', async start => {
        const topic = await newTopic()
        const group = `${topic}-start`
        await log.append(topic, 0, numbers(0, 10))
        const first = recorder()
        const one = await subscribe(group, topic, first.member)
        await until(() => first.next(0) === 10)
        await one.commit(topic, 0, 5)
        await one.stop()
        const second = recorder(() => start)
        const two = await subscribe(group, topic, second.member)
        await until(() => second.next(0) === 10)
        expect(second.sessions).toMatchObject([{ committed: 5, start }])
        expect(second.valuesOf(0)[0]).toBe(`${start}`)
        expect(second.faults).toEqual([])
        await two.stop()
      })

      test('to read from beyond the end is refused, naming topic, partition and both offsets', async () => {
        const topic = await newTopic()
        await log.append(topic, 0, numbers(0, 10))
        const seen = recorder(() => 15)
        const subscription = await subscribe(`${topic}-beyond`, topic, seen.member)
        await expect(subscription.done).rejects.toThrow(Refused)
        await expect(subscription.done).rejects.toThrow(new RegExp(`(?=.*${topic}/0)(?=.*\\b15\\b)(?=.*\\b10\\b)`))
        expect(seen.next(0)).toBe(15)
      })

      test('a slow partition loses nothing and does not hold up the others', async () => {
        const topic = await newTopic(3)
        const many = 40_000
        await Promise.all([0, 1, 2].map(partition => log.append(topic, partition, numbers(0, many))))
        const gate = Promise.withResolvers<void>()
        const seen = recorder(undefined, async partition => {
          if (partition === 1) await gate.promise
          return 'more'
        })
        const subscription = await subscribe(`${topic}-slow`, topic, seen.member)
        await until(() => seen.next(0) === many && seen.next(2) === many, 20_000)
        expect(seen.next(1)).toBe(0)
        await log.append(topic, 2, numbers(many, 10))
        await until(() => seen.next(2) === many + 10)
        gate.resolve()
        await until(() => seen.next(1) === many, 20_000)
        expect(seen.faults).toEqual([])
        await subscription.stop()
      }, 60_000)

      test('a partition that was dropped stays silent until the group assigns it anew', async () => {
        const topic = await newTopic(2)
        const group = `${topic}-drop`
        await log.append(topic, 0, numbers(0, 5))
        await log.append(topic, 1, numbers(0, 5))
        let dropping = true
        const seen = recorder(undefined, async partition => (partition === 0 && dropping ? 'drop' : 'more'))
        const one = await subscribe(group, topic, seen.member)
        await until(() => seen.next(0) === 5 && seen.next(1) === 5)
        await log.append(topic, 0, numbers(5, 5))
        await log.append(topic, 1, numbers(5, 5))
        await until(() => seen.next(1) === 10)
        await sleep(300)
        expect(seen.next(0)).toBe(5)
        dropping = false
        const other = recorder()
        const two = await subscribe(group, topic, other.member)
        await until(() => [...seen.sessions, ...other.sessions].filter(({ partition }) => partition === 0).length > 1)
        await two.stop()
        await until(() => seen.next(0) === 10 || other.next(0) === 10)
        expect([...seen.faults, ...other.faults]).toEqual([])
        await one.stop()
      }, 40_000)

      test('a partition to be reassigned is asked for again at once, and read from there', async () => {
        const topic = await newTopic(2)
        for (const partition of [0, 1]) await log.append(topic, partition, numbers(0, 20))
        let going = true
        const seen = recorder(
          () => (going ? 0 : 3),
          async (partition, messages) => {
            if (partition === 1 || !going || messages[0]!.offset < 10) return 'more'
            going = false
            return 'reassign'
          },
        )
        const one = await subscribe(`${topic}-reassign`, topic, seen.member, { batchRecords: 5 })
        await until(() => seen.sessions.length === 3 && seen.next(0) === 20)
        await log.append(topic, 0, numbers(20, 5))
        await until(() => seen.next(0) === 25)
        expect(seen.sessions.filter(({ partition }) => partition === 0).map(({ start }) => start)).toEqual([0, 3])
        expect(seen.next(1)).toBe(20)
        expect([seen.faults, seen.revoked]).toEqual([[], []])
        await one.stop()
      }, 40_000)

      test('two members share the partitions, and what one leaves the other takes', async () => {
        const topic = await newTopic(4)
        const group = `${topic}-share`
        const all = [0, 1, 2, 3]
        for (const partition of all) await log.append(topic, partition, numbers(0, 100))
        const first = recorder()
        const second = recorder()
        const one = await subscribe(group, topic, first.member)
        first.commitTo(one, topic)
        await until(() => all.every(partition => first.next(partition) === 100))
        const two = await subscribe(group, topic, second.member)
        second.commitTo(two, topic)
        await until(() => first.owned().length === 2 && second.owned().length === 2)
        expect([...first.owned(), ...second.owned()].sort()).toEqual(all)
        expect(first.revoked.length).toBeGreaterThanOrEqual(2)
        for (const partition of all) await log.append(topic, partition, numbers(100, 50))
        await until(() => all.every(partition => Math.max(first.next(partition), second.next(partition)) === 150))
        const given = second.owned()
        await two.stop()
        await until(() => first.owned().length === 4)
        for (const partition of all) await log.append(topic, partition, numbers(150, 50))
        await until(() => all.every(partition => first.next(partition) === 200))
        expect([...first.faults, ...second.faults]).toEqual([])
        // Nothing between two owners was left out: each began no later than the other had committed.
        for (const partition of given) {
          const sessions = [...first.sessions, ...second.sessions].filter(each => each.partition === partition)
          const offsets = new Set(sessions.flatMap(session => session.offsets))
          expect(offsets.size).toBe(200)
        }
        await one.stop()
      }, 60_000)

      test('a commit by a member that has lost the partition is no error', async () => {
        const topic = await newTopic()
        const group = `${topic}-late`
        await log.append(topic, 0, numbers(0, 10))
        const seen = recorder()
        const one = await subscribe(group, topic, seen.member)
        await until(() => seen.next(0) === 10)
        await one.commit(topic, 0, 3)
        await one.stop()
        await one.commit(topic, 0, 9)
        expect(await log.committed(group, topic)).toEqual([3])
      })

      test('stop waits for the batch under way, and nothing comes after it', async () => {
        const topic = await newTopic()
        await log.append(topic, 0, numbers(0, 1000))
        const begun = Promise.withResolvers<void>()
        const gate = Promise.withResolvers<void>()
        let finished = 0
        const seen = recorder(undefined, async () => {
          begun.resolve()
          await gate.promise
          finished++
          return 'more'
        })
        const subscription = await subscribe(`${topic}-stop`, topic, seen.member, { batchRecords: 10 })
        await begun.promise
        let stopped = false
        const stopping = subscription.stop().then(() => {
          stopped = true
        })
        await sleep(100)
        expect(stopped).toBe(false)
        gate.resolve()
        await stopping
        await subscription.done
        await sleep(100)
        expect([finished, seen.next(0)]).toEqual([1, 10])
      })

      test('a batch that rejects fails the subscription and commits nothing', async () => {
        const topic = await newTopic(2)
        const group = `${topic}-bug`
        await log.append(topic, 0, numbers(0, 10))
        const seen = recorder(undefined, async () => {
          throw new RangeError('a bug in the fold')
        })
        const subscription = await subscribe(group, topic, seen.member)
        await expect(subscription.done).rejects.toThrow('a bug in the fold')
        await log.append(topic, 1, numbers(0, 10))
        await sleep(300)
        expect(seen.next(1)).toBe(0)
        expect(await log.committed(group, topic)).toEqual([null, null])
        await subscription.stop()
      })

      test('an assignment that rejects fails the subscription', async () => {
        const topic = await newTopic()
        const seen = recorder(() => {
          throw new Refused('the watermark is gone')
        })
        const subscription = await subscribe(`${topic}-refuse`, topic, seen.member)
        await expect(subscription.done).rejects.toThrow('the watermark is gone')
      })
    })
  })
}

type Session = {
  readonly partition: number
  readonly committed: number | null
  readonly start: number
  readonly offsets: number[]
  readonly values: string[]
  owned: boolean
}

/** A member that writes down what it was given, and every promise that was broken on the way. */
export function recorder(
  from: (committed: number | null) => number = committed => committed ?? 0,
  handle: (partition: number, messages: readonly Message[]) => Promise<'more' | 'drop' | 'reassign'> = async () =>
    'more',
) {
  const sessions: Session[] = []
  const faults: string[] = []
  const revoked: number[] = []
  const batchSizes: number[] = []
  const busy = new Set<number>()
  let commit: (partition: number, next: number) => Promise<void> = async () => {}
  const latest = (partition: number) => sessions.findLast(session => session.partition === partition)

  const member: Member = {
    async assigned(_topic, partition, committed) {
      if (busy.has(partition)) faults.push(`${partition} was assigned while a batch of it was under way`)
      const start = from(committed)
      sessions.push({ partition, committed, start, offsets: [], values: [], owned: true })
      return start
    },
    async batch(_topic, partition, messages) {
      if (busy.has(partition)) faults.push(`two batches of ${partition} at once`)
      busy.add(partition)
      const answer = await handle(partition, messages)
      const session = latest(partition)!
      for (const message of messages) {
        const wanted = session.start + session.offsets.length
        if (message.offset !== wanted) faults.push(`${partition}: wanted offset ${wanted}, got ${message.offset}`)
        if (message.partition !== partition) faults.push(`${partition}: a record of ${message.partition}`)
        session.offsets.push(message.offset)
        session.values.push(textOf(message))
      }
      if (messages.length === 0) faults.push(`${partition}: an empty batch`)
      batchSizes.push(messages.length)
      busy.delete(partition)
      await commit(partition, session.start + session.offsets.length)
      return answer
    },
    revoked(_topic, partition) {
      revoked.push(partition)
      const session = latest(partition)
      if (session === undefined || !session.owned) faults.push(`${partition} was revoked and not ours`)
      else session.owned = false
    },
  }
  return {
    member,
    sessions,
    faults,
    revoked,
    batchSizes,
    commitTo(subscription: Subscription, topic: string) {
      commit = (partition, next) => subscription.commit(topic, partition, next)
    },
    owned: () => sessions.filter(({ owned }) => owned).map(({ partition }) => partition),
    next: (partition: number) => {
      const session = latest(partition)
      return session === undefined ? -1 : session.start + session.offsets.length
    },
    valuesOf: (partition: number) => latest(partition)?.values ?? [],
  }
}

export async function until(condition: () => boolean, withinMs = 10_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${condition}`)
    await sleep(10)
  }
}

const textOf = ({ value }: Message): string => value?.toString() ?? ''
const records = (...texts: readonly string[]): Outgoing[] =>
  texts.map(text => ({ key: text, value: Buffer.from(text) }))
const numbers = (from: number, count: number): Outgoing[] =>
  Array.from({ length: count }, (_, index) => ({ key: `${from + index}`, value: Buffer.from(`${from + index}`) }))

async function all(batches: AsyncIterable<readonly Message[]>): Promise<readonly Message[]> {
  const messages: Message[] = []
  for await (const batch of batches) messages.push(...batch)
  return messages
}
