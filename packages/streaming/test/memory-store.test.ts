import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Due, dueQueue } from '../src/due-queue.ts'
import { memoryStore } from '../src/index.ts'
import { storeMemory } from '../src/memory-store.ts'
import { storeConformance } from './store-conformance.ts'

storeConformance('the memory store', async () => {
  const memory = storeMemory()
  return guards => memoryStore({ memory, ...(guards && { guards }) })
})

test('the due queue answers as a sorted list does', () => {
  const key = fc.constantFrom('a', 'b', 'é', 'ｚ', '😀', 'aa', 'Z')
  const set = fc.record({ key, at: fc.option(fc.integer({ min: 0, max: 20 })) })
  fc.assert(
    fc.property(
      fc.array(set, { maxLength: 200 }),
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 0, max: 8 }),
      (sets, until, limit) => {
        const queue = dueQueue()
        const naive = new Map<string, number>()
        for (const { key, at } of sets) {
          queue.set(key, at)
          if (at === null) naive.delete(key)
          else naive.set(key, at)
          const wanted: readonly Due[] = [...naive]
            .map(([key, at]) => ({ key, at }))
            .filter(due => due.at <= until)
            .sort((a, b) => a.at - b.at || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
            .slice(0, limit)
          expect(queue.first(until, limit)).toEqual(wanted)
        }
      },
    ),
  )
})
