import type { Experiment } from '@offerstream/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assign, isRunning } from '../src/index.ts'

const experiment = (shares: readonly number[], name = 'levers'): Experiment => ({
  type: 'experiment',
  name,
  active: true,
  from: 100,
  to: 200,
  arms: shares.map((share, index) => ({ name: `arm-${index}`, share, policy: 'champion' })),
})

describe('assign', () => {
  it('gives each arm its share of customers', () => {
    const counts = new Map<string, number>()
    const shares = [0.05, 0.15, 0.8]
    for (let index = 0; index < 50_000; index++) {
      const { name } = assign(experiment(shares), `customer-${index}`)
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    for (const [index, share] of shares.entries())
      expect(Math.abs(counts.get(`arm-${index}`)! / 50_000 - share)).toBeLessThan(
        4 * Math.sqrt((share * (1 - share)) / 50_000),
      )
  })
  it('moves nobody out of the first arm when its share grows, for any customer', () =>
    fc.assert(
      fc.property(fc.string(), fc.double({ min: 0, max: 1, noNaN: true }), (customer, share) => {
        fc.pre(assign(experiment([share, 1 - share]), customer).name === 'arm-0')
        const wider = (1 + share) / 2
        expect(assign(experiment([wider, 1 - wider]), customer).name).toBe('arm-0')
      }),
    ))
  it('is independent from one experiment to the next', () => {
    let both = 0
    for (let index = 0; index < 40_000; index++) {
      const customer = `customer-${index}`
      if (assign(experiment([0.5, 0.5], 'one'), customer).name === assign(experiment([0.5, 0.5], 'two'), customer).name)
        both++
    }
    expect(Math.abs(both / 40_000 - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / 40_000))
  })
  it('never chooses an arm without a share', () => {
    for (let index = 0; index < 5000; index++) expect(assign(experiment([0, 1, 0]), `c${index}`).name).toBe('arm-1')
  })
})

it('an experiment runs from its beginning until just before its end, while it is active', () => {
  expect([99, 100, 199, 200].map(at => isRunning(experiment([1]), at))).toEqual([false, true, true, false])
  expect(isRunning({ ...experiment([1]), active: false }, 150)).toBe(false)
  expect(isRunning({ ...experiment([1]), from: null, to: null }, 150)).toBe(true)
})
