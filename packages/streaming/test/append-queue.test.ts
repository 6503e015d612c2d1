import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createAppendQueue } from '../src/append-queue.ts'
import type { Outgoing } from '../src/index.ts'

const record = (text: string): Outgoing => ({ key: text, value: Buffer.alloc(100) })
const records = (...texts: readonly string[]) => texts.map(record)

/** A partition log that takes its time, and says how many requests it had at once. */
function slowLog(failing: (texts: readonly string[]) => boolean = () => false) {
  const requests: string[] = []
  const most = new Map<number, number>()
  const busy = new Map<number, number>()
  return {
    requests,
    most,
    async send(_topic: string, partition: number, sent: readonly Outgoing[]) {
      const now = (busy.get(partition) ?? 0) + 1
      busy.set(partition, now)
      most.set(partition, Math.max(most.get(partition) ?? 0, now))
      await sleep(5)
      busy.set(partition, now - 1)
      const texts = sent.map(({ key }) => key!)
      if (failing(texts)) throw new Error('nobody knows')
      requests.push(`${partition}: ${texts.join(' ')}`)
    },
  }
}

test('calls that wait share the next request, in order, one request of a partition at a time', async () => {
  const log = slowLog()
  const queue = createAppendQueue(log.send)
  const first = queue.append('t', 0, records('a'))
  const other = queue.append('t', 1, records('x'))
  await sleep(1)
  const rest = [queue.append('t', 0, records('b', 'c')), queue.append('t', 0, []), queue.append('t', 0, records('d'))]
  await Promise.all([first, other, ...rest])
  expect(log.requests).toEqual(['0: a', '1: x', '0: b c d'])
  expect([...log.most.values()]).toEqual([1, 1])
})

test('a request stays within its bounds, and a call is resolved with its last record', async () => {
  const log = slowLog()
  const queue = createAppendQueue(log.send, { bytes: 300, records: 10 })
  const done: string[] = []
  await Promise.all([
    queue.append('t', 0, records('a')).then(() => done.push(`a after ${log.requests.length}`)),
    queue.append('t', 0, records('b', 'c', 'd', 'e')).then(() => done.push(`b to e after ${log.requests.length}`)),
    queue.append('t', 0, [{ key: 'large', value: Buffer.alloc(1000) }]),
  ])
  expect(log.requests).toEqual(['0: a b', '0: c d', '0: e', '0: large'])
  expect(done).toEqual(['a after 1', 'b to e after 3'])
})

test('a request that fails takes what waits behind it along, and nothing of another partition', async () => {
  const log = slowLog(texts => texts.includes('b'))
  const queue = createAppendQueue(log.send, { bytes: 300, records: 1 })
  const calls = ['a', 'b', 'c'].map(text => queue.append('t', 0, records(text)))
  const other = queue.append('t', 1, records('x'))
  const answers = await Promise.allSettled([...calls, other])
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  await queue.append('t', 0, records('d'))
  expect(log.requests.filter(request => request.startsWith('0'))).toEqual(['0: a', '0: d'])
})

test('a queue that refuses leaves nobody waiting', async () => {
  const queue = createAppendQueue(() => new Promise(() => {}), { bytes: 300, records: 1 })
  queue.append('t', 0, records('a'))
  await sleep(1)
  const waiting = queue.append('t', 0, records('b'))
  queue.refuse(new Error('closed'))
  await expect(waiting).rejects.toThrow('closed')
  await expect(queue.append('t', 0, records('c'))).rejects.toThrow('closed')
})
