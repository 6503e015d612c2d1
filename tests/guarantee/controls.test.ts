// The same scenarios with one guard off: the checker that finds nothing in frozen.test.ts must find what the guard
// prevents. A fault may miss; each scenario is repeated a few times, and one that is never seen fails.
import { audit } from '@offerstream/cli'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Finding } from './checker.ts'
import { openLine } from './line.ts'
import * as scenarios from './scenarios.ts'
import { pause, startWorld, type World } from './world.ts'

const tries = 3
const limitMs = tries * 120_000

let world: World
beforeAll(async () => {
  world = await startWorld()
}, 300_000)
afterAll(async () => {
  await world?.close()
}, 60_000)

/** Plays until the checker says it; answers all that it said. */
async function seen(
  sign: RegExp,
  off: string,
  seed: number,
  play: (told: scenarios.Told) => Promise<Finding>,
): Promise<string> {
  const said: string[] = []
  for (let turn = 1; turn <= tries && !sign.test(said.join('\n')); turn++) {
    const { violations } = await play({ world, name: `without-${off}-${seed}-${turn}`, seed: seed + turn, off })
    for (const violation of violations) console.log(`  without ${off}: ${violation}`)
    said.push(...violations)
  }
  return said.join('\n')
}

test(
  'without compare an owner that wakes overwrites its successor',
  async () => {
    const sign = /features other than the naive fold/
    const play = (told: scenarios.Told) => scenarios.frozen(told, { 'feature-updater': 'before-save:4' })
    expect(await seen(sign, 'compare', 41, play)).toMatch(sign)
  },
  limitMs,
)

test(
  'without the epoch an owner that wakes at the same watermark ends a push a second time',
  async () => {
    const sign = /offers with two ends/
    expect(await seen(sign, 'epoch', 42, scenarios.frozenAtTheEnd)).toMatch(sign)
  },
  limitMs,
)

test(
  'without the cause check what intake publishes again is counted again',
  async () => {
    const sign = /features other than the naive fold/
    expect(await seen(sign, 'causes', 43, scenarios.backlogRepeated)).toMatch(sign)
  },
  limitMs,
)

test(
  'without saving first a crash and another model leave two decisions under one id',
  async () => {
    const sign = /two records of decisions differ under one id/
    const play = (told: scenarios.Told) => scenarios.modelSwapped(told, ['before-save:2', 'before-save:3'])
    expect(await seen(sign, 'save-first', 44, play)).toMatch(sign)
  },
  limitMs,
)

test(
  'without the intent first a crash makes a device accept an offer twice',
  async () => {
    const sign = /offers accepted twice/
    const play = (told: scenarios.Told) => scenarios.dispatcherKilled(told, ['after-send:3', 'after-send:5'])
    expect(await seen(sign, 'intent-first', 45, play)).toMatch(sign)
  },
  limitMs,
)

test(
  'without compare a failover loses what was applied',
  async () => {
    const sign = /features other than the naive fold/
    expect(await seen(sign, 'compare', 46, scenarios.failover)).toMatch(sign)
  },
  limitMs,
)

test(
  'one journal record deleted is one lost',
  async () => {
    const line = await openLine({ world, name: 'deleted', seed: 47 })
    try {
      await line.startAll()
      const stream = line.stream(150)
      await pause(2000)
      await stream.stop()
      await line.finish()
      expect((await audit(line)).lost).toBe(0)
      const topic = `${line.prefix}customer-events`
      // The log can only be cut at its beginning: up to and with the first record that is no tick.
      let offset = 0
      for await (const messages of line.log.read(topic, 0, 0)) {
        offset = messages.find(({ key }) => key !== '')!.offset + 1
        break
      }
      const admin = new kafkajs.Kafka({ brokers: [...world.addresses.brokers], logLevel: 0 }).admin()
      await admin.connect()
      // It deletes only where it knows the leader already.
      await admin.fetchTopicOffsets(topic)
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: `${offset}` }] })
      await admin.disconnect()
      const { lost, lostAt } = await audit(line)
      expect(lost).toBe(1)
      expect(lostAt['intake']).toHaveLength(1)
    } finally {
      await line.close()
    }
  },
  limitMs,
)
