import { randomInt } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { type DueQueue, dueQueue } from './due-queue.ts'
import { memoryReservations } from './memory-reservations.ts'
import {
  type CausePosition,
  type Change,
  type Incumbent,
  retiredByAnother,
  type Store,
  type StoreGuards,
  type StoreLane,
} from './ports.ts'

type Held = {
  epoch: number
  retiredBy: string | null
  watermark: number | null
  readonly states: Map<string, Buffer>
  readonly causes: Map<string, CausePosition>
  readonly counts: Map<string, number>
  due: DueQueue
  outbox: Buffer | null
}

/** What memory stores hold, for several of them on the same data. */
export type StoreMemory = Map<string, Held>
export const storeMemory = (): StoreMemory => new Map()

/** Incumbents by role and partition; they belong to the memory that the stores share. */
const incumbents = new WeakMap<StoreMemory, Map<string, Incumbent>>()

const pageStates = 1000

/** A store in this process. Owners that compete for a partition open it on the same one, or on the same memory. */
export function memoryStore(options: { readonly guards?: StoreGuards; readonly memory?: StoreMemory } = {}): Store {
  const { guards = { compare: true, epoch: true }, memory: partitions = storeMemory() } = options
  const appointed = incumbents.get(partitions) ?? new Map<string, Incumbent>()
  incumbents.set(partitions, appointed)
  const nameOf = (fold: string, partition: number) => `${fold}:${partition}`
  const load = (held: Held | undefined, keys: readonly string[]) => keys.map(key => held?.states.get(key) ?? null)

  return {
    reservations: memoryReservations(),
    async open(fold, partition) {
      const name = nameOf(fold, partition)
      const held = partitions.get(name) ?? unopened()
      partitions.set(name, held)
      held.epoch = nextEpoch(held.epoch)
      return laneOf(held, guards, async keys => load(held, keys))
    },
    peek: async (fold, partition, keys) => load(partitions.get(nameOf(fold, partition)), keys),
    async *each(fold, partition) {
      const states = partitions.get(nameOf(fold, partition))?.states ?? new Map<string, Buffer>()
      const keys = [...states.keys()]
      for (let first = 0; first < keys.length; first += pageStates)
        yield keys.slice(first, first + pageStates).flatMap(key => {
          const state = states.get(key)
          return state === undefined ? [] : [[key, state] as const]
        })
    },
    async *keys(fold, partition) {
      const keys = [...(partitions.get(nameOf(fold, partition))?.states.keys() ?? [])]
      for (let first = 0; first < keys.length; first += pageStates) yield keys.slice(first, first + pageStates)
    },
    async peekProgress(fold, partition) {
      const held = partitions.get(nameOf(fold, partition))
      if (held === undefined) return null
      const { epoch, watermark, counts, retiredBy } = held
      return { epoch, watermark, counts: new Map(counts), retiredBy }
    },
    size: async (fold, partition) => partitions.get(nameOf(fold, partition))?.states.size ?? 0,
    async capture(fold, partition, see) {
      const held = partitions.get(nameOf(fold, partition))
      if (held === undefined) return null
      const { watermark, outbox } = held
      const [states, causes, counts] = [new Map(held.states), new Map(held.causes), new Map(held.counts)]
      const due = new Map(
        held.due.first(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY).map(each => [each.key, each.at]),
      )
      const rows = [...states].map(([key, state]) => [key, state, due.get(key) ?? null] as const)
      for (let first = 0; first < rows.length; first += pageStates) await see(rows.slice(first, first + pageStates))
      return { watermark, causes, counts, outbox, states: states.size }
    },
    async forget(fold, partition, epoch) {
      const held = partitions.get(nameOf(fold, partition))
      if (epoch !== undefined && epoch !== (held?.epoch ?? 0)) return false
      if (held === undefined) return true
      const { states, causes, counts } = held
      for (const each of [states, causes, counts]) each.clear()
      Object.assign(held, { ...unopened(), states, causes, counts, epoch: nextEpoch(held.epoch) })
      return true
    },
    incumbent: async (role, partition) => appointed.get(nameOf(role, partition)) ?? null,
    async appoint(role, partition, before, after) {
      if (!isDeepStrictEqual(appointed.get(nameOf(role, partition)) ?? null, before)) return false
      appointed.set(nameOf(role, partition), after)
      return true
    },
    async retire(fold, partition, successor) {
      const name = nameOf(fold, partition)
      const held = partitions.get(name) ?? unopened()
      partitions.set(name, held)
      if (held.retiredBy !== null && held.retiredBy !== successor)
        throw retiredByAnother(name, held.retiredBy, successor)
      if (held.retiredBy === null) held.epoch = nextEpoch(held.epoch)
      held.retiredBy = successor
      return { watermark: held.watermark, outbox: held.outbox }
    },
    async reinstate(fold, partition) {
      const held = partitions.get(nameOf(fold, partition))
      if (held !== undefined) held.retiredBy = null
    },
    async close() {},
  }
}

function laneOf(held: Held, guards: StoreGuards, load: StoreLane['load']): StoreLane {
  const { epoch, watermark, outbox, retiredBy } = held
  return {
    epoch,
    watermark,
    outbox,
    retiredBy,
    causes: new Map(held.causes),
    counts: new Map(held.counts),
    load,
    due: async (until, limit) => held.due.first(until, limit),
    async save(change) {
      if (guards.compare) {
        if (guards.epoch && (held.epoch > epoch || held.retiredBy !== null)) return 'fenced'
        if ((guards.epoch && held.epoch !== epoch) || held.watermark !== change.from) return 'rewound'
      }
      apply(held, change)
      return 'saved'
    },
  }
}

function apply(held: Held, change: Change): void {
  held.watermark = change.to
  for (const [key, state] of change.states) {
    if (state === null) held.states.delete(key)
    else held.states.set(key, Buffer.from(state))
  }
  for (const [source, position] of change.causes) held.causes.set(source, position)
  for (const [reason, count] of change.counts) held.counts.set(reason, count)
  for (const [key, at] of change.due) held.due.set(key, at)
  held.outbox = change.outbox === null ? null : Buffer.from(change.outbox)
}

/** A rising count above twenty random bits, so that no two owners share an epoch even where the count was set back. */
const nextEpoch = (epoch: number): number => (Math.floor(epoch / 2 ** 20) + 1) * 2 ** 20 + randomInt(2 ** 20)

const unopened = (): Held => ({
  epoch: 0,
  retiredBy: null,
  watermark: null,
  states: new Map(),
  causes: new Map(),
  counts: new Map(),
  due: dueQueue(),
  outbox: null,
})
