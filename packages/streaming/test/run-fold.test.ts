import { describe, expect, test } from 'vitest'
import {
  done,
  doneUntil,
  type Fold,
  type MemoryLog,
  memoryLog,
  memoryStore,
  Refused,
  type RunOptions,
  reject,
  runFold,
  type Store,
  skip,
  Transient,
  Undecodable,
} from '../src/index.ts'
import { numbers, numbersPath, updates, updatesPath } from './line.ts'

type Value = { readonly by?: number; readonly tick?: number; readonly wake?: number }
type State = { readonly sum: number; readonly woken: number }

const states = {
  encode: (state: State) => Buffer.from(JSON.stringify(state)),
  decode: (bytes: Buffer) => JSON.parse(bytes.toString()) as State,
}

/** Adds numbers; `wake` asks to be woken, a negative number is rejected, zero is nothing to do. */
const waking: Fold<State, Value> = {
  name: 'waking',
  input: {
    ...numbers,
    codec: {
      ...numbers.codec,
      decode: bytes => {
        try {
          return JSON.parse(bytes.toString())
        } catch {
          throw new Undecodable('undecodable')
        }
      },
    },
  } as Fold<State, Value>['input'],
  outputs: [updates as never],
  states,
  empty: { sum: 0, woken: 0 },
  wakes: value => value.tick ?? null,
  step(state, { key, value, cause }) {
    const update = {
      topic: 'feature-updates',
      value: { id: `${key}@${cause.offset}/${cause.index}` } as never,
    } as const
    if (value.tick !== undefined) return done({ ...state, woken: state.woken + 1 }, update)
    if (value.by !== undefined && value.by < 0) return reject('negative')
    if (value.by === 0) return skip('zero')
    return doneUntil({ ...state, sum: state.sum + (value.by ?? 0) }, value.wake ?? null)
  },
}

async function start(
  rows: readonly (readonly [key: string | null, value: Value | string | null])[],
  options: Partial<RunOptions> = {},
  fold = waking,
) {
  const log = memoryLog()
  await log.ensureTopics(
    [numbersPath, updatesPath, `${numbersPath}.dead-letters`].map(name => ({
      name,
      partitions: 1,
      kept: 'for-ever' as const,
    })),
  )
  await append(log, rows)
  const store = options.store ?? memoryStore()
  return { log, store, run: () => runFold(fold, { log, store, commitEveryMs: 0, ...options }) }
}

const append = (
  log: MemoryLog,
  rows: readonly (readonly [key: string | null, value: Value | string | null])[],
): Promise<void> =>
  log.append(
    numbersPath,
    0,
    rows.map(([key, value]) => ({
      key,
      value: value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    })),
  )

