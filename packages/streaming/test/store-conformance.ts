import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Change, type Store, type StoreGuards, type StoreLane, Transient } from '../src/index.ts'

/** A way into one and the same store, with guards switched off where a negative control asks for it. */
export type OpenStore = (guards?: StoreGuards) => Store

const partition = 7
let folds = 0
const newFold = (): string => `conformance-${process.pid}-${Date.now()}-${++folds}`

/** A change with only what a test names in it. */
const change = (from: number | null, to: number | null, more: Partial<Change> = {}): Change => ({
  from,
  to,
  states: [],
  causes: new Map(),
  counts: new Map(),
  due: [],
  outbox: null,
  ...more,
})

const bytes = (text: string): Buffer => Buffer.from(text)

/** What every adapter of the port `Store` promises. `open` may be called many times; all of them see the same data. */
export function storeConformance(name: string, open: () => Promise<OpenStore>): void {
  describe(`${name} keeps the promises of a store`, () => {
    let openStore: OpenStore
    let store: Store
    const stores: Store[] = []
    const openWith = (guards?: StoreGuards): Store => {
      const opened = openStore(guards)
      stores.push(opened)
      return opened
    }
    beforeAll(async () => {
      openStore = await open()
      store = openWith()
    }, 120_000)
    afterAll(async () => {
      for (const each of stores) await each.close()
    })

    test('a partition never opened holds nothing, and nobody owns it', async () => {
      const fold = newFold()
      expect(await store.peekProgress(fold, partition)).toBeNull()
      expect(await store.peek(fold, partition, ['a'])).toEqual([null])
    })

    test('the first owner finds an empty partition', async () => {
      const lane = await store.open(newFold(), partition)
      expect(lane).toMatchObject({ watermark: null, outbox: null })
      expect(lane.causes.size + lane.counts.size).toBe(0)
      expect(await lane.load(['a', 'b'])).toEqual([null, null])
      expect(await lane.due(Number.MAX_SAFE_INTEGER, 10)).toEqual([])
    })

    test('everything a save brought is there for the next owner', async () => {
      const fold = newFold()
      const saved = await (await store.open(fold, partition)).save(
        change(null, 41, {
          states: [['a', bytes('one')]],
          causes: new Map([
            ['purchases/3', [1, 40, 2]],
            ['usage/0', [0, 9_007_199_254_740_991, 0]],
          ]),
          counts: new Map([
            ['applied', 2],
            ['already-applied', 1],
          ]),
          due: [['a', 1_000]],
          outbox: bytes('to publish'),
        }),
      )
      expect(saved).toBe('saved')
      const next = await store.open(fold, partition)
      expect(next.epoch).toBeGreaterThan(2 ** 20)
      expect(next.watermark).toBe(41)
      expect([...next.causes].sort()).toEqual([
        ['purchases/3', [1, 40, 2]],
        ['usage/0', [0, 9_007_199_254_740_991, 0]],
      ])
      expect([...next.counts].sort()).toEqual([
        ['already-applied', 1],
        ['applied', 2],
      ])
      expect(next.outbox).toEqual(bytes('to publish'))
      expect(await next.load(['a'])).toEqual([bytes('one')])
      expect(await next.due(1_000, 10)).toEqual([{ key: 'a', at: 1_000 }])
      expect(await store.peek(fold, partition, ['b', 'a'])).toEqual([null, bytes('one')])
      expect(await store.peekProgress(fold, partition)).toEqual({
        epoch: next.epoch,
        watermark: 41,
        retiredBy: null,
        counts: new Map([
          ['already-applied', 1],
          ['applied', 2],
        ]),
      })
    })

    test('a later save changes what it names and leaves the rest', async () => {
      const fold = newFold()
      const lane = await store.open(fold, partition)
      await lane.save(
        change(null, 0, {
          states: [
            ['a', bytes('a0')],
            ['b', bytes('b0')],
          ],
          causes: new Map([
            ['x/0', [0, 1, 0]],
            ['y/0', [0, 1, 0]],
          ]),
          counts: new Map([
            ['applied', 2],
            ['late', 1],
          ]),
          due: [
            ['a', 10],
            ['b', 20],
          ],
          outbox: bytes('first'),
        }),
      )
      await lane.save(
        change(0, 5, {
          states: [
            ['a', null],
            ['c', bytes('c1')],
          ],
          causes: new Map([['y/0', [1, 0, 3]]]),
          counts: new Map([['applied', 7]]),
          due: [
            ['a', null],
            ['b', 5],
            ['c', 7],
          ],
        }),
      )
      const next = await store.open(fold, partition)
      expect(next.watermark).toBe(5)
      expect(await next.load(['a', 'b', 'c'])).toEqual([null, bytes('b0'), bytes('c1')])
      expect(next.causes).toEqual(
        new Map([
          ['x/0', [0, 1, 0]],
          ['y/0', [1, 0, 3]],
        ]),
      )
      expect(next.counts).toEqual(
        new Map([
          ['applied', 7],
          ['late', 1],
        ]),
      )
      expect(await next.due(100, 10)).toEqual([
        { key: 'b', at: 5 },
        { key: 'c', at: 7 },
      ])
      expect(next.outbox).toBeNull()
    })

    test('the watermark may stand still while states change', async () => {
      const fold = newFold()
      const lane = await store.open(fold, partition)
      expect(await lane.save(change(null, null, { states: [['a', bytes('1')]] }))).toBe('saved')
      expect(await lane.save(change(null, 3))).toBe('saved')
      expect(await lane.save(change(3, 3, { states: [['a', bytes('2')]] }))).toBe('saved')
      expect((await store.peekProgress(fold, partition))?.watermark).toBe(3)
      expect(await lane.load(['a'])).toEqual([bytes('2')])
    })

    test('folds and partitions do not see one another', async () => {
      const [one, other] = [newFold(), newFold()]
      const lane = await store.open(one, 1)
      await lane.save(change(null, 1, { states: [['a', bytes('1')]], due: [['a', 1]] }))
      for (const [fold, at] of [
        [one, 11],
        [other, 1],
      ] as const) {
        const stranger = await store.open(fold, at)
        expect(stranger).toMatchObject({ watermark: null })
        expect(await stranger.load(['a'])).toEqual([null])
        expect(await stranger.due(9, 9)).toEqual([])
      }
    })

    test('a new owner shuts the old one out at once, even before it saves', async () => {
      const fold = newFold()
      const old = await store.open(fold, partition)
      await old.save(change(null, 1, { states: [['a', bytes('1')]] }))
      const owner = await store.open(fold, partition)
      expect(owner.epoch).toBeGreaterThan(old.epoch)
      expect(await old.save(change(1, 2, { states: [['a', bytes('zombie')]] }))).toBe('fenced')
      expect(await owner.load(['a'])).toEqual([bytes('1')])
      expect(await owner.save(change(1, 2, { states: [['a', bytes('2')]] }))).toBe('saved')
      expect(await old.save(change(2, 3))).toBe('fenced')
    })

    test('of many owners only the last may save', async () => {
      const fold = newFold()
      const lanes = await Promise.all(Array.from({ length: 5 }, () => store.open(fold, partition)))
      const last = lanes.reduce((a, b) => (b.epoch > a.epoch ? b : a))
      expect(new Set(lanes.map(lane => lane.epoch)).size).toBe(5)
      const answers = await Promise.all(lanes.map(lane => lane.save(change(null, lane.epoch))))
      expect(answers.map((answer, i) => (lanes[i] === last ? 'saved' : answer))).toEqual(
        lanes.map(lane => (lane === last ? 'saved' : 'fenced')),
      )
      expect((await store.peekProgress(fold, partition))?.watermark).toBe(last.epoch)
    })

    test('a save from a watermark that is not the stored one finds the store rewound', async () => {
      const fold = newFold()
      const lane = await store.open(fold, partition)
      await lane.save(change(null, 10, { states: [['a', bytes('10')]] }))
      for (const from of [null, 0, 9, 11]) {
        expect(await lane.save(change(from, 12, { states: [['a', bytes('stale')]] }))).toBe('rewound')
      }
      expect(await lane.load(['a'])).toEqual([bytes('10')])
      expect((await store.peekProgress(fold, partition))?.watermark).toBe(10)
    })

    test('a fenced save leaves nothing behind', async () => {
      const fold = newFold()
      const old = await store.open(fold, partition)
      await old.save(
        change(null, 1, {
          states: [['a', bytes('1')]],
          causes: new Map([['x/0', [0, 1, 0]]]),
          counts: new Map([['applied', 1]]),
          due: [['a', 1]],
          outbox: bytes('kept'),
        }),
      )
      await store.open(fold, partition)
      expect(
        await old.save(
          change(1, 2, {
            states: [
              ['a', null],
              ['b', bytes('b')],
            ],
            causes: new Map([['x/0', [0, 2, 0]]]),
            counts: new Map([['applied', 2]]),
            due: [
              ['a', null],
              ['b', 2],
            ],
          }),
        ),
      ).toBe('fenced')
      const next = await store.open(fold, partition)
      expect(next.watermark).toBe(1)
      expect(await next.load(['a', 'b'])).toEqual([bytes('1'), null])
      expect(next.causes).toEqual(new Map([['x/0', [0, 1, 0]]]))
      expect(next.counts).toEqual(new Map([['applied', 1]]))
      expect(await next.due(9, 9)).toEqual([{ key: 'a', at: 1 }])
      expect(next.outbox).toEqual(bytes('kept'))
    })

    test('two connections compete for the same partition as two owners in one', async () => {
      const fold = newFold()
      const here = await store.open(fold, partition)
      const there = await openWith().open(fold, partition)
      expect(await here.save(change(null, 1))).toBe('fenced')
      expect(await there.save(change(null, 1, { states: [['a', bytes('there')]] }))).toBe('saved')
      expect(await store.peek(fold, partition, ['a'])).toEqual([bytes('there')])
    })

    test('the due come in order of moment, then of the UTF-8 bytes of the key, and no more than asked for', async () => {
      const fold = newFold()
      const lane = await store.open(fold, partition)
      // In UTF-16 the surrogate pair of 😀 comes before ｚ (U+FF5A), in UTF-8 after it.
      const keys = ['b', '😀', 'a', 'ｚ', 'é', 'Z', 'aa']
      await lane.save(
        change(null, 1, {
          due: [
            ['late', 2_000],
            ...keys.map(key => [key, 1_000] as const),
            ['early', 999],
            ['never', 1_000],
            ['never', null],
          ],
        }),
      )
      const order = ['early', 'Z', 'a', 'aa', 'b', 'é', 'ｚ', '😀', 'late']
      expect((await lane.due(5_000, 100)).map(each => each.key)).toEqual(order)
      expect((await lane.due(1_000, 100)).map(each => each.key)).toEqual(order.slice(0, -1))
      expect((await lane.due(999, 100)).map(each => each.key)).toEqual(['early'])
      expect(await lane.due(998, 100)).toEqual([])
      expect((await lane.due(5_000, 4)).map(each => each.key)).toEqual(order.slice(0, 4))
      expect((await lane.due(5_000, 4)).map(each => each.key)).toEqual(order.slice(0, 4))
      expect(await lane.due(5_000, 0)).toEqual([])
    })

    test('a due moment set again and again counts once, at its last value', async () => {
      const lane = await store.open(newFold(), partition)
      let watermark: number | null = null
      for (const at of [5, 9, 5, 1_767_225_600_000, 5, 7]) {
        const to: number = (watermark ?? 0) + 1
        await lane.save(change(watermark, to, { due: [['a', at]] }))
        watermark = to
      }
      expect(await lane.due(1_767_225_600_000, 10)).toEqual([{ key: 'a', at: 7 }])
    })

    test('states are any bytes, keys are any text', async () => {
      const lane = await store.open(newFold(), partition)
      const states = new Map([
        ['', Buffer.alloc(0)],
        ['every byte', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
        ['{not}:a:{tag}', Buffer.from([0xc3, 0x28, 0xff, 0xfe])],
        ['Zürich/客户 😀\r\n\0', Buffer.from('\r\n$3\r\nfoo')],
        ['__proto__', Buffer.from('x')],
        ['meta', Buffer.from('m')],
        [':', Buffer.from('c')],
      ])
      await lane.save(change(null, 1, { states: [...states], outbox: Buffer.from([0, 255, 13, 10]) }))
      expect(await lane.load([...states.keys()])).toEqual([...states.values()])
      expect((await lane.load(['every byte']))[0]!.length).toBe(256)
    })

    test('the bytes saved are those at the moment of the save', async () => {
      const lane = await store.open(newFold(), partition)
      const state = Buffer.from('before')
      await lane.save(change(null, 1, { states: [['a', state]] }))
      state.fill(0)
      expect(await lane.load(['a'])).toEqual([bytes('before')])
    })

    test('a batch of 5,000 keys is saved and loaded whole', async () => {
      const fold = newFold()
      const lane = await store.open(fold, partition)
      const keys = Array.from({ length: 5_000 }, (_, i) => `customer-${i}`)
      const states = keys.map(key => [key, randomBytes(300)] as const)
      const first = change(null, 5_000, {
        states,
        due: keys.map((key, i) => [key, i] as const),
        causes: new Map(keys.map((key, i) => [key, [0, i, 0]] as const)),
        counts: new Map(keys.map((key, i) => [key, i])),
      })
      expect(await lane.save(first)).toBe('saved')
      expect(await lane.load(keys)).toEqual(states.map(([, state]) => state))
      expect((await lane.due(1e9, 10_000)).map(each => each.key)).toEqual(keys)
      const gone = change(5_000, 9_999, {
        states: keys.map(key => [key, null] as const),
        due: keys.map(key => [key, null] as const),
      })
      expect(await lane.save(gone)).toBe('saved')
      expect((await lane.load(keys)).every(state => state === null)).toBe(true)
      expect(await lane.due(1e9, 10)).toEqual([])
      const next = await store.open(fold, partition)
      expect(next.causes.size).toBe(5_000)
      expect(next.counts.get('customer-4999')).toBe(4_999)
    })

    test('an outbox of 5 MB survives a change of owner, byte for byte', async () => {
      const fold = newFold()
      const outbox = randomBytes(5_000_000)
      await (await store.open(fold, partition)).save(change(null, 1, { outbox }))
      const next = await store.open(fold, partition)
      expect(next.outbox?.equals(outbox)).toBe(true)
      const another = await store.open(fold, partition)
      expect(another.outbox?.equals(outbox)).toBe(true)
      await another.save(change(1, 2))
      expect((await store.open(fold, partition)).outbox).toBeNull()
    })

    describe('a walk over the states of a partition', () => {
      const walk = async (fold: string, at = partition) => {
        const found = new Map<string, string>()
        for await (const page of store.each(fold, at)) for (const [key, state] of page) found.set(key, state.toString())
        return found
      }

      test('brings each once or more, as it is, and none of another partition or fold', async () => {
        const fold = newFold()
        const keys = Array.from({ length: 4_321 }, (_, i) => `customer-${i}`).concat(
          '',
          'é:{a}',
          '😀',
          ':.keys',
          '\r\n',
        )
        const lane = await store.open(fold, partition)
        await lane.save(change(null, 1, { states: keys.map(key => [key, bytes(`1 ${key}`)] as const) }))
        await lane.save(
          change(1, 2, {
            states: [
              ['customer-7', bytes('2')],
              ['customer-8', null],
              ['never', null],
              ['new', bytes('3')],
            ],
          }),
        )
        await (await store.open(fold, 11)).save(change(null, 1, { states: [['stranger', bytes('x')]] }))
        await (await store.open(`${fold}x`, partition)).save(change(null, 1, { states: [['stranger', bytes('x')]] }))
        const wanted = new Map(keys.map(key => [key, `1 ${key}`])).set('customer-7', '2').set('new', '3')
        wanted.delete('customer-8')
        const found = await walk(fold)
        expect(new Map([...found].sort())).toEqual(new Map([...wanted].sort()))
        expect(await walk(newFold())).toEqual(new Map())
        const names = new Set<string>()
        for await (const page of store.keys(fold, partition)) for (const key of page) names.add(key)
        expect([...names].sort()).toEqual([...wanted.keys()].sort())
      })

      test('comes in pages, and misses none that is there while others come and go', async () => {
        const fold = newFold()
        const lane = await store.open(fold, partition)
        const keys = Array.from({ length: 10_000 }, (_, i) => `stays-${i}`)
        const passing = Array.from({ length: 20_000 }, (_, i) => `passes-${i}`)
        const put = (keys: readonly string[], state: Buffer | null) => keys.map(key => [key, state] as const)
        await lane.save(change(null, 0, { states: put(keys, bytes('old')) }))
        const seen = new Set<string>()
        let pages = 0
        let largest = 0
        for await (const page of store.each(fold, partition)) {
          for (const [key] of page) seen.add(key)
          largest = Math.max(largest, page.length)
          // The table behind the index grows and shrinks as it is walked.
          const states = pages % 2 === 0 ? put(passing, bytes('x')) : put(passing, null)
          await lane.save(change(pages, ++pages, { states: [...states, [keys[pages]!, bytes('new')]] }))
        }
        expect(keys.filter(key => !seen.has(key))).toEqual([])
        expect(pages).toBeGreaterThan(4)
        expect(largest).toBeLessThan(3_000)
      })

      test('sees nothing of a save that was fenced', async () => {
        const fold = newFold()
        const old = await store.open(fold, partition)
        await store.open(fold, partition)
        expect(await old.save(change(null, 1, { states: [['a', bytes('zombie')]] }))).toBe('fenced')
        expect(await walk(fold)).toEqual(new Map())
      })
    })

    describe('a capture', () => {
      type Row = { readonly state: string | null; readonly due: number | null }
      const take = async (fold: string, between: () => Promise<void> = async () => {}) => {
        const rows = new Map<string, Row>()
        const captured = await store.capture(fold, partition, async page => {
          for (const [key, state, due] of page) rows.set(key, { state: state?.toString() ?? null, due })
          await between()
        })
        return { captured, rows: new Map([...rows].filter(([, { state }]) => state !== null)) }
      }

      test('brings states, due moments and everything that belongs to them', async () => {
        const fold = newFold()
        expect((await take(fold)).captured).toBeNull()
        const lane = await store.open(fold, partition)
        await lane.save(
          change(null, 4, {
            states: [
              ['a', bytes('1')],
              ['é', bytes('2')],
              ['', bytes('')],
            ],
            due: [['é', 17]],
            causes: new Map([['x/0', [1, 2, 3]]]),
            counts: new Map([['applied', 3]]),
            outbox: bytes('o'),
          }),
        )
        const { captured, rows } = await take(fold)
        expect(captured).toEqual({
          watermark: 4,
          causes: new Map([['x/0', [1, 2, 3]]]),
          counts: new Map([['applied', 3]]),
          outbox: bytes('o'),
          states: 3,
        })
        expect(await store.size(fold, partition)).toBe(3)
        expect(rows).toEqual(
          new Map([
            ['a', { state: '1', due: null }],
            ['é', { state: '2', due: 17 }],
            ['', { state: '', due: null }],
          ]),
        )
        expect(await lane.save(change(4, 5))).toBe('saved')
      })

      test('is of one moment, though the owner saves all the while', async () => {
        const fold = newFold()
        const lane = await store.open(fold, partition)
        const keys = Array.from({ length: 5_000 }, (_, i) => `customer-${i}`)
        let at = 0
        // Every save sets one key more to its own watermark; some lose a due moment, some vanish, some are new.
        const wanted = new Map<string, Row>()
        const photographs: ReadonlyMap<string, Row>[] = []
        const step = async (states: Change['states'], due: Change['due']) => {
          for (const [key, state] of states) {
            if (state === null) wanted.delete(key)
            else wanted.set(key, { state: state.toString(), due: wanted.get(key)?.due ?? null })
          }
          for (const [key, moment] of due) if (wanted.has(key)) wanted.set(key, { ...wanted.get(key)!, due: moment })
          expect(await lane.save(change(at === 0 ? null : at, ++at, { states, due }))).toBe('saved')
          photographs[at] = new Map(wanted)
        }
        await step(
          keys.map(key => [key, bytes('0')] as const),
          keys.map((key, i) => [key, i] as const),
        )
        let saves = 0
        const { captured, rows } = await take(fold, async () => {
          for (let i = 0; i < 20 && saves < 200; i++, saves++) {
            const [one, other, gone] = [saves * 7, saves * 13 + 1, saves * 3 + 2].map(each => keys[each % keys.length]!)
            await step(
              [
                [one!, bytes(`${at}`)],
                [gone!, null],
                [`new-${saves}`, bytes('n')],
              ],
              [[other!, null]],
            )
          }
        })
        expect(saves).toBeGreaterThan(20)
        expect(rows).toEqual(photographs[captured!.watermark!])
        expect(captured!.states).toBe(rows.size)
      })

      test('of a partition whose owner changes is either whole or begun again', async () => {
        const fold = newFold()
        let lane = await store.open(fold, partition)
        await lane.save(change(null, 1, { states: [['a', bytes('1')]] }))
        let changed = false
        const { captured, rows } = await take(fold, async () => {
          if (changed) return
          changed = true
          lane = await store.open(fold, partition)
          expect(await lane.save(change(1, 2, { states: [['a', bytes('2')]] }))).toBe('saved')
        }).catch(error => {
          expect(error).toBeInstanceOf(Transient)
          return take(fold)
        })
        expect(rows.get('a')!.state).toBe(`${captured!.watermark}`)
      })
    })

    describe('a succession', () => {
      const someone = (fold: string, term = 1) => ({ fold, publishesAfter: term * 10 - 11, term })

      test('the incumbent of a role is changed by who knows the one before', async () => {
        const role = newFold()
        expect(await store.incumbent(role, partition)).toBeNull()
        expect(await store.appoint(role, partition, null, someone('old'))).toBe(true)
        expect(await store.appoint(role, partition, null, someone('late'))).toBe(false)
        expect(await store.appoint(role, partition, someone('old', 2), someone('new', 3))).toBe(false)
        expect(await store.incumbent(role, partition)).toEqual(someone('old'))
        expect(await store.appoint(role, partition, someone('old'), someone('new', 2))).toBe(true)
        expect(await openWith().incumbent(role, partition)).toEqual(someone('new', 2))
        expect(await store.incumbent(role, 11)).toBeNull()
      })

      test('of many who would succeed one does', async () => {
        const role = newFold()
        const answers = await Promise.all(
          [1, 2, 3, 4, 5].map(n => store.appoint(role, partition, null, someone('x', n))),
        )
        expect(answers.filter(answer => answer)).toHaveLength(1)
      })

      test('a retired partition is saved to by nobody, and stays where it ended', async () => {
        const fold = newFold()
        const old = await store.open(fold, partition)
        await old.save(change(null, 6, { states: [['a', bytes('6')]], outbox: bytes('left') }))
        const left = { watermark: 6, outbox: bytes('left') }
        expect(await store.retire(fold, partition, 'new')).toEqual(left)
        expect(await old.save(change(6, 7, { states: [['a', bytes('7')]] }))).toBe('fenced')
        expect(await store.retire(fold, partition, 'new')).toEqual(left)
        const late = await store.open(fold, partition)
        expect(late).toMatchObject({ retiredBy: 'new', ...left })
        expect(await late.save(change(6, 7))).toBe('fenced')
        expect(await store.retire(fold, partition, 'new')).toEqual(left)
        await expect(store.retire(fold, partition, 'another')).rejects.toThrow(/taken over by new already; another/)
        expect((await store.peekProgress(fold, partition))!).toMatchObject({ watermark: 6, retiredBy: 'new' })
        expect(await store.peek(fold, partition, ['a'])).toEqual([bytes('6')])

        await store.reinstate(fold, partition)
        const again = await store.open(fold, partition)
        expect(again.retiredBy).toBeNull()
        expect(await again.save(change(6, 7))).toBe('saved')
      })

      test('a partition nobody opened can be retired', async () => {
        const fold = newFold()
        expect(await store.retire(fold, partition, 'new')).toEqual({ watermark: null, outbox: null })
        expect(await (await store.open(fold, partition)).save(change(null, 1))).toBe('fenced')
      })
    })

    test('a forgotten partition is as one never used, and its owner is shut out', async () => {
      const fold = newFold()
      const lane = await store.open(fold, partition)
      const keys = Array.from({ length: 3_000 }, (_, i) => `customer-${i}`)
      await lane.save(
        change(null, 1, {
          states: keys.map(key => [key, bytes('1')] as const),
          due: [['customer-1', 3]],
          causes: new Map([['x/0', [0, 1, 0]]]),
          counts: new Map([['applied', 2]]),
          outbox: bytes('o'),
        }),
      )
      await (await store.open(`${fold}x`, partition)).save(change(null, 1, { states: [['kept', bytes('1')]] }))
      await store.forget(fold, partition)
      expect(await lane.save(change(1, 2))).toBe('fenced')
      expect(await store.size(fold, partition)).toBe(0)
      expect(await store.size(`${fold}x`, partition)).toBe(1)
      const next = await store.open(fold, partition)
      expect(next).toMatchObject({ watermark: null, outbox: null, retiredBy: null })
      expect(next.causes.size + next.counts.size).toBe(0)
      expect((await next.load(keys)).every(state => state === null)).toBe(true)
      expect(await next.due(9, 9)).toEqual([])
      expect(await store.forget(newFold(), partition, 0)).toBe(true)
    })

    test('what somebody else took meanwhile is not forgotten', async () => {
      const fold = newFold()
      await (await store.open(fold, partition)).save(change(null, 1, { states: [['a', bytes('1')]] }))
      const { epoch } = (await store.peekProgress(fold, partition))!
      const owner = await store.open(fold, partition)
      expect(await store.forget(fold, partition, epoch)).toBe(false)
      expect(await store.forget(fold, partition, 0)).toBe(false)
      expect(await owner.save(change(1, 2))).toBe('saved')
      expect(await owner.load(['a'])).toEqual([bytes('1')])
      expect(await store.forget(fold, partition, owner.epoch)).toBe(true)
      expect(await owner.save(change(2, 3))).toBe('fenced')
      expect(await store.size(fold, partition)).toBe(0)
    })

    test('no key asked for, none answered', async () => {
      const fold = newFold()
      expect(await (await store.open(fold, partition)).load([])).toEqual([])
      expect(await store.peek(fold, partition, [])).toEqual([])
    })

    describe('negative controls: with a guard off, what it prevents happens', () => {
      const states = (text: string): Partial<Change> => ({ states: [['a', bytes(text)]] })

      /** An owner at watermark 1 that does not know that another one went on to 2. */
      const overtaken = async (guards?: StoreGuards): Promise<{ stale: StoreLane; fold: string }> => {
        const fold = newFold()
        const unguarded = openWith(guards)
        const stale = await unguarded.open(fold, partition)
        await stale.save(change(null, 1, states('1')))
        await (await unguarded.open(fold, partition)).save(change(1, 2, states('2')))
        return { stale, fold }
      }
      /** An owner whose watermark is the stored one, though another one changed a state since. */
      const levelled = async (guards?: StoreGuards): Promise<{ stale: StoreLane; fold: string }> => {
        const fold = newFold()
        const unguarded = openWith(guards)
        const stale = await unguarded.open(fold, partition)
        await stale.save(change(null, 1, states('1')))
        await (await unguarded.open(fold, partition)).save(change(1, 1, states('2')))
        return { stale, fold }
      }

      test('without the compare an overtaken owner overwrites the new one', async () => {
        const guarded = await overtaken()
        expect(await guarded.stale.save(change(1, 2, states('zombie')))).toBe('fenced')
        expect(await store.peek(guarded.fold, partition, ['a'])).toEqual([bytes('2')])

        const control = await overtaken({ compare: false, epoch: true })
        expect(await control.stale.save(change(1, 2, states('zombie')))).toBe('saved')
        expect(await store.peek(control.fold, partition, ['a'])).toEqual([bytes('zombie')])
      })

      test('without the epoch an owner of equal watermark overwrites the new one', async () => {
        const guarded = await levelled()
        expect(await guarded.stale.save(change(1, 2, states('zombie')))).toBe('fenced')
        expect(await store.peek(guarded.fold, partition, ['a'])).toEqual([bytes('2')])

        const control = await levelled({ compare: true, epoch: false })
        expect(await control.stale.save(change(1, 2, states('zombie')))).toBe('saved')
        expect(await store.peek(control.fold, partition, ['a'])).toEqual([bytes('zombie')])
      })

      test('without the epoch the watermark is compared still', async () => {
        const { stale } = await overtaken({ compare: true, epoch: false })
        expect(await stale.save(change(1, 2))).toBe('rewound')
      })
    })
  })
}
