import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Choice, estimators, valuePolicy } from '../src/index.ts'
import { drawFrom, trueValue, type World } from './world.ts'

const free = { effectiveSampleSize: 0, overlap: 0, maxWeightShare: 1, taken: 0 }
const valuesOf = (choices: readonly Choice[], floors = free) =>
  Object.fromEntries(valuePolicy(choices, floors).values.map(each => [each.estimator, each]))

describe('small finite worlds, every row as often as it is likely', () => {
  /** Cells of context × action with a count and an integer reward; the log's propensities are the shares of the counts. */
  const cell = fc.record({ count: fc.integer({ min: 1, max: 6 }), reward: fc.integer({ min: -3, max: 3 }) })
  const world = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 4 })
  const policy = fc.array(fc.tuple(fc.nat(4), fc.nat(4), fc.integer({ min: 1, max: 4 })), {
    minLength: 4,
    maxLength: 4,
  })

  const listed = (
    cells: readonly (readonly { count: number; reward: number }[])[],
    wants: readonly (readonly number[])[],
  ) => {
    const choices: Choice[] = []
    let exact = 0
    for (const [context, actions] of cells.entries()) {
      const total = actions.reduce((sum, { count }) => sum + count, 0)
      const whole = wants[context]!.reduce((sum, each) => sum + each, 0)
      const target = wants[context]!.map(each => each / whole)
      const logged = actions.map(({ count }) => count / total)
      for (const [taken, { count, reward }] of actions.entries()) {
        exact += total * target[taken]! * reward
        for (let copy = 0; copy < count; copy++)
          choices.push({
            group: `${context}/${taken}/${copy}`,
            // An action of its own in each context: then a mean per action is the whole truth.
            actions: actions.map((_, action) => `${context}/${action}`),
            taken,
            logged,
            target,
            inputs: [[], [], []],
            reward,
          })
      }
    }
    return { choices, exact: exact / choices.length }
  }

  test('IPS and SNIPS are exact', () => {
    fc.assert(
      fc.property(world, policy, (cells, wants) => {
        const { choices, exact } = listed(cells, wants)
        const { IPS, SNIPS } = valuesOf(choices)
        expect(IPS!.value).toBeCloseTo(exact, 9)
        expect(SNIPS!.value).toBeCloseTo(exact, 9)
      }),
    )
  })

  test('DR and SWITCH are exact when the reward hangs on the action alone, and so is DM', () => {
    fc.assert(
      fc.property(world, policy, (cells, wants) => {
        // Every cell several times, so that each fold of the others knows each action.
        const many = cells.map(actions => actions.map(({ count, reward }) => ({ count: 40 * count, reward })))
        const { choices, exact } = listed(many, wants)
        const { DM, DR, SWITCH } = valuesOf(choices)
        for (const each of [DM, DR, SWITCH]) expect(each!.value).toBeCloseTo(exact, 9)
      }),
      { numRuns: 30 },
    )
  })

  test('of the logging policy itself, IPS and SNIPS are the mean reward', () => {
    fc.assert(
      fc.property(world, policy, (cells, wants) => {
        const choices = listed(cells, wants).choices.map(each => ({ ...each, target: each.logged }))
        const mean = choices.reduce((sum, { reward }) => sum + reward, 0) / choices.length
        const { IPS, SNIPS } = valuesOf(choices)
        expect(IPS!.value).toBeCloseTo(mean, 9)
        expect(SNIPS!.value).toBeCloseTo(mean, 9)
      }),
    )
  })

  test('worked by hand: four rows, two actions', () => {
    const row = (taken: number, reward: number): Choice => ({
      group: `${taken}${reward}`,
      actions: ['a', 'b'],
      taken,
      logged: [0.5, 0.5],
      target: [0.9, 0.1],
      inputs: [[], []],
      reward,
    })
    const { values, overlap } = valuePolicy([row(0, 1), row(0, 0), row(1, 3), row(1, 1)], free)
    // Weights 1.8, 1.8, 0.2, 0.2: (1.8 + 0.6 + 0.2) / 4 and 2.6 / 4; (Σw)² / Σw² = 16 / 6.56.
    expect(values[0]).toMatchObject({ estimator: 'IPS', value: expect.closeTo(0.65, 12) })
    expect(values[1]).toMatchObject({ estimator: 'SNIPS', value: expect.closeTo(0.65, 12) })
    expect(overlap.effectiveSampleSize).toBeCloseTo(16 / 6.56, 12)
    expect(overlap.maxWeight).toBeCloseTo(1.8, 12)
  })
})

