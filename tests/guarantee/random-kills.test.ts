// Services killed with -9 at random moments under load, some of them with a second member beside them.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createChance } from './chance.ts'
import { check } from './checker.ts'
import { openLine } from './line.ts'
import type { Member } from './member.ts'
import { pause, type Service, services, startWorld, type World } from './world.ts'

const rounds = 24
/** Wall milliseconds between two kills. */
const shortest = 300
const longest = 3000
const shareOfSeconds = 0.25

let world: World
beforeAll(async () => {
  world = await startWorld()
}, 300_000)
afterAll(async () => {
  await world?.close()
}, 60_000)

test(`${rounds} kills at random under load lose, repeat and change nothing`, async () => {
  const seed = Number(Date.now() % 1_000_000)
  // Printed first: it is wanted most when the test does not end.
  console.log(`random kills: seed ${seed}`)
  const { between, oneOf, happens } = createChance(seed)
  const began = performance.now()
  const line = await openLine({ world, name: 'random', seed })
  try {
    await line.startAll()
    const stream = line.stream(150)
    const killed = new Map<Service, number>()
    let extra: Member | null = null
    for (let round = 0; round < rounds; round++) {
      await pause(between(shortest, longest))
      line.assertWell()
      if (extra === null && happens(shareOfSeconds)) {
        extra = await line.start(oneOf(services))
        await pause(between(shortest, longest))
      }
      const victim = oneOf([...line.members])
      await victim.kill()
      killed.set(victim.service, (killed.get(victim.service) ?? 0) + 1)
      if (victim === extra) extra = null
      else if (victim.service === extra?.service) extra = null
      else await line.start(victim.service)
    }
    const events = await stream.stop()
    await line.finish()
    const { audit, violations, pushes } = await check(line)
    const by = [...killed].map(([service, count]) => `${service} ${count}`).join(', ')
    const seconds = Math.round((performance.now() - began) / 1000)
    console.log(
      `random kills: seed ${seed}, ${rounds} kills (${by}), ${events} events, ${audit.decisions} decisions, ${pushes} pushes, ${seconds} s`,
    )
    expect(violations).toEqual([])
    expect(pushes).toBeGreaterThan(50)
  } finally {
    await line.close()
  }
}, 300_000)
