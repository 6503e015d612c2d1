// Faults that take more than a kill. Each runs with all guards on, and in controls.test.ts with one off; the checker is
// the same. `off` names guards of the service the scenario is about.

import { startFaultProxy, startRedis } from '@offerstream/stack'
import { redisClient } from '@offerstream/streaming'
import { check, type Finding } from './checker.ts'
import { openFrontDoor } from './front-door.ts'
import { type Line, openLine, type StartOptions } from './line.ts'
import { pause, type Service, services, until, type World } from './world.ts'

export type Told = { readonly world: World; readonly name: string; readonly seed: number; readonly off?: string }

const rate = 150

/** Opens a line, plays, finishes and checks; whatever happens, it leaves no process behind. */
async function played(
  told: Told & { readonly customers?: number; readonly redis?: string },
  play: (line: Line, began: number) => Promise<string>,
): Promise<Finding> {
  const began = performance.now()
  const line = await openLine(told)
  try {
    const what = await play(line, began)
    await line.finish()
    const found = await check(line)
    const seconds = Math.round((performance.now() - began) / 1000)
    const { sources, decisions, deliveries } = found.audit
    const ends = Object.entries(deliveries).map(([state, count]) => `${count} ${state}`)
    console.log(
      `${told.name}${told.off === undefined ? '' : ` without ${told.off}`}: seed ${told.seed}, ${what}, ${sources} records of sources, ${decisions} decisions, ${found.pushes} pushes (${ends.join(', ')}), ${seconds} s`,
    )
    return found
  } finally {
    await line.close()
  }
}

const guards = (off: string | undefined): StartOptions =>
  off === undefined ? {} : { environment: { OFFERSTREAM_GUARDS_OFF: off } }

/**
 * The owner of every partition stands still at the point, past its session; another takes over and finishes; then the
 * first goes on from where it stood.
 */
export function frozen(told: Told, points: Readonly<Partial<Record<Service, string>>>): Promise<Finding> {
  return played(told, async line => {
    const with_ = guards(told.off)
    const owners = new Map(
      await Promise.all(
        services.map(async service => {
          const point = points[service]
          const options = point === undefined ? {} : { ...with_, failsAt: `${point}:freeze` }
          return [service, await line.start(service, options)] as const
        }),
      ),
    )
    const standing = services.filter(service => points[service] !== undefined)
    const stream = line.stream(rate)
    await Promise.all(
      standing.map(async service => {
        await owners.get(service)!.frozen()
        await line.start(service, with_)
      }),
    )
    await pause(2000)
    await stream.stop()
    await line.drained()
    for (const service of standing) owners.get(service)!.thaw()
    // It finds out whose the partitions are, and joins again.
    await pause(3000)
    return `${standing.join(', ')} frozen past their sessions`
  })
}

/**
 * The dispatcher stands still between its last pushes and their outcome; another takes over where nothing more comes in,
 * so that both are at the same watermark when the first goes on.
 */
export function frozenAtTheEnd(told: Told): Promise<Finding> {
  return played(told, async line => {
    const with_ = guards(told.off)
    const others = services.filter(service => service !== 'push-dispatcher')
    for (const service of others) await line.start(service)
    // Who buys before their profile is known is offered nothing.
    await line.drained(others)
    const stream = line.stream(rate)
    await pause(4000)
    await stream.stop()
    await line.drained(others)
    const owner = await line.start('push-dispatcher', { ...with_, failsAt: 'before-outcome:1:freeze' })
    await owner.frozen()
    await line.start('push-dispatcher', with_)
    await line.drained()
    owner.thaw()
    await pause(3000)
    return 'push-dispatcher frozen past its session at the last offers'
  })
}