describe('seeded worlds with chance', () => {
  const world: World = {
    actions: ['none', 'a', 'b', 'c'],
    logged: [0.4, 0.3, 0.2, 0.1],
    base: [0.05, 0.1, 0.2, 0.3],
    slope: [0, 0.2, -0.1, 0.3],
    target: x => (x > 0.5 ? [0.1, 0, 0, 0.9] : [0, 0.2, 0.8, 0]),
  }
  const truth = trueValue(world)
  const runs = 1000

  test('95 % intervals hold the truth in 93 to 97 % of worlds', () => {
    const held: Record<string, number> = {}
    const sums: Record<string, number> = {}
    for (let seed = 0; seed < runs; seed++)
      for (const { estimator, value, low, high } of valuePolicy(drawFrom(world, seed, 1500), free).values) {
        held[estimator] = (held[estimator] ?? 0) + Number(low! <= truth && truth <= high!)
        sums[estimator] = (sums[estimator] ?? 0) + value!
      }
    const shares = Object.fromEntries(Object.entries(held).map(([name, count]) => [name, count / runs]))
    console.log('coverage', shares)
    for (const { name } of estimators) {
      expect(shares[name], name).toBeGreaterThanOrEqual(0.93)
      expect(shares[name], name).toBeLessThanOrEqual(0.97)
      expect(sums[name]! / runs, name).toBeCloseTo(truth, 2)
    }
  }, 120_000)

  test('rows of one customer that always go alike are one row: the interval is as wide as of a seventh', () => {
    const single = drawFrom(world, 7, 500)
    const often = single.flatMap(each => Array.from({ length: 7 }, () => each))
    const width = ({ low, high }: { low: number | null; high: number | null }): number => high! - low!
    expect(width(valuesOf(often)['IPS']!)).toBeCloseTo(width(valuesOf(single)['IPS']!), 9)
    // The control: counted as rows of their own they would seem to say much more.
    const apart = often.map((each, row) => ({ ...each, group: `${row}` }))
    expect(width(valuesOf(apart)['IPS']!)).toBeLessThan(0.5 * width(valuesOf(single)['IPS']!))
  })

  test('DM alone is wrong where the model is, and DR is not', () => {
    // Reward hangs on the context, which the model does not see, and so does the log: confounded.
    const seen = drawFrom({ ...world, slope: [0, 0.6, -0.1, 0.6] }, 3, 20_000).map(each => ({
      ...each,
      inputs: each.inputs.map(() => []),
    }))
    const there = trueValue({ ...world, slope: [0, 0.6, -0.1, 0.6] })
    const { DM, DR } = valuesOf(seen)
    expect(DM!.high!).toBeLessThan(there)
    expect(DR!.low!).toBeLessThan(there)
    expect(DR!.high!).toBeGreaterThan(there)
  })
})

