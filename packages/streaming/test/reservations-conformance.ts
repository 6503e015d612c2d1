import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Reservations } from '../src/index.ts'

/**
 * What every adapter of the port does. `open` answers a function that makes one more connection to the same server; it is
 * called once for the suite.
 */
export function reservationsConformance(what: string, open: () => Promise<() => Reservations>): void {
  describe(`reservations: ${what}`, () => {
    let connect: () => Reservations
    let one: Reservations
    beforeAll(async () => {
      connect = await open()
      one = connect()
    })
    let resources = 0
    const newResource = () => `stock/item-${process.pid}-${resources++}`
    const minute = 60_000
    const units = (...ids: readonly string[]) => ids.map(id => ({ id, amount: 1 }))
    const keeps = (...ids: readonly string[]) => units(...ids).map(each => ({ ...each, forMs: minute }))
    const grants = async (resource: string, limit: number, ids: readonly string[], lapseMs = minute) =>
      (await one.reserve(resource, limit, units(...ids), lapseMs)).granted

    test('grants in order what stays within the limit', async () => {
      const resource = newResource()
      expect(await grants(resource, 2, ['a', 'b', 'c'])).toEqual([true, true, false])
      expect(await one.totals(resource)).toEqual({ held: 2, kept: 0 })
    })

    test('amounts add up, and a smaller wish may still fit', async () => {
      const asks = [
        { id: 'a', amount: 60 },
        { id: 'b', amount: 50 },
        { id: 'c', amount: 40 },
        { id: 'd', amount: 0 },
      ]
      const { granted, totals } = await one.reserve(newResource(), 100, asks, minute)
      expect(granted).toEqual([true, false, true, true])
      expect(totals).toEqual({ held: 100, kept: 0 })
    })

    test('answers the same for the same id, though the limit changed and others gave back', async () => {
      const resource = newResource()
      await grants(resource, 1, ['a', 'b'])
      await one.release(resource, ['a'], minute)
      expect(await grants(resource, 5, ['b', 'a', 'c'])).toEqual([false, true, true])
      expect(await one.totals(resource)).toEqual({ held: 1, kept: 0 })
      expect(await grants(resource, 0, ['c', 'a', 'b', 'd'])).toEqual([true, true, false, false])
    })

    test('an id twice in one call is one', async () => {
      const resource = newResource()
      expect(await grants(resource, 1, ['a', 'a', 'b'])).toEqual([true, true, false])
      expect((await one.totals(resource)).held).toBe(1)
    })

    test('what is kept no longer lapses, what is only held does, and can be had again', async () => {
      const resource = newResource()
      await grants(resource, 2, ['a', 'b'], 80)
      expect(await one.keep(resource, keeps('a'))).toBe(0)
      expect(await grants(resource, 2, ['c'], 80)).toEqual([false])
      await sleep(160)
      expect(await one.totals(resource)).toEqual({ held: 0, kept: 1 })
      expect(await grants(resource, 2, ['d', 'c'])).toEqual([true, false])
    })

    test('asked for again it is held anew', async () => {
      const resource = newResource()
      await grants(resource, 1, ['a'], 150)
      await sleep(90)
      await grants(resource, 1, ['a'], 2000)
      await sleep(90)
      expect(await grants(resource, 1, ['b'])).toEqual([false])
    })

    test('a refusal is forgotten once it lapses', async () => {
      const resource = newResource()
      await grants(resource, 1, ['a'])
      expect(await grants(resource, 1, ['b'], 50)).toEqual([false])
      await one.release(resource, ['a'], minute)
      await sleep(100)
      expect(await grants(resource, 1, ['b'])).toEqual([true])
    })

    test('keeping twice is keeping once, releasing twice is releasing once', async () => {
      const resource = newResource()
      await grants(resource, 3, ['a', 'b', 'c'])
      for (let time = 0; time < 2; time++) await one.keep(resource, keeps('a', 'b'))
      expect(await one.totals(resource)).toEqual({ held: 1, kept: 2 })
      for (let time = 0; time < 2; time++) await one.release(resource, ['a', 'c', 'unknown'], minute)
      expect(await one.totals(resource)).toEqual({ held: 0, kept: 1 })
    })

    test('what was released before it was kept stays released', async () => {
      const resource = newResource()
      await grants(resource, 1, ['a'])
      await one.release(resource, ['a'], minute)
      expect(await one.keep(resource, keeps('a'))).toBe(0)
      expect(await one.totals(resource)).toEqual({ held: 0, kept: 0 })
    })

    test('what is kept after it lapsed is taken over the limit, and said', async () => {
      const resource = newResource()
      await grants(resource, 1, ['a'], 30)
      await sleep(80)
      expect(await grants(resource, 1, ['b'])).toEqual([true])
      expect(await one.keep(resource, keeps('a', 'b'))).toBe(1)
      expect(await one.totals(resource)).toEqual({ held: 0, kept: 2 })
      expect(await grants(resource, 2, ['c'])).toEqual([false])
    })

    test('of what is past only the totals stay', async () => {
      const resource = newResource()
      const ids = Array.from({ length: 3000 }, (_, index) => `id-${index}`)
      await grants(resource, 2500, ids, 600)
      await one.keep(
        resource,
        ids.slice(0, 1000).map(id => ({ id, amount: 1, forMs: 600 })),
      )
      await one.release(resource, ids.slice(1000, 2000), 600)
      expect(await one.remembered(resource)).toBe(3000)
      await sleep(700)
      let remembered = 3000
      for (let call = 0; call < 3; call++) remembered = await one.remembered(resource)
      expect(remembered).toBe(0)
      expect(await one.totals(resource)).toEqual({ held: 0, kept: 1000 })
    })

    test('resources do not see one another, whatever they are called', async () => {
      const names = [newResource(), '{a}', 'a', 'a:b', '', 'Zürich/客户 😀 %7B', '__proto__'].map(
        name => `${name}${process.pid}`,
      )
      for (const name of names) expect(await grants(name, 1, ['__proto__', 'x'])).toEqual([true, false])
    })

    test('an amount nobody can count is refused', async () => {
      for (const amount of [0.5, -1, Number.NaN, 2 ** 60])
        await expect(one.reserve(newResource(), 10, [{ id: 'a', amount }], minute)).rejects.toThrow('whole number')
    })

    test('many at once never get more than there is, and lose nothing', async () => {
      const resource = newResource()
      const limit = 57
      const clients = Array.from({ length: 6 }, connect)
      const outcomes = await Promise.all(
        clients.map(async (client, index) => {
          let sold = 0
          for (let round = 0; round < 40; round++) {
            const ids = Array.from({ length: 3 }, (_, at) => `${index}/${round}/${at}`)
            const { granted, totals } = await client.reserve(resource, limit, units(...ids), minute)
            expect(totals.held + totals.kept).toBeLessThanOrEqual(limit)
            const mine = ids.filter((_, at) => granted[at])
            // One in three is taken, the others go back; every call comes twice, as after a crash.
            const [taken, ...back] = mine
            for (let time = 0; time < 2; time++) {
              if (taken !== undefined) await client.keep(resource, keeps(taken))
              await client.release(resource, back, minute)
            }
            if (taken !== undefined) sold++
          }
          return sold
        }),
      )
      const sold = outcomes.reduce((sum, each) => sum + each, 0)
      expect(sold).toBe(limit)
      expect(await one.totals(resource)).toEqual({ held: 0, kept: limit })
    })

    test('negative control: who looks first and takes then takes more than there is', async () => {
      const resource = newResource()
      const limit = 57
      await Promise.all(
        Array.from({ length: 6 }, connect).map(async (client, index) => {
          for (let round = 0; (await client.totals(resource)).kept < limit; round++)
            await client.keep(resource, keeps(`${index}/${round}`))
        }),
      )
      expect((await one.totals(resource)).kept).toBeGreaterThan(limit)
    })

    test('any order of calls, repeated or not, leaves the totals of a plain list', async () => {
      const id = fc.constantFrom('a', 'b', 'c', 'd', 'e')
      const call = fc.oneof(
        fc.record({ what: fc.constant('reserve' as const), id, amount: fc.nat(4), limit: fc.nat(12) }),
        fc.record({ what: fc.constant('keep' as const), id, amount: fc.nat(4), limit: fc.constant(0) }),
        fc.record({ what: fc.constant('release' as const), id, amount: fc.constant(0), limit: fc.constant(0) }),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(call, { maxLength: 25 }), async calls => {
          const resource = newResource()
          const naive = new Map<string, { state: string; amount: number }>()
          const sum = (state: string) =>
            [...naive.values()].reduce((total, each) => total + (each.state === state ? each.amount : 0), 0)
          for (const { what, id, amount, limit } of calls) {
            const known = naive.get(id)
            if (what === 'reserve') {
              const fits = sum('held') + sum('kept') + amount <= limit
              if (known === undefined) naive.set(id, { state: fits ? 'held' : 'refused', amount })
              const { granted } = await one.reserve(resource, limit, [{ id, amount }], minute)
              expect(granted).toEqual([known === undefined ? fits : known.state !== 'refused'])
            } else if (what === 'keep') {
              if (known?.state === 'held') known.state = 'kept'
              else if (known === undefined || known.state === 'refused') naive.set(id, { state: 'kept', amount })
              await one.keep(resource, [{ id, amount, forMs: minute }])
            } else {
              if (known?.state === 'held' || known?.state === 'kept') known.state = 'released'
              await one.release(resource, [id], minute)
            }
            expect(await one.totals(resource)).toEqual({ held: sum('held'), kept: sum('kept') })
          }
        }),
        { numRuns: 60 },
      )
    })
  })
}
