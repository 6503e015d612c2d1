// A changed list of features takes over a line at work on real Kafka and Redis: the old version as a process, events all
// the while, a rebuild that is killed in the middle of building and in the middle of taking over.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { applyRecord, emptyPlaybook, stampOf } from '@offerstream/catalogue'
import { surroundingsOf } from '@offerstream/cli'
import type { CustomerEvent, ItemStamp } from '@offerstream/contracts'
import { refold } from '@offerstream/evaluation'
import { createUpdater, updaterName } from '@offerstream/feature-updater'
import { fingerprint, naive, read, type State, states } from '@offerstream/features'
import { createWorld, customerRecords, type OperatorEvent, playbookRecords, steady } from '@offerstream/simulator'
import { type Child, type Children, createChildren } from '@offerstream/stack'
import {
  causeText,
  ensureTopics,
  memoryLog,
  type Outgoing,
  openTopic,
  parseCause,
  partitionOf,
  type Store,
  type Surroundings,
  type Topic,
} from '@offerstream/streaming'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sharedStack } from '../shared-stack.ts'

const root = join(import.meta.dirname, '../..')
const prefix = 'rebuild.'
const partitions = 4
const customers = 300
const history = 20_000
const perSecond = 400
const role = 'feature-updater'

let folder: string
const stack = sharedStack()
let children: Children
let line: ReturnType<typeof surroundingsOf>
let environment: Record<string, string>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'offerstream-rebuild-'))
  children = await createChildren(folder)
  line = surroundingsOf(stack, { prefix, partitions })
  await ensureTopics(line.log, { prefix, partitions, sources: true })
  const { brokers, redis, registry } = stack.addresses!
  environment = {
    OFFERSTREAM_KAFKA_BROKERS: brokers.join(),
    OFFERSTREAM_REDIS_URL: redis,
    OFFERSTREAM_REGISTRY_URL: registry,
    OFFERSTREAM_PREFIX: prefix,
    OFFERSTREAM_PARTITIONS: `${partitions}`,
    OFFERSTREAM_SESSION_TIMEOUT_MS: '3000',
    OFFERSTREAM_BATCH_RECORDS: '500',
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
  }
})
afterAll(async () => {
  await children?.close()
  await line?.close()
  rmSync(folder, { recursive: true, force: true })
})

const node = [process.execPath, '--disable-warning=TimeoutNegativeWarning'] as const
const service = join(root, 'services/feature-updater/src/main.ts')
const logOf = (child: Child): string => readFileSync(child.logFile, 'utf8')

