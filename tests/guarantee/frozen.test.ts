// Owners that stand still past their session and wake, members that come and go, a model swapped between crash and
// restart, a backlog repeated, and a Redis whose successor lacks what was saved last.
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as scenarios from './scenarios.ts'
import { startWorld, type World } from './world.ts'

const limitMs = 120_000

let world: World
beforeAll(async () => {
  world = await startWorld()
}, 300_000)
afterAll(async () => {
  await world?.close()
}, 60_000)

test(
  'an owner of each kind frozen past its session and resumed changes nothing',
  async () => {
    const points = {
      intake: 'before-publish:2',
      'feature-updater': 'before-save:2',
      'offer-scorer': 'before-save:1',
      'push-dispatcher': 'before-outcome:1',
    }
    const { violations, pushes } = await scenarios.frozen({ world, name: 'frozen', seed: 31 }, points)
    expect(violations).toEqual([])
    expect(pushes).toBeGreaterThan(0)
  },
  limitMs,
)

test(
  'a dispatcher that wakes at the watermark of its successor ends no push a second time',
  async () => {
    const { violations, pushes } = await scenarios.frozenAtTheEnd({ world, name: 'wakes', seed: 37 })
    expect(violations).toEqual([])
    expect(pushes).toBeGreaterThan(20)
  },
  limitMs,
)

test(
  'members that join and leave under load lose, repeat and change nothing',
  async () => {
    const { violations, pushes } = await scenarios.membersComeAndGo({ world, name: 'members', seed: 32 })
    expect(violations).toEqual([])
    expect(pushes).toBeGreaterThan(20)
  },
  limitMs,
)

test(
  'a model swapped between crash and restart decides nothing anew',
  async () => {
    const points = ['before-save:2', 'after-save:2', 'after-publish:3']
    const found = await scenarios.modelSwapped({ world, name: 'swapped', seed: 33 }, points)
    expect(found.violations).toEqual([])
    expect(found.models).toBeGreaterThan(1)
  },
  limitMs,
)

test(
  'a backlog published again after a crash is applied once',
  async () => {
    const { violations } = await scenarios.backlogRepeated({ world, name: 'backlog', seed: 34 })
    expect(violations).toEqual([])
  },
  limitMs,
)

test(
  'a push under way when its dispatcher was killed is not sent again',
  async () => {
    const points = ['after-send:3', 'after-send:5']
    const { violations, pushes } = await scenarios.dispatcherKilled({ world, name: 'resent', seed: 35 }, points)
    expect(violations).toEqual([])
    expect(pushes).toBeGreaterThan(20)
  },
  limitMs,
)

test(
  'a Redis failover that lost the last saves loses, repeats and changes nothing',
  async () => {
    const { violations, pushes } = await scenarios.failover({ world, name: 'failover', seed: 36 })
    expect(violations).toEqual([])
    expect(pushes).toBeGreaterThan(20)
  },
  limitMs,
)
