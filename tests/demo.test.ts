// The first command of the README on the real stack, as a user runs it.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const main = join(import.meta.dirname, '..', 'packages', 'cli', 'src', 'main.ts')

type Summary = {
  readonly stack: string
  readonly eventsSent: number
  readonly journalLength: number
  readonly decisions: number
  readonly lost: number
  readonly deadLetters: Readonly<Record<string, number>>
  readonly pushesAccepted: number
  readonly pushesShown: number
  readonly secondsToFirstPush: number | null
  readonly ledger: Readonly<Record<string, number>>
  readonly unknown: number
  readonly violations: Readonly<Record<string, number>>
  readonly latencyMs: unknown
}

const noViolations = {
  caps: 0,
  quietHours: 0,
  consent: 0,
  expiry: 0,
  killSwitch: 0,
  acceptedTwice: 0,
  shownTwice: 0,
}

function offerstream(...args: readonly string[]): unknown {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=TimeoutNegativeWarning', main, ...args, '--json'],
    { encoding: 'utf8', timeout: 600_000 },
  )
  expect(status, stderr.slice(-2000)).toBe(0)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
}

const demo = (...args: readonly string[]): Summary => offerstream('demo', '--stack', 'local', ...args) as Summary

describe('the demo on a real Kafka, Redis and registry', () => {
  test('streams a simulated operator, and what goes in comes out', () => {
    const summary = demo('--seconds', '15', '--customers', '3000')
    console.log(
      `demo: ${summary.eventsSent} events, ${summary.pushesShown} pushes shown, first after ${summary.secondsToFirstPush} s, ${JSON.stringify(summary.latencyMs)}`,
    )
    expect(summary).toMatchObject({ stack: 'local', lost: 0, deadLetters: {} })
    expect(summary.pushesShown).toBeGreaterThan(0)
    expect(summary.pushesShown).toBe(summary.pushesAccepted)
    const { total, ...states } = summary.ledger
    expect(Object.values(states).reduce((sum, count) => sum + count, 0)).toBe(total)
    expect(states).toMatchObject({ unknown: summary.unknown })
    expect(summary.violations).toEqual(noViolations)
  }, 600_000)

  test('streams the whole of a real data set, where there is one', () => {
    const data = process.env['OFFERSTREAM_DATA'] ?? ''
    if (!existsSync(join(data, 'megaline'))) {
      console.log('not run: OFFERSTREAM_DATA names no directory that holds megaline')
      expect(process.env['CI'], 'CI must have the data').not.toBe('true')
      return
    }
    const summary = demo('--dataset', 'megaline', '--dir', join(data, 'megaline'))
    console.log(
      `megaline: ${summary.eventsSent} records, ${summary.pushesShown} pushes shown, ${JSON.stringify(summary.latencyMs)}`,
    )
    // 318,611 calls, texts and sessions and 500 profiles.
    expect(summary.eventsSent).toBe(319_111)
    expect(summary).toMatchObject({ stack: 'local', lost: 0, deadLetters: {} })
    expect(summary.pushesShown).toBeGreaterThan(0)

    // The stack starts again on what it kept, and the journal is decided again.
    const replay = offerstream('replay') as { records: number; eventsPerSecond: number }
    console.log(`replay: ${replay.records} records at ${replay.eventsPerSecond}/s`)
    expect(replay).toMatchObject({
      records: summary.journalLength,
      decisions: summary.decisions,
      differingBytes: 0,
      missing: 0,
      extra: 0,
      scoresApart: 0,
    })
  }, 600_000)
})