async function drain(log: MemoryLog, store: Store, fold = 'waking'): Promise<ReadonlyMap<string, number>> {
  for (;;) {
    const [bounds] = await log.bounds(numbersPath)
    const progress = await store.peekProgress(fold, 0)
    if (progress?.watermark === bounds!.next - 1) return progress.counts
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}

async function all(log: MemoryLog, topic: string) {
  const found = []
  for await (const batch of log.read(topic, 0, 0)) found.push(...batch)
  return found
}

describe('a fold', () => {
  test('keeps one state per key and counts what became of every record', async () => {
    const { log, store, run } = await start([
      ['a', { by: 1 }],
      ['b', { by: 2 }],
      ['a', { by: 3 }],
      ['a', { by: 0 }],
    ])
    const running = await run()
    expect(await drain(log, store)).toEqual(
      new Map([
        ['applied', 3],
        ['skipped/zero', 1],
      ]),
    )
    await running.stop()
    expect((await store.peek('waking', 0, ['a', 'b'])).map(bytes => states.decode(bytes!).sum)).toEqual([4, 2])
    expect(await log.committed('waking', numbersPath)).toEqual([4])
  })

  test('sends what can never succeed to the dead letters, bytes untouched, and goes on', async () => {
    const { log, store, run } = await start([
      [null, { by: 1 }],
      ['a', null],
      ['a', '\u0000{'],
      ['a', { by: -1 }],
      ['a', { by: 5 }],
    ])
    const running = await run()
    await drain(log, store)
    await running.stop()
    const dead = await all(log, `${numbersPath}.dead-letters`)
    expect(dead.map(({ headers }) => headers['reason'])).toEqual(['null-key', 'null-value', 'undecodable', 'negative'])
    expect(dead[2]!.value!.toString()).toBe('\u0000{')
    expect(dead[3]!.headers['source']).toBe(`${numbersPath}/0/3`)
    expect(states.decode((await store.peek('waking', 0, ['a']))[0]!).sum).toBe(5)
  })

  test('stops after too many rejects in a row, stays stopped over a restart, and goes on by the operator’s word', async () => {
    const { log, store, run } = await start(
      Array.from({ length: 12 }, () => ['a', { by: -1 }] as const),
      { rejectLimits: { inARow: 10, share: 1.1, ofAtLeast: 1 }, batchRecords: 5 },
    )
    await expect((await run()).done).rejects.toThrow(/stopped after 10 rejects in a row/)
    await expect((await run()).done).rejects.toThrow(Refused)
    const again = await runFold(waking, { log, store, continueAfterRejects: true })
    await drain(log, store)
    await again.stop()
    const sources = (await all(log, `${numbersPath}.dead-letters`)).map(({ headers }) => headers['source'])
    expect(new Set(sources).size).toBe(12)
  })

  test('wakes the keys that are due when a tick comes, in order, a bounded number at a time', async () => {
    const { log, store, run } = await start(
      [
        ['b', { by: 1, wake: 10 }],
        ['a', { by: 1, wake: 10 }],
        ['c', { by: 1, wake: 5 }],
        ['d', { by: 1, wake: 99 }],
        ['', { tick: 10 }],
        ['', { tick: 20 }],
        ['', { tick: 30 }],
      ],
      { wakesPerTick: 2 },
    )
    const running = await run()
    const counts = await drain(log, store)
    await running.stop()
    expect(counts.get('woken')).toBe(3)
    expect((await all(log, updatesPath)).map(({ value }) => JSON.parse(value!.toString()).id)).toEqual([
      'c@4/0',
      'a@4/1',
      'b@5/0',
    ])
    expect((await store.peek('waking', 0, ['d']))[0]!.toString()).toContain('"woken":0')
  })

  test('a repeated cause is skipped, a later one is not', async () => {
    const { log, store, run } = await start([])
    const record = (offset: number) => ({
      key: 'a',
      value: Buffer.from('{"by":1}'),
      cause: `purchases@1/0/${offset}/0`,
    })
    await log.append(numbersPath, 0, [record(7), record(7), record(3), record(8)])
    const running = await run()
    expect(await drain(log, store)).toEqual(
      new Map([
        ['applied', 2],
        ['skipped/repeated', 2],
      ]),
    )
    await running.stop()
  })

  test('waits while the store is unwell and loses nothing', async () => {
    const whole = memoryStore()
    let failures = 3
    const store: Store = {
      ...whole,
      async open(fold, partition) {
        const lane = await whole.open(fold, partition)
        return {
          ...lane,
          save: async change => {
            if (failures-- > 0) throw new Transient('no answer')
            return lane.save(change)
          },
        }
      },
    }
    const { log, run } = await start([['a', { by: 1 }]], { store })
    const running = await run()
    expect((await drain(log, store)).get('applied')).toBe(1)
    await running.stop()
  })

  test('waits before a record that only another version can handle, and that one goes on from there', async () => {
    const { log, store, run } = await start(
      [
        ['a', { by: 1 }],
        ['a', { by: 99 }],
        ['a', { by: 2 }],
      ],
      {},
      { ...waking, awaits: value => (value.by === 99 ? 'only the next version adds 99' : null) },
    )
    const older = await run()
    while ((await store.peekProgress('waking', 0))?.watermark !== 0)
      await new Promise(resolve => setTimeout(resolve, 1))
    await new Promise(resolve => setTimeout(resolve, 50))
    await older.stop()
    expect((await store.peekProgress('waking', 0))?.watermark).toBe(0)
    expect(await all(log, `${numbersPath}.dead-letters`)).toEqual([])
    const newer = await runFold(waking, { log, store, commitEveryMs: 0 })
    const counts = await drain(log, store)
    await newer.stop()
    expect(counts.get('applied')).toBe(3)
  })

  test('an earlier owner that opens the partition late does not leave it without any', async () => {
    const { log, store, run } = await start([['a', { by: 1 }]], { sessionTimeoutMs: 50 })
    const running = await run()
    await drain(log, store)
    await store.open('waking', 0)
    await append(log, [['a', { by: 2 }]])
    const counts = await drain(log, store)
    await running.stop()
    expect(counts.get('applied')).toBe(2)
  })

  test('a bug stops it, and nothing of the batch is saved or committed', async () => {
    const { log, store, run } = await start(
      [
        ['a', { by: 1 }],
        ['b', { by: 2 }],
      ],
      {},
      {
        ...waking,
        step: (state, { key }) => {
          if (key === 'b') throw new TypeError('bug')
          return done(state)
        },
      },
    )
    await expect((await run()).done).rejects.toThrow('bug')
    expect(await store.peek('waking', 0, ['a'])).toEqual([null])
    expect(await log.committed('waking', numbersPath)).toEqual([null])
  })

  test('a record without a value means what the fold says it means', async () => {
    const { log, store } = await start([
      ['a', { by: 4 }],
      ['a', null],
    ])
    const running = await runFold({ ...waking, nullMeans: { by: 38 } }, { log, store })
    expect(await drain(log, store)).toEqual(new Map([['applied', 2]]))
    await running.stop()
    expect(states.decode((await store.peek('waking', 0, ['a']))[0]!).sum).toBe(42)
  })

  test('prepares a whole batch with one call, one context per record', async () => {
    const sizes: number[] = []
    const seen: number[] = []
    const fold: Fold<State, Value, number> = {
      ...waking,
      prepare: async batch => {
        sizes.push(batch.length)
        return batch.map(({ value }) => value.by! * 10)
      },
      step: (state, _record, context) => {
        seen.push(context)
        return done(state)
      },
    }
    const { log, store } = await start([
      ['a', { by: 1 }],
      ['b', { by: 2 }],
      ['c', { by: 3 }],
    ])
    const running = await runFold(fold, { log, store })
    await drain(log, store)
    await running.stop()
    expect([sizes, seen]).toEqual([[3], [10, 20, 30]])
  })
})

describe('a fold refuses by name', () => {
  const refusal = async (prepare: (log: MemoryLog, store: Store) => Promise<void>): Promise<string> => {
    const { log, store, run } = await start(Array.from({ length: 5 }, () => ['a', { by: 1 }] as const))
    const first = await run()
    await drain(log, store)
    await first.stop()
    await prepare(log, store)
    const running = await run()
    return running.done.then(
      () => 'went on',
      (error: Error) => `${error.name}: ${error.message}`,
    )
  }

  test('a topic that was recreated', async () => {
    expect(
      await refusal(async log => {
        log.deleteTopic(numbersPath)
        await log.ensureTopics([{ name: numbersPath, partitions: 1, kept: 'for-ever' }])
      }),
    ).toMatch(
      /Refused: .*the log ends at 0: the topic was recreated or truncated. Run `offerstream rebuild`.*docs.guarantees/,
    )
  })

  test('records deleted before they were applied', async () => {
    expect(
      await refusal(async log => {
        await append(
          log,
          Array.from({ length: 5 }, () => ['a', { by: 1 }] as const),
        )
        log.deleteBefore(numbersPath, 0, 8)
      }),
    ).toMatch(/Refused: .*records were deleted before they were applied/)
  })

  test('a store that lost its watermark', async () => {
    const { log, run, store } = await start([['a', { by: 1 }]])
    const first = await run()
    await drain(log, store)
    await first.stop()
    const running = await runFold(waking, { log, store: memoryStore() })
    await expect(running.done).rejects.toThrow(/the store has no watermark: its states are lost/)
  })

  test('an output its fold does not list', async () => {
    const { run } = await start(
      [
        ['a', { tick: 1 }],
        ['a', { by: 1 }],
      ],
      {},
      { ...waking, outputs: [], step: state => done(state, { topic: 'feature-updates', value: {} as never }) },
    )
    await expect((await run()).done).rejects.toThrow(/does not list among its outputs/)
  })
})
