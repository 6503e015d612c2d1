import { avroCodec } from '@offerstream/contracts'
import { describe, expect, test } from 'vitest'
import {
  type Batch,
  byArrival,
  createMarket,
  fullInformation,
  itemName,
  ladderRule,
  type Market,
  type MarketOptions,
  type MarketPreset,
  marketPresets,
  marketTopics,
  oracleTables,
  type PlanPolicy,
  type PlayOptions,
  planOf,
  play,
  policyValue,
  recordsOf,
  singlePlan,
} from '../src/index.ts'
import { expectedBill, priceList } from '../src/market/choice.ts'
import { playHash, worldHashes } from '../src/market/hash.ts'
import { createRandom } from '../src/random.ts'
import worldHash from '../world-hash.json' with { type: 'json' }

/** Every batch of a market, looked at while it stands. */
function each(
  options: Partial<MarketOptions> & { customers: number } & PlayOptions,
  look: (batch: Batch) => void,
): Market {
  const market = createMarket({ seed: 1, ...options })
  for (const batch of play(market, options)) look(batch)
  return market
}

describe('one seed, one world', () => {
  test('the world is the one whose hash was recorded; a changed one is written by docs/write-hash.ts', () => {
    expect(worldHashes()).toEqual(worldHash)
  })

  test('ten seeds come out the same byte for byte when played again, and no two alike', () => {
    const seeds = Array.from({ length: 10 }, (_, n) => n + 1)
    const once = seeds.map(seed => playHash('medium-taste', seed, 80))
    expect(seeds.map(seed => playHash('medium-taste', seed, 80))).toEqual(once)
    expect(new Set(once).size).toBe(10)
  })

  test('a changed parameter changes both hashes', () => {
    const parameters = marketPresets.hard as { attention: number }
    const before = parameters.attention
    try {
      parameters.attention = 0.0016
      const changed = worldHashes()
      expect(changed.definition).not.toBe(worldHash.definition)
      expect(changed.play['hard']).not.toBe(worldHash.play.hard)
      expect(changed.play['null']).toBe(worldHash.play.null)
    } finally {
      parameters.attention = before
    }
  })

  test('the size of a batch changes nothing but where it is cut', () => {
    const seen = (batchRows: number): number[] => {
      const all: number[] = []
      each({ customers: 200, months: 2, batchRows }, ({ topics: { usage } }) => {
        for (let row = 0; row < usage.rows; row++) all.push(usage.columns.arrived[row]!, usage.columns.dataKb[row]!)
      })
      return all
    }
    expect(seen(500)).toEqual(seen(1 << 16))
  })

  test('a market that was played is not played again', () => {
    const market = each({ customers: 10, months: 1 }, () => undefined)
    expect(() => [...play(market, { months: 2 })]).toThrow('stands at month 1; create it anew')
  })

  test.each([0, 1.5, 10_000_001, Number.NaN])('a market of %d customers is refused', customers => {
    expect(() => createMarket({ seed: 1, customers })).toThrow(`customers is ${customers}`)
  })
})

