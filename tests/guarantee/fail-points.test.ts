// Every service killed with -9 at every edge between it and the world, three times each, while events stream.
import { failPoints } from '@offerstream/push-dispatcher'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { check } from './checker.ts'
import { openLine } from './line.ts'
import { type Service, startWorld, type World } from './world.ts'

const commits = ['before-commit', 'after-commit'] as const
/** One member after the other at these points; the dispatcher has so many that two go side by side. */
const rows: readonly (readonly [Service, readonly string[]])[] = [
  ['intake', ['before-publish', 'after-publish', 'after-save', ...commits]],
  ['feature-updater', ['before-save', 'after-save', 'after-publish', ...commits]],
  ['offer-scorer', ['before-save', 'after-save', 'after-publish', ...commits]],
  ['push-dispatcher', failPoints.slice(0, 5)],
  ['push-dispatcher', [...failPoints.slice(5), ...commits]],
]
/** The how manieth time a point is reached after a start. */
const times = [1, 2, 3]

let world: World
beforeAll(async () => {
  world = await startWorld()
}, 300_000)
afterAll(async () => {
  await world?.close()
}, 60_000)

test('each service killed at each named point three times loses, repeats and changes nothing', async () => {
  const seed = 11
  const began = performance.now()
  const line = await openLine({ world, name: 'points', seed })
  try {
    const stream = line.stream(150)
    const kills = await Promise.all(
      rows.map(async ([service, points]) => {
        let kills = 0
        for (const nth of times)
          for (const point of points) {
            const member = await line.start(service, { failsAt: `${point}:${nth}` })
            await member.ended
            kills++
          }
        await line.start(service)
        return kills
      }),
    )
    const events = await stream.stop()
    await line.finish()
    const { audit, violations, pushes } = await check(line)
    const total = kills.reduce((sum, each) => sum + each, 0)
    console.log(
      `fail points: seed ${seed}, ${total} kills, ${events} events, ${audit.decisions} decisions, ${pushes} pushes, ${seconds(began)} s`,
    )
    expect(violations).toEqual([])
    expect(pushes).toBeGreaterThan(50)
  } finally {
    await line.close()
  }
}, 300_000)

const seconds = (began: number): number => Math.round((performance.now() - began) / 1000)