/** One member of each kind, then three, then one, while events stream. */
export function membersComeAndGo(told: Told): Promise<Finding> {
  return played(told, async line => {
    await line.startAll()
    const stream = line.stream(rate)
    await pause(3000)
    const moving: readonly Service[] = ['feature-updater', 'offer-scorer']
    const more = await Promise.all(moving.flatMap(service => [line.start(service), line.start(service)]))
    await pause(5000)
    for (const member of more) await member.stop()
    await pause(3000)
    await stream.stop()
    return `${moving.join(', ')}: 1, 3, 1 members`
  })
}

/** The scorer killed at each point; before it starts again another model is promoted. */
export function modelSwapped(told: Told, points: readonly string[]): Promise<Finding> {
  return played(told, async line => {
    const with_ = guards(told.off)
    for (const service of services) if (service !== 'offer-scorer') await line.start(service)
    const stream = line.stream(rate)
    for (const [turn, point] of points.entries()) {
      const scorer = await line.start('offer-scorer', { ...with_, failsAt: point })
      await scorer.ended
      await line.promote(`${turn + 2}`)
    }
    await line.start('offer-scorer', with_)
    await pause(2000)
    await stream.stop()
    return `${points.length} models promoted between crash and restart`
  })
}

/** A backlog of few customers, so that a batch repeated after a crash reaches further back than the ids they remember. */
export function backlogRepeated(told: Told): Promise<Finding> {
  return played({ ...told, customers: 8 }, async line => {
    const events = await line.backlog(4000)
    const batches = { OFFERSTREAM_BATCH_RECORDS: '2000' }
    for (const service of services) {
      const { environment } = service === 'feature-updater' ? guards(told.off) : {}
      if (service !== 'intake') await line.start(service, { environment: { ...batches, ...environment } })
    }
    for (let turn = 0; turn < 2; turn++) {
      const intake = await line.start('intake', { failsAt: 'after-publish:1', environment: batches })
      await intake.ended
    }
    await line.start('intake', { environment: batches })
    return `intake killed twice over a backlog of ${events}`
  })
}

/** The dispatcher killed at each point. */
export function dispatcherKilled(told: Told, points: readonly string[]): Promise<Finding> {
  return played(told, async line => {
    const with_ = guards(told.off)
    for (const service of services) if (service !== 'push-dispatcher') await line.start(service)
    const stream = line.stream(rate)
    for (const point of points) {
      const dispatcher = await line.start('push-dispatcher', { ...with_, failsAt: point })
      await dispatcher.ended
    }
    await line.start('push-dispatcher', with_)
    await pause(2000)
    await stream.stop()
    return `push-dispatcher killed ${points.length} times`
  })
}

/** Redis is lost; the replica that takes its place lacks what was saved last. */
export async function failover(told: Told): Promise<Finding> {
  const master = await startRedis()
  const link = await startFaultProxy(master.port)
  const replica = await startRedis({ replicaOf: { port: link.port } })
  const door = await openFrontDoor(master.port)
  const client = redisClient({ url: replica.url })
  try {
    return await played({ ...told, redis: `redis://127.0.0.1:${door.port}` }, async line => {
      for (const service of services) await line.start(service, service === 'feature-updater' ? guards(told.off) : {})
      const stream = line.stream(rate)
      await until('pushes are under way', async () => (await line.handled('push-dispatcher')) > 20)
      await pause(2000)
      link.cut()
      const before = await line.handled('feature-updater')
      await pause(2000)
      await stream.stop()
      await line.drained()
      const lost = (await line.handled('feature-updater')) - before
      await master.kill('SIGKILL')
      await client.use(each => each.replicaof('NO', 'ONE'))
      door.turnTo(replica.port)
      const more = line.stream(rate)
      await pause(3000)
      await more.stop()
      // A member finds out at its next record; those that get none must not be waited for.
      for (const member of [...line.members])
        if (member.service !== 'feature-updater') {
          await member.stop()
          await line.start(member.service)
        }
      return `a replica promoted that lacked ${lost} of the updater's records`
    })
  } finally {
    await client.close()
    await door.close()
    await replica.stop()
    await link.close()
    await master.stop()
  }
}
