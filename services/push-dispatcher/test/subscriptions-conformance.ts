import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Registration, Subscriptions } from '../src/index.ts'

const registration = (name: string, at = 1000): Registration => ({
  address: {
    kind: 'web-push',
    endpoint: `https://push.example.net/${name}`,
    keys: { p256dh: `key-${name}`, auth: `auth-${name}` },
  },
  at,
  expiresAt: null,
})

/** What every keeper of subscriptions does. */
export function subscriptionsConformance(name: string, open: () => Promise<Subscriptions>): void {
  describe(name, () => {
    test('answers in the order asked, nothing for whom it does not know', async () => {
      const subscriptions = await open()
      const [one, other] = [randomUUID(), randomUUID()]
      await subscriptions.register(one, 'tablet', registration('b'))
      await subscriptions.register(one, 'phone', registration('a'))
      await subscriptions.register(other, 'phone', registration('c'))
      const [first, nobody, second] = await subscriptions.of([other, randomUUID(), one])
      expect(first).toMatchObject([{ handle: 'phone', ...registration('c'), parkedUntil: 0 }])
      expect(nobody).toEqual([])
      expect(second).toMatchObject([
        { handle: 'phone', ...registration('a') },
        { handle: 'tablet', ...registration('b') },
      ])
      expect(await subscriptions.of([])).toEqual([])
    })

    test('a new registration replaces the old one, and outlives the removal and the parking of the old', async () => {
      const subscriptions = await open()
      const customer = randomUUID()
      const mine = async () => (await subscriptions.of([customer]))[0]!
      await subscriptions.register(customer, 'phone', registration('old'))
      const [old] = await mine()
      await subscriptions.register(customer, 'phone', registration('new', 2000))
      await subscriptions.park(customer, 'phone', old!.id, 9000)
      await subscriptions.remove(customer, 'phone', old!.id)
      const [renewed] = await mine()
      expect(renewed).toMatchObject({ ...registration('new', 2000), parkedUntil: 0 })
      await subscriptions.park(customer, 'phone', renewed!.id, 9000)
      expect(await mine()).toMatchObject([{ ...registration('new', 2000), id: renewed!.id, parkedUntil: 9000 }])
      await subscriptions.remove(customer, 'phone', renewed!.id)
      expect(await mine()).toEqual([])
    })

    test('a removal without an id removes whatever there is, and what is not there needs none', async () => {
      const subscriptions = await open()
      const customer = randomUUID()
      await subscriptions.register(customer, 'phone', registration('a'))
      await subscriptions.remove(customer, 'phone')
      await subscriptions.remove(customer, 'phone')
      await subscriptions.remove(customer, 'phone', randomUUID())
      await subscriptions.park(customer, 'phone', randomUUID(), 1)
      expect(await subscriptions.of([customer])).toEqual([[]])
    })

    test('who is erased is unknown, and may come back', async () => {
      const subscriptions = await open()
      const [customer, other] = [randomUUID(), randomUUID()]
      await subscriptions.register(customer, 'phone', registration('a'))
      await subscriptions.register(other, 'phone', registration('b'))
      await subscriptions.erase(customer)
      expect((await subscriptions.of([customer, other])).map(each => each.length)).toEqual([0, 1])
      await subscriptions.register(customer, 'phone', registration('c'))
      expect(await subscriptions.of([customer])).toMatchObject([[registration('c')]])
    })
  })
}