describe('events', () => {
  test('every record fits its schema', () => {
    const codecs = {
      purchase: avroCodec('purchase'),
      purchase_retracted: avroCodec('purchase-retracted'),
      usage: avroCodec('usage'),
      engagement: avroCodec('engagement'),
      customer: avroCodec('customer'),
    }
    const kinds = new Set<string>()
    each({ customers: 150, months: 3 }, batch => {
      let arrivedBefore = 0
      for (const { arrived, record } of recordsOf(batch)) {
        expect(arrived).toBeGreaterThanOrEqual(arrivedBefore)
        arrivedBefore = arrived
        kinds.add(record.type)
        const codec = codecs[record.type] as { encode(value: unknown): Buffer; decode(bytes: Buffer): unknown }
        expect(codec.decode(codec.encode(record))).toEqual(record)
      }
    })
    expect(kinds.size).toBe(5)
  })

  test('no topic has a column or a value of the oracle', () => {
    const keys = new Set<string>(['customer', 'serial', 'month'])
    const hidden = new Set(
      Object.values(oracleTables)
        .flatMap(table => Object.keys(table))
        .filter(name => !keys.has(name)),
    )
    for (const columns of Object.values(marketTopics))
      expect(Object.keys(columns).filter(name => hidden.has(name))).toEqual([])
    // Latents are no whole numbers; of what is seen only propensities are not, and those are known to everybody.
    let broken = 0
    const { people } = each({ customers: 300, months: 1 }, ({ topics }) => {
      for (const { columns, rows } of Object.values(topics))
        for (const [name, column] of Object.entries(columns))
          if (!name.startsWith('propensity'))
            for (let row = 0; row < rows; row++) if (!Number.isInteger(column[row]!)) broken++
    })
    expect(broken).toBe(0)
    const latents = [people.needLevel, people.sensitivity, people.taste, people.inertia, people.attention]
    for (const column of latents) expect(column.filter(value => Number.isInteger(value)).length).toBe(0)
  })

  test('about two in a hundred come late, one in a hundred twice, and neighbours change places', () => {
    let rows = 0
    let early = 0
    let late = 0
    let twice = 0
    let swapped = 0
    each({ customers: 3_000, months: 1 }, ({ topics: { usage } }) => {
      const { at, arrived, customer, serial } = usage.columns
      rows += usage.rows
      for (let row = 0; row < usage.rows; row++) {
        if (arrived[row]! < at[row]!) early++
        if (row > 0 && serial[row] === serial[row - 1] && customer[row] === customer[row - 1]) twice++
        else if (arrived[row]! - at[row]! > 5_000) late++
      }
      const order = byArrival(usage)
      for (let k = 1; k < order.length; k++) if (at[order[k]!]! < at[order[k - 1]!]!) swapped++
    })
    expect(early).toBe(0)
    expect(Math.abs(late / rows - 0.02)).toBeLessThan(0.003)
    expect(Math.abs(twice / rows - 0.01)).toBeLessThan(0.002)
    expect(swapped).toBeGreaterThan(rows * 0.02)
  })

  test('a retraction names a purchase and repeats what it said; about one package in a hundred is taken back', () => {
    const bought = new Map<string, string>()
    let retracted = 0
    each({ customers: 6_000, months: 1, repeatShare: 0, pushesPerMonth: 0 }, ({ topics: { purchases } }) => {
      const { columns: c, rows } = purchases
      for (let row = 0; row < rows; row++) {
        const said = `${c.item[row]} ${c.priceMinor[row]} ${c.purchasedAt[row]}`
        if (c.type[row] === 0) bought.set(`${c.customer[row]}/${c.serial[row]}`, said)
        else {
          retracted++
          expect(bought.get(`${c.customer[row]}/${c.purchase[row]}`)).toBe(said)
          expect(c.at[row]!).toBeGreaterThan(c.purchasedAt[row]!)
        }
      }
    })
    expect(Math.abs(retracted / bought.size - 0.01)).toBeLessThan(0.004)
  })

  test('plans come, go and change their id, in offers and in profiles', () => {
    const offered = Array.from({ length: 10 }, () => new Set<string>())
    const profiles = Array.from({ length: 10 }, () => new Set<string | null>())
    each(
      { customers: 1_200, months: 10, exploration: 1, pushesPerMonth: 0 },
      ({ month, topics: { offers, customers } }) => {
        for (let row = 0; row < offers.rows; row++) offered[month]!.add(itemName(offers.columns.item[row]!)!)
        for (let row = 0; row < customers.rows; row++) profiles[month]!.add(itemName(customers.columns.item[row]!))
      },
    )
    const months = (sets: readonly ReadonlySet<string | null>[], name: string): number[] =>
      sets.flatMap((names, month) => (names.has(name) ? [month] : []))
    expect(Math.min(...months(offered, 'young-16'))).toBe(4)
    expect(Math.min(...months(offered, 'world-100'))).toBe(8)
    expect(Math.max(...months(offered, 'smart-15'))).toBe(5)
    expect([Math.max(...months(offered, 'smart-6')), Math.min(...months(offered, 'smart-6-2'))]).toEqual([4, 5])
    // A profile comes when something of it changed.
    expect(Math.max(...months(profiles, 'smart-6'))).toBeLessThan(5)
    expect(Math.min(...months(profiles, 'smart-6-2'))).toBe(5)
    expect(planOf(53)).toBe(3)
  })

  test('prices rise by 3 % a month, a third of the plans at a time', () => {
    const total = (month: number): number => priceList(month).priceMinor.reduce((sum, price) => sum + price, 0)
    for (let month = 0; month < 12; month++)
      expect(Math.abs(total(month + 3) / total(month) / 1.03 ** 3 - 1)).toBeLessThan(0.002)
    const changed = (month: number): number =>
      priceList(month).priceMinor.filter((price, j) => price !== priceList(month - 1).priceMinor[j]).length
    expect([changed(4), changed(5), changed(6)].sort()).toEqual([5, 6, 6])
  })

  test('offers are drawn with the propensities that stand beside them', () => {
    const counts = new Map<number, number>()
    const expected = new Map<number, number>()
    let wrong = 0
    each({ customers: 20_000, months: 1, repeatShare: 0, pushesPerMonth: 0 }, ({ topics: { offers } }) => {
      const { columns: c, rows } = offers
      for (let row = 0; row < rows; row++) {
        const eligible = Array.from({ length: 17 }, (_, j) => j).filter(j => (c.eligible[row]! >> j) & 1)
        const offered = planOf(c.item[row]!)!
        // The ladder's is the cheapest, which in month 0 is the first.
        const p = (j: number): number => 0.2 / eligible.length + (j === eligible[0] ? 0.8 : 0)
        if (!eligible.includes(offered) || Math.abs(c.propensity[row]! - p(offered)) > 1e-12) wrong++
        counts.set(offered, (counts.get(offered) ?? 0) + 1)
        for (const j of eligible) expected.set(j, (expected.get(j) ?? 0) + p(j))
      }
    })
    expect(wrong).toBe(0)
    expect(expected.size).toBe(14)
    for (const [j, mean] of expected)
      expect(Math.abs((counts.get(j) ?? 0) - mean)).toBeLessThan(4.5 * Math.sqrt(mean) + 1)
  })
})