async function until(what: string, isSo: () => Promise<boolean> | boolean, limitMs = 60_000): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${limitMs} ms`)
    await sleep(50)
  }
}

let rebuilds = 0
const startRebuild = (failsAt = ''): Promise<Child> =>
  children.start({
    name: `rebuild-${++rebuilds}`,
    command: [...node, join(root, 'packages/cli/src/main.ts'), 'rebuild', '--stack', 'external', '--json'],
    environment: { ...environment, OFFERSTREAM_FAIL_POINT: failsAt },
  })

/** Appends to the journal as intake would; every fiftieth record twice, as after a crash of intake. */
function journalWriter({ log }: Surroundings, topic: Topic<CustomerEvent>) {
  const playbook = playbookRecords({ start: 0 }).reduce(
    (book, record, at) => applyRecord(book, record, at),
    emptyPlaybook,
  )
  const stamp = (event: OperatorEvent): ItemStamp | null =>
    event.type === 'purchase' ? (stampOf(playbook, event.item, event.at) as ItemStamp) : null
  const offsets = new Map<string, number>()
  let written = 0
  return {
    async write(events: readonly Exclude<OperatorEvent, { type: 'engagement' }>[]): Promise<void> {
      const lanes: Outgoing[][] = Array.from({ length: partitions }, () => [])
      for (const event of events) {
        const partition = partitionOf(event.customer, partitions)
        const source = event.type === 'customer' ? 'customers' : event.type === 'usage' ? 'usage' : 'purchases'
        const offset = offsets.get(`${source}/${partition}`) ?? 0
        offsets.set(`${source}/${partition}`, offset + 1)
        const record = {
          key: event.customer,
          value: topic.codec.encode({ journalledAt: event.at, triggers: true, item: stamp(event), event }),
          cause: causeText({ topic: source, generation: 1, partition, offset, index: 0 }),
        }
        lanes[partition]!.push(record, ...(written++ % 50 === 0 ? [record] : []))
      }
      await Promise.all(
        lanes.map((records, partition) =>
          records.length === 0 ? undefined : log.append(topic.path, partition, records),
        ),
      )
    },
  }
}

async function watermarkSum(store: Store, fold: string): Promise<number> {
  let sum = 0
  for (let partition = 0; partition < partitions; partition++)
    sum += ((await store.peekProgress(fold, partition))?.watermark ?? -1) + 1
  return sum
}
const lengthOf = async ({ log }: Surroundings, path: string): Promise<number> =>
  (await log.bounds(path)).reduce((sum, { next }) => sum + next, 0)

test('a changed list takes over a running line: nothing lost, nothing twice, killed twice on the way', async () => {
  const events = await openTopic(line.registry, 'customer-events', prefix)
  const updates = await openTopic(line.registry, 'feature-updates', prefix)
  const start = Date.now() - 20 * 24 * 3_600_000
  const writer = journalWriter(line, events)
  const stream = steady({ seed: 5, customers, start, intervalMs: (20 * 24 * 3_600_000) / history, triggerShare: 0.2 })
  await writer.write([...customerRecords(createWorld({ seed: 5, customers, start }))])
  const take = (count: number) => Array.from({ length: count }, () => stream.next().value!)
  for (let at = 0; at < history; at += 4000) await writer.write(take(4000))

  const old = await children.start({
    name: 'old-updater',
    command: [...node, '--import', join(import.meta.dirname, 'old-list.ts'), service],
    environment,
  })
  const serves = async () => {
    if (!old.alive()) throw new Error('it ended')
    return (await line.store.incumbent(role, 0)) !== null
  }
  await until('the old version serves', serves, 180_000).catch(error => {
    throw new Error(`${error.message}; its log:\n${logOf(old)}`)
  })
  const oldName = (await line.store.incumbent(role, 0))!.fold
  expect(oldName).not.toBe(updaterName)
  await until('it has applied the history', async () => (await watermarkSum(line.store, oldName)) > history)

  let going = true
  const live = (async () => {
    while (going) {
      await writer.write(take(perSecond / 20))
      await sleep(50)
    }
  })()

  // A service of the new version alone says what to do, and leaves the line as it is.
  const early = await children.start({ name: 'early-updater', command: [...node, service], environment })
  const building = await startRebuild('after-save:25')
  expect(await building.ended).toBe('was ended by SIGKILL')
  const endedEarly = await early.ended
  expect(endedEarly).toBe('ended with code 1')
  expect(logOf(early)).toMatch(
    /served by updater-\w+, and this version's .* run `offerstream rebuild --fold feature-updater`/,
  )
  const takingOver = await startRebuild('before-appoint:2')
  expect(await takingOver.ended).toBe('was ended by SIGKILL')
  const last = await startRebuild()
  await until('the rebuild serves', () => {
    if (!last.alive()) throw new Error(logOf(last))
    return /serves feature-updater until a service of this version joins/.test(logOf(last))
  })
  const current = await children.start({ name: 'new-updater', command: [...node, service], environment })
  expect(await last.ended).toBe('ended with code 0')
  expect(JSON.parse(logOf(last).trim().split('\n').at(-1)!)).toMatchObject({
    fold: updaterName,
    customers,
    tookOverFrom: oldName,
    complete: true,
  })
  going = false
  await live
  const total = await lengthOf(line, events.path)
  // Committed is what was published too; a watermark only says what was saved.
  await until('the new version has published everything', async () => {
    const committed = await line.log.committed(`${prefix}${updaterName}`, events.path)
    return committed.reduce<number>((sum, offset) => sum + (offset ?? 0), 0) === total
  })
  expect(logOf(old)).toMatch(
    new RegExp(`${updaterName} took over for good; a service of this version has no more to do`),
  )
  await Promise.all([old.stop(), current.stop()])
  expect(total).toBeGreaterThan(history + 1000)

  // The same journal once more, in memory: states byte for byte, and what is to be published.
  const target = memoryLog()
  const wanted = await refold(createUpdater({ events, updates }), line.log, target, { batchRecords: 2000 })
  const boundaries: number[] = []
  for (let partition = 0; partition < partitions; partition++) {
    const incumbent = (await line.store.incumbent(role, partition))!
    expect(incumbent.fold).toBe(updaterName)
    boundaries.push(incumbent.publishesAfter)
    expect(await statesOf(line.store, partition)).toEqual(await statesOf(wanted, partition))
    const journal = new Map<string, CustomerEvent[]>()
    for await (const messages of line.log.read(events.path, partition, 0))
      for (const { key, value } of messages) {
        const known = journal.get(key!) ?? []
        known.push(events.codec.decode(value!))
        journal.set(key!, known)
      }
    for (const customer of [...journal.keys()].slice(0, 10)) {
      const state: State = states.decode((await line.store.peek(updaterName, partition, [customer]))[0]!)
      expect(read(state, state.at)).toEqual(naive(journal.get(customer)!, state.at))
    }
  }

  let [byOld, byNew] = [0, 0]
  for (let partition = 0; partition < partitions; partition++) {
    const expected = new Map<string, Buffer>()
    for await (const messages of target.read(updates.path, partition, 0))
      for (const { value } of messages) expected.set(updates.codec.decode(value!).id, value!)
    const accepted: string[] = []
    const bytes = new Map<string, Buffer>()
    let highest = [-1, -1] as readonly [number, number]
    for await (const messages of line.log.read(updates.path, partition, 0))
      for (const { cause, value } of messages) {
        const update = updates.codec.decode(value!)
        expect(bytes.get(update.id)?.equals(value!) ?? true, `${update.id} was published with other bytes`).toBe(true)
        bytes.set(update.id, value!)
        const { offset, index } = parseCause(cause!)!
        const isNew = offset > boundaries[partition]!
        expect(update.fingerprint === fingerprint, `${update.id} is of the wrong list`).toBe(isNew)
        if (isNew) expect(value!.equals(expected.get(update.id)!), `${update.id} differs from the replay`).toBe(true)
        // A reader's rule: what is not above the highest cause it applied is a repeat.
        if (offset < highest[0] || (offset === highest[0] && index <= highest[1])) continue
        highest = [offset, index]
        accepted.push(update.id)
      }
    expect(accepted).toEqual([...expected.keys()])
    byNew += accepted.filter(id => parseCause(id)!.offset > boundaries[partition]!).length
    byOld += accepted.filter(id => parseCause(id)!.offset <= boundaries[partition]!).length
  }
  expect(byOld).toBeGreaterThan(100)
  expect(byNew).toBeGreaterThan(20)
}, 500_000)

async function statesOf(store: Store, partition: number): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for await (const page of store.each(updaterName, partition))
    for (const [key, state] of page) found.set(key, state.toString('base64'))
  return new Map([...found].sort())
}