describe('what the log cannot carry is refused with the reason', () => {
  const row = (index: number, change: Partial<Choice> = {}): Choice => ({
    group: `${index}`,
    actions: ['none', 'a', 'b'],
    taken: index % 2,
    logged: [0.5, 0.5, 0],
    target: [0, 1, 0],
    inputs: [[], [], []],
    reward: 1,
    ...change,
  })
  const rows = (count: number, change: Partial<Choice> = {}) =>
    Array.from({ length: count }, (_, index) => row(index, change))
  const reasons = (choices: readonly Choice[]) => valuePolicy(choices).values.map(({ refused }) => refused)

  test('enough of everything is not', () => {
    expect(reasons(rows(1000))).toEqual([null, null, null, null, null])
  })
  test('nothing at all', () => {
    expect(reasons([])[0]).toMatch(/holds no decision/)
  })
  test('an action that was never possible', () => {
    expect(reasons(rows(1000, { target: [0, 0.9, 0.1] }))[0]).toMatch(/10 % of what it does was never possible/)
  })
  test('an action that was hardly ever taken', () => {
    const choices = rows(1000, { logged: [0.49, 0.49, 0.02], target: [0, 0, 1] }).map((each, index) =>
      index % 100 === 0 ? { ...each, taken: 2 } : each,
    )
    expect(reasons(choices)[2]).toMatch(/takes b, which the log took 10 times/)
  })
  test('too few that count; the reward model alone needs no weights', () => {
    const found = reasons(rows(150))
    expect(found[0]).toMatch(/effective sample size 75 of 150 decisions/)
    expect(found[2]).toBeNull()
  })
  test('one decision that outweighs the rest', () => {
    const choices = rows(1000).map((each, index) => (index === 1 ? { ...each, logged: [0.999, 0.001, 0] } : each))
    expect(valuePolicy(choices, { ...free, maxWeightShare: 0.1 }).values[0]!.refused).toMatch(
      /one decision has 50.1 % of all weight/,
    )
  })
})

const data = process.env['OFFERSTREAM_DATA']
if (data === undefined)
  test('the Open Bandit data was not read: OFFERSTREAM_DATA does not name its directory', () => {
    console.log('not run, for want of OFFERSTREAM_DATA: the arithmetic on open-bandit-men')
    expect(process.env['CI'] ?? '').not.toBe('true')
  })
else
  describe('two logs of one shop, at random and by Thompson sampling', () => {
    const folder = join(data, 'open-bandit-men')
    type Line = {
      readonly item: string
      readonly position: string
      readonly click: number
      readonly propensity: number
    }
    const read = (policy: string): Line[] => {
      const file = readdirSync(join(folder, policy)).find(name => name.startsWith('men.csv'))!
      const bytes = readFileSync(join(folder, policy, file))
      const [header, ...lines] = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').trim().split('\n')
      const at = (name: string): number => header!.split(',').indexOf(name)
      const [item, position, click, propensity] = ['item_id', 'position', 'click', 'propensity_score'].map(at) as [
        number,
        number,
        number,
        number,
      ]
      return lines.map(line => {
        const cells = line.split(',')
        return {
          item: cells[item]!,
          position: cells[position]!,
          click: Number(cells[click]),
          propensity: Number(cells[propensity]),
        }
      })
    }

    test('the random log has one propensity, and its value by IPS is its share of clicks', () => {
      const random = read('random')
      expect(random).toHaveLength(10_000)
      for (const { propensity } of random) expect(propensity).toBeCloseTo(1 / 34, 6)
      const choices = random.map(
        ({ item, click, propensity }, index): Choice => ({
          group: `${index}`,
          actions: [item, 'other'],
          taken: 0,
          logged: [propensity, 1 - propensity],
          target: [propensity, 1 - propensity],
          inputs: [[], []],
          reward: click,
        }),
      )
      const clicks = random.reduce((sum, { click }) => sum + click, 0)
      const { IPS } = valuesOf(choices)
      expect(IPS!.value).toBeCloseTo(clicks / 10_000, 12)
    })

    test('the random policy, valued on the other log by SNIPS, is where its own clicks say it is', () => {
      const random = read('random')
      const own = random.reduce((sum, { click }) => sum + click, 0) / random.length
      const choices = read('bts').map(
        ({ item, click, propensity }, index): Choice => ({
          group: `${index}`,
          actions: [item, 'other'],
          taken: 0,
          logged: [propensity, 1 - propensity],
          target: [1 / 34, 33 / 34],
          inputs: [[], []],
          reward: click,
        }),
      )
      const { SNIPS } = valuesOf(choices)
      expect(SNIPS!.low!).toBeLessThan(own)
      expect(SNIPS!.high!).toBeGreaterThan(own)
      expect(valuePolicy(choices).overlap.effectiveSampleSize).toBeLessThan(5000)
    })
  })