test('the closed form of the expected bill is the mean over drawn needs', () => {
  const prices = priceList(0)
  const random = createRandom().seed(1, 2, 3)
  for (const [plan, quota, logNeed] of [
    [3, 6, 1.6],
    [6, 12, 2.6],
    [11, 25, 3.0],
  ] as const) {
    let sum = 0
    for (let k = 0; k < 200_000; k++) sum += Math.max(0, Math.exp(logNeed + 0.45 * random.normal()) - quota)
    const mean = prices.priceMinor[plan]! + (prices.overageMinor * sum) / 200_000
    expect(Math.abs(expectedBill(prices, plan, logNeed, 0.45) / mean - 1)).toBeLessThan(0.01)
  }
})

describe('what the world was calibrated to', () => {
  test.each([
    ['medium-taste', 2.8],
    ['strong-taste', 3.5],
    ['price-driven', 3.4],
  ] as const)('%s: full information is worth about %f times the ladder rule', (preset, ratio) => {
    const markets = [11, 12, 13].map(seed => createMarket({ seed, customers: 6_000, preset }))
    const worth = (policy: PlanPolicy): number =>
      markets.reduce((sum, market) => sum + policyValue(market, policy) / markets.length, 0)
    const ladder = worth(ladderRule)
    expect(Math.abs(ladder - 0.0005)).toBeLessThan(0.00015)
    expect(Math.abs(worth(fullInformation) / ladder / ratio - 1)).toBeLessThan(0.08)
  })

  test('under the ladder rule 0.05 % accept and 0.10 % reject; 0.5 to 2 % change by themselves in a month', () => {
    const counts = { offers: 0, accepted: 0, rejected: 0, organic: 0, active: 0 }
    each({ customers: 60_000, months: 2, exploration: 0, repeatShare: 0, pushesPerMonth: 0 }, ({ topics }) => {
      counts.offers += topics.offers.rows
      counts.active += topics.discounts.rows
      const { item, offer } = topics.purchases.columns
      for (let row = 0; row < topics.purchases.rows; row++)
        if (planOf(item[row]!) !== undefined) counts[offer[row]! >= 0 ? 'accepted' : 'organic']++
      const rejected = marketTopics.engagements.kind.indexOf('rejected')
      for (let row = 0; row < topics.engagements.rows; row++)
        if (topics.engagements.columns.kind[row] === rejected) counts.rejected++
    })
    expect(Math.abs(counts.accepted / counts.offers - 0.0005)).toBeLessThan(0.00015)
    // A hundred thousand offers know it to a tenth.
    expect(Math.abs(counts.rejected / counts.offers - 0.001)).toBeLessThan(0.0003)
    expect(counts.organic / counts.active).toBeGreaterThan(0.005)
    expect(counts.organic / counts.active).toBeLessThan(0.02)
  })

  test.each([
    ['price-driven', 1.05],
    ['medium-taste', 1.2],
    ['strong-taste', 1.62],
  ] as const)('%s: the best sale is opened %f times as often as the most popular one', (preset, ratio) => {
    let best = 0
    let popular = 0
    each({ customers: 2_500, months: 3, preset, repeatShare: 0 }, ({ oracle: { pushes } }) => {
      for (let row = 0; row < pushes.rows; row++) {
        best += pushes.columns.openBest[row]!
        popular += pushes.columns.openPopular[row]!
      }
    })
    expect(Math.abs((best / popular - 1) / (ratio - 1) - 1)).toBeLessThan(0.25)
  })

  test('a hard market attends a quarter as often', () => {
    const value = (preset: MarketPreset): number =>
      policyValue(createMarket({ seed: 3, customers: 2_000, preset }), ladderRule)
    expect(value('hard') / value('medium-taste')).toBeCloseTo(0.25, 6)
  })
})

