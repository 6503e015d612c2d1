import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { DeviceSubscription, Subscriptions } from '../src/index.ts'

const subscription = (name: string): DeviceSubscription => ({
  endpoint: `https://push.example.net/${name}`,
  keys: { p256dh: `key-${name}`, auth: `auth-${name}` },
})

/** What every keeper of subscriptions does. */
export function subscriptionsConformance(name: string, open: () => Promise<Subscriptions>): void {
  describe(name, () => {
    test('answers in the order asked, null for what it does not have', async () => {
      const subscriptions = await open()
      const [one, other] = [randomUUID(), randomUUID()]
      await subscriptions.register(one, subscription('a'))
      await subscriptions.register(other, subscription('b'))
      expect(await subscriptions.get([other, randomUUID(), one])).toEqual([subscription('b'), null, subscription('a')])
      expect(await subscriptions.get([])).toEqual([])
    })

    test('a new registration replaces the old one, and outlives the removal of the old address', async () => {
      const subscriptions = await open()
      const handle = randomUUID()
      await subscriptions.register(handle, subscription('old'))
      await subscriptions.register(handle, subscription('new'))
      await subscriptions.remove(handle, subscription('old').endpoint)
      expect(await subscriptions.get([handle])).toEqual([subscription('new')])
      await subscriptions.remove(handle, subscription('new').endpoint)
      expect(await subscriptions.get([handle])).toEqual([null])
    })

    test('a removal without an address removes whatever there is, and what is not there needs none', async () => {
      const subscriptions = await open()
      const handle = randomUUID()
      await subscriptions.register(handle, subscription('a'))
      await subscriptions.remove(handle)
      await subscriptions.remove(handle)
      expect(await subscriptions.get([handle])).toEqual([null])
    })
  })
}
