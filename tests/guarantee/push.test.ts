// Caps, quiet hours, consent, expiry and kill switch through crashes, freezes and a push service that comes and goes;
// no offer accepted or shown twice, none without an end. Judged from what devices were sent and showed.
import type { KillSwitch } from '@offerstream/contracts'
import { startFaultProxy, startRedis } from '@offerstream/stack'
import { redisClient } from '@offerstream/streaming'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openFrontDoor } from './front-door.ts'
import { type Found, openPushes, type Pushes } from './pushes.ts'
import { pause, startWorld, until, type World } from './world.ts'

const limitMs = 180_000

let world: World
beforeAll(async () => {
  world = await startWorld()
}, 300_000)
afterAll(async () => {
  await world?.close()
}, 60_000)

const none = { caps: 0, quietHours: 0, consent: 0, expiry: 0, killSwitch: 0, acceptedTwice: 0, shownTwice: 0 }
const killSwitch = (change: Partial<KillSwitch> = {}): KillSwitch => ({
  type: 'kill_switch',
  name: 'stop',
  scope: 'global',
  target: null,
  on: true,
  ...change,
})

const sum = (ledger: Found['ledger']): number => Object.values(ledger).reduce((total, count) => total + count, 0)

function say(what: string, { offers, accepted, shown, ledger }: Found, began: number): void {
  const states = Object.entries(ledger).map(([state, count]) => `${count} ${state}`)
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(`${what}: ${offers} offers, ${accepted} accepted, ${shown} shown (${states.join(' + ')}), ${seconds} s`)
}

/** Kills, a freeze past the session with a switch thrown meanwhile, a push service killed, revocations: under load. */
async function throughAll(pushes: Pushes): Promise<void> {
  await pushes.start('after-send:40')
  const second = await pushes.start()
  const stream = pushes.stream(200)
  await until('pushes go out', () => pushes.accepted() > 60)
  const sleeper = await pushes.start('before-send:30:freeze')
  await second.kill()
  await sleeper.frozen()
  const third = await pushes.start()
  await pushes.decide(killSwitch({ name: 'no-phones', scope: 'item', target: 'phone' }))
  await pushes.killPushService()
  await pause(1000)
  await pushes.startPushService()
  await pushes.revoke(0.2)
  await pause(4000)
  await pushes.decide(killSwitch())
  await pause(1500)
  sleeper.thaw()
  await pause(1500)
  await pushes.decide(killSwitch({ on: false }))
  await pause(1500)
  await third.kill()
  await pushes.start()
  await (await pushes.start('outcome-published:3')).ended
  await pause(1000)
  await stream.stop()
  await pushes.settled()
}

/** Plans are sent at least once, all else at most once. */
const atLeastOnce = ['plan']

test(
  'no promise is broken through kills, a freeze, a switch, revocations and a push service that dies, whether sent at most once or at least once',
  async () => {
    const began = performance.now()
    const pushes = await openPushes({ world, name: 'pushes', seed: 61, customers: 400, atLeastOnce })
    try {
      await throughAll(pushes)
      const found = await pushes.found()
      say('push proof', found, began)
      expect(found.cases).toEqual([])
      expect(found.violations).toEqual(none)
      expect(sum(found.ledger)).toBe(found.offers)
      expect(found.deadLetters).toBe(0)
      expect(found.arrived).toBeGreaterThan(100)
      // What a device has and the ledger does not know of is unknown, and counted.
      const { accepted = 0, unknown = 0 } = found.ledger
      expect(unknown).toBeGreaterThan(0)
      expect(found.arrived).toBeGreaterThanOrEqual(accepted)
      expect(found.arrived).toBeLessThanOrEqual(accepted + unknown)
    } finally {
      await pushes.close()
    }
  },
  limitMs,
)

test(
  'negative control: without intents first and the check before a call, crash and freeze break promises, and the judge sees it',
  async () => {
    const began = performance.now()
    const pushes = await openPushes({
      world,
      name: 'pushes-off',
      seed: 62,
      customers: 400,
      guardsOff: 'intent-first,recheck',
    })
    try {
      await pushes.backlog(400)
      const first = await pushes.start('after-send:30')
      await first.ended
      const sleeper = await pushes.start('before-send:60:freeze')
      await sleeper.frozen()
      const before = pushes.accepted()
      await pushes.decide(killSwitch())
      await pause(1500)
      sleeper.thaw()
      await until('it goes on', () => pushes.accepted() > before)
      await pause(500)
      const found = await pushes.found()
      say('push control', found, began)
      expect(found.violations.acceptedTwice).toBeGreaterThan(0)
      expect(found.violations.killSwitch).toBeGreaterThan(0)
    } finally {
      await pushes.close()
    }
  },
  limitMs,
)

test(
  'nor by an outage longer than a session, which leaves every partition where it is, and a failover of Redis that lost the last saves while offers wait in the ledger',
  async () => {
    const began = performance.now()
    const master = await startRedis()
    const link = await startFaultProxy(master.port)
    const replica = await startRedis({ replicaOf: { port: link.port } })
    const door = await openFrontDoor(master.port)
    const client = redisClient({ url: replica.url })
    const redis = `redis://127.0.0.1:${door.port}`
    // Forty a second on the wall: many wait for their turn, some of them behind quiet hours.
    const policy = { campaignOffersPerMinute: { 'daily-sale': 4 } }
    const pushes = await openPushes({ world, name: 'pushes-failover', seed: 63, customers: 400, redis, policy })
    try {
      await pushes.start()
      const stream = pushes.stream(100)
      await until('all is owned', async () => (await pushes.epochs()).every(epoch => epoch !== 0))
      await until('pushes go out', () => pushes.accepted() > 10)
      const owned = await pushes.epochs()
      await pushes.killPushService()
      await pause(3500)
      await pushes.startPushService()
      await until('offers wait', async () => ((await pushes.ledger())['deferred'] ?? 0) > 40 && pushes.accepted() > 40)
      expect(await pushes.epochs()).toEqual(owned)
      link.cut()
      const [kept, sent] = [(await pushes.ledger())['deferred'] ?? 0, pushes.accepted()]
      await until('some of them have gone out', () => pushes.accepted() > sent + 30)
      await stream.stop()
      await master.kill('SIGKILL')
      await client.use(each => each.replicaof('NO', 'ONE'))
      const lost = pushes.accepted() - sent
      door.turnTo(replica.port)
      await pushes.settled()
      const found = await pushes.found()
      say(`push failover, ${kept} waiting, ${lost} pushes of which the replica knew nothing`, found, began)
      expect(found.cases).toEqual([])
      expect(found.violations).toEqual(none)
      expect(sum(found.ledger)).toBe(found.offers)
      expect(found.deadLetters).toBe(0)
      const { accepted = 0, unknown = 0 } = found.ledger
      expect(found.arrived).toBeGreaterThanOrEqual(accepted)
      expect(found.arrived).toBeLessThanOrEqual(accepted + unknown)
    } finally {
      await pushes.close()
      await client.close()
      await door.close()
      await replica.stop()
      await link.close()
      await master.stop()
    }
  },
  limitMs,
)