test('the exact value of a policy and the answers drawn under it agree', () => {
  let exact = 0
  let variance = 0
  let accepted = 0
  each(
    { seed: 9, customers: 40_000, months: 2, exploration: 1, repeatShare: 0, pushesPerMonth: 0 },
    ({ topics, oracle }) => {
      const { columns: o, rows } = oracle.offers
      for (let row = 0; row < rows; row++) {
        const plan = planOf(topics.offers.columns.item[row]!)!
        const p = o.attending[row]! * o[`plan${plan}` as 'plan0'][row]!
        exact += p
        variance += p * (1 - p)
      }
      for (let row = 0; row < topics.purchases.rows; row++) if (topics.purchases.columns.offer[row]! >= 0) accepted++
    },
  )
  expect(exact).toBeGreaterThan(30)
  expect(Math.abs(accepted - exact)).toBeLessThan(3.5 * Math.sqrt(variance))
})

test('in the null world no offer, sale or discount is better than another', () => {
  const market = createMarket({ seed: 4, customers: 12_000, preset: 'null' })
  const ladder = policyValue(market, ladderRule)
  for (const policy of [fullInformation, singlePlan(4), singlePlan(16)])
    expect(policyValue(market, policy) / ladder).toBeCloseTo(1, 9)
  const units = [0, 0, 0]
  const squares = [0, 0, 0]
  const trials = [0, 0, 0]
  const opened = { best: 0, popular: 0, any: 0 }
  let effects = 0
  for (const { topics, oracle } of play(market, { months: 3, repeatShare: 0, exploration: 1 })) {
    const { arm, trial, units: sold } = topics.discounts.columns
    for (let row = 0; row < topics.discounts.rows; row++)
      if (trial[row] === 0) {
        trials[arm[row]!]!++
        units[arm[row]!]! += sold[row]!
        squares[arm[row]!]! += sold[row]! ** 2
      }
    const truth = oracle.discounts.columns
    for (let row = 0; row < oracle.discounts.rows; row++)
      if (truth.units20[row] !== truth.units0[row] || truth.units25[row] !== truth.units0[row]) effects++
    for (let row = 0; row < oracle.pushes.rows; row++) {
      opened.best += oracle.pushes.columns.openBest[row]!
      opened.popular += oracle.pushes.columns.openPopular[row]!
      opened.any += oracle.pushes.columns.open[row]!
    }
  }
  expect(effects).toBe(0)
  expect(opened.best / opened.any).toBeCloseTo(1, 6)
  expect(opened.popular / opened.any).toBeCloseTo(1, 6)
  const mean = units.map((sum, arm) => sum / trials[arm]!)
  const error = squares.map((sum, arm) => (sum / trials[arm]! - mean[arm]! ** 2) / trials[arm]!)
  for (const arm of [1, 2])
    expect(Math.abs(mean[arm]! - mean[0]!)).toBeLessThan(2.8 * Math.sqrt(error[0]! + error[arm]!))
})

test('elsewhere discounts move demand either way, and trials keep their propensities', () => {
  const effects = { up: 0, down: 0 }
  const arms = { randomised: [0, 0, 0], targeted: [0, 0, 0] }
  const expected = { randomised: [0, 0, 0], targeted: [0, 0, 0] }
  each({ customers: 8_000, months: 2, repeatShare: 0, pushesPerMonth: 0 }, ({ topics, oracle }) => {
    const { columns: c, rows } = topics.discounts
    for (let row = 0; row < rows; row++) {
      const trial = c.trial[row] === 0 ? 'randomised' : 'targeted'
      arms[trial][c.arm[row]!]!++
      for (const [arm, p] of [c.propensity0, c.propensity20, c.propensity25].entries()) expected[trial][arm]! += p[row]!
    }
    const truth = oracle.discounts.columns
    for (let row = 0; row < oracle.discounts.rows; row++)
      effects[truth.units20[row]! > truth.units0[row]! ? 'up' : 'down']++
  })
  expect(effects.down / (effects.up + effects.down)).toBeGreaterThan(0.05)
  expect(effects.down / (effects.up + effects.down)).toBeLessThan(0.4)
  for (const trial of ['randomised', 'targeted'] as const)
    for (const [arm, n] of arms[trial].entries())
      expect(Math.abs(n - expected[trial][arm]!)).toBeLessThan(4 * Math.sqrt(expected[trial][arm]!))
  expect(arms.targeted[0]! / arms.randomised[0]!).toBeGreaterThan(1.2)
})
