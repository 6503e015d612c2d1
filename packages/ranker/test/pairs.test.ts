import { type FeatureName, names } from '@offerstream/features'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  inputsOf,
  loadModel,
  type Model,
  modelsFolder,
  type PairName,
  pairContext,
  pairNames,
  pairsOf,
} from '../src/index.ts'
import { monthlyNeed, overageBeyond } from '../src/need.ts'
import { type Customer, gb, noon, plan, plans, playbookOf, typical, updateOf } from './world.ts'

const read = (name: PairName, item: string, customer: Customer = typical, items = plans) => {
  const playbook = playbookOf(items)
  return pairsOf(pairContext(updateOf(customer), noon, playbook), [playbook.items.get(item)!], [name])[0]!
}

describe('a pair feature', () => {
  it.each<[PairName, string, number]>([
    ['price_to_charge', 'plan-l', Math.log(1.5)],
    ['price_to_outlay', 'plan-l', Math.log(3000 / 2800)],
    ['price_percentile', 'plan-l', 2 / 3],
    ['ladder_steps', 'plan-l', 1 / 3],
    // 12 GB cost 2800 under plan-m and 3000 under plan-l.
    ['bill_change', 'plan-l', 0.1],
    ['bill_to_bill', 'plan-l', Math.log(3000 / 2800)],
    ['overage_change', 'plan-l', -0.4],
    ['quota_to_use', 'plan-l', Math.log(30 / 12)],
    ['quota_to_recent_use', 'plan-l', Math.log(30 / ((3 * 30) / 7))],
    ['quota_to_current', 'plan-l', Math.log(3)],
    ['quota_to_use', 'plan-x', 4],
    ['shortfall', 'plan-s', 8 / 12],
    ['shortfall_change', 'plan-l', -2 / 12],
    ['minutes_to_use', 'plan-l', Math.log(500 / 200)],
    ['same_category', 'plan-l', 1],
    // Overage 0.4 and purchases 0.2 of the charge a month.
    ['price_to_spend', 'plan-l', Math.log(3000 / 3200)],
    ['price_to_current', 'plan-l', Math.log(1.5)],
    ['current_percentile', 'plan-l', 1 / 3],
    ['own_price_change', 'plan-l', 0],
    // 18 GB in the peak month: 5200 under plan-m, 3000 under plan-l.
    ['peak_bill_change', 'plan-l', -1.1],
    ['quota_to_peak', 'plan-l', Math.log(30 / 18)],
    ['quota_step', 'plan-l', Math.log(31 / 11)],
    ['minutes_to_current', 'plan-l', 0],
    ['streaming', 'plan-l', 0],
    ['roaming_match', 'plan-l', 0],
  ])('%s of %s', (name, item, expected) => expect(read(name, item)).toBeCloseTo(expected, 6))

  it('remembers rejections of the item and of what costs no more', () => {
    const rejected = { ...typical, rejections: [{ item: 'plan-l', at: noon }] }
    expect([read('rejected_before', 'plan-l', rejected), read('rejected_before', 'plan-x', rejected)]).toEqual([1, 0])
    expect([read('rejected_cheaper', 'plan-s', rejected), read('rejected_cheaper', 'plan-x', rejected)]).toEqual([0, 1])
  })
  it('counts streaming and roaming where they are included', () => {
    const items = [
      ...plans,
      { ...plan('tv', 2500, 10), category: 'streaming' },
      { ...plan('all', 6000, 90), category: 'all-in' },
    ]
    const seen = (['streaming', 'streaming_step', 'streaming_match', 'roaming', 'roaming_match'] as const).map(name => [
      read(name, 'tv', typical, items),
      read(name, 'all', typical, items),
    ])
    expect(seen).toEqual([
      [1, 1],
      [1, 1],
      [2, 2],
      [0, 1],
      [0, Math.fround(0.1)],
    ])
  })
  it('is liker to a rejected item the nearer its price', () => {
    const rejected = { ...typical, rejections: [{ item: 'plan-l', at: noon }] }
    expect(read('rejected_alike', 'plan-x', rejected)).toBeCloseTo(3 / 5, 6)
    expect([read('rejected_alike', 'plan-l', rejected), read('rejected_alike', 'plan-l')]).toEqual([1, 0])
  })
  it('is missing where the customer is unknown', () => {
    const unknown = {
      ...typical,
      plan: null,
      chargeMinor: 0,
      overageMinor: 0,
      dataMb: Number.NaN,
      dataMb7: Number.NaN,
      minutes: Number.NaN,
    }
    const missing = pairNames.filter(name => Number.isNaN(read(name, 'plan-l', unknown)))
    expect(pairNames.filter(name => !missing.includes(name))).toEqual([
      'price_percentile',
      'rejected_before',
      'rejected_cheaper',
      'streaming',
      'streaming_match',
      'roaming',
      'roaming_match',
      'rejected_alike',
    ])
  })
})

describe('the mean overage over the months a need may bring', () => {
  const need = { dataKb: 10 * gb, sd: 0.6, dataKb3m: Number.NaN, dataKb12m: Number.NaN }
  it.each([0, 1, 5, 10, 20, 50])('beyond %d GB is the mean over drawn months', quotaGb => {
    // A plain sum over the normal density.
    const steps = 4001
    let [sum, weights] = [0, 0]
    for (let k = 0; k < steps; k++) {
      const z = -8 + (16 * (k + 0.5)) / steps
      const weight = Math.exp((-z * z) / 2)
      sum += weight * Math.max(0, need.dataKb * Math.exp(need.sd * z) - quotaGb * gb)
      weights += weight
    }
    expect(overageBeyond(quotaGb * gb, need) / gb).toBeCloseTo(sum / weights / gb, 4)
  })
  it('goes by the widest window the record is known to fill', () => {
    const vector = names.map(() => Number.NaN)
    const seen = (sums: Record<string, number>) => {
      for (const [name, value] of Object.entries(sums)) vector[names.indexOf(name as FeatureName)] = value
      const found = monthlyNeed(vector, null, noon)!
      return (found.dataKb * Math.exp(found.sd ** 2 / 2)) / 1024
    }
    // On 6 January at noon, three months hold 66.5 days.
    const young = { data_mb_30d: 100, data_mb_3m: 120, data_mb_6m: 120, data_mb_12m: 120, data_mb_peak_12m: 100 }
    expect(seen(young)).toBeCloseTo(100, 6)
    expect(seen({ ...young, data_mb_6m: 300, data_mb_12m: 300 })).toBeCloseTo((120 * 30) / 66.5, 6)
    expect(seen({ data_mb_6m: 300, data_mb_12m: 310 })).toBeCloseTo((300 * 30) / 158.5, 6)
  })
})

const amounts = fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 1e7, noNaN: true }))
const customers = fc.record({
  plan: fc.constantFrom(null, 'plan-s', 'plan-m', 'plan-x', 'unheard-of'),
  chargeMinor: fc.integer({ min: 100, max: 20_000 }),
  dataMb: fc.oneof(amounts, fc.constant(Number.NaN)),
  dataMb7: fc.oneof(amounts, fc.constant(Number.NaN)),
  minutes: fc.oneof(amounts, fc.constant(Number.NaN)),
  overageMinor: fc.integer({ min: 0, max: 50_000 }),
  rejections: fc.array(fc.record({ item: fc.constantFrom('plan-s', 'plan-l', 'gone'), at: fc.constant(noon) }), {
    maxLength: 2,
  }),
})

it('no pair feature is ever infinite, whatever the customer and the catalogue', () => {
  const item = fc.record({
    priceMinor: fc.nat(10_000),
    quotaKb: fc.option(fc.oneof(fc.constant(0), fc.nat(500 * gb))),
    minutes: fc.option(fc.nat(5000)),
  })
  fc.assert(
    fc.property(customers, fc.array(item, { minLength: 1, maxLength: 6 }), (customer, items) => {
      const playbook = playbookOf([
        ...plans,
        ...items.map((each, index) => ({ ...plan(`item-${index}`, 0, 1), ...each })),
      ])
      const rows = pairsOf(pairContext(updateOf(customer), noon, playbook), [...playbook.items.values()], pairNames)
      expect(rows.every(x => Number.isNaN(x) || Number.isFinite(x))).toBe(true)
    }),
  )
})

it('multiplying every price, charge and bill by one number changes no pair feature', () => {
  const rowsOf = (customer: Customer, factor: number) => {
    const playbook = playbookOf(plans, factor)
    return pairsOf(pairContext(updateOf(customer, factor), noon, playbook), [...playbook.items.values()], pairNames)
  }
  fc.assert(
    fc.property(customers, fc.integer({ min: 1, max: 60 }), (customer, months) => {
      const inflated = rowsOf(customer, 1.03 ** months)
      rowsOf(customer, 1).forEach((x, index) => {
        const far = Math.abs(x - inflated[index]!) > 1e-5 * Math.max(1, Math.abs(x))
        if (far || Number.isNaN(x) !== Number.isNaN(inflated[index]!))
          throw new Error(pairNames[index % pairNames.length])
      })
    }),
  )
})

describe('multiplying every price, charge and bill by one number', () => {
  let model: Model
  beforeAll(async () => {
    model = await loadModel(modelsFolder, 'plan-ranker', '1')
    return () => model.close()
  })
  const scoresOf = (customer: Customer, factor: number) => {
    const playbook = playbookOf(plans, factor)
    const { rows } = inputsOf(model.manifest, updateOf(customer, factor), noon, [...playbook.items.values()], playbook)
    return model.scorer.score(rows, playbook.items.size)
  }
  const apart = (a: Float32Array, b: Float32Array) => Math.max(...a.map((x, index) => Math.abs(x - b[index]!)))

  it('changes no score by more than 1e-6', async () => {
    await fc.assert(
      fc.asyncProperty(customers, fc.double({ min: 0.01, max: 100, noNaN: true }), async (customer, factor) => {
        expect(apart(await scoresOf(customer, 1), await scoresOf(customer, factor))).toBeLessThanOrEqual(1e-6)
      }),
      { numRuns: 300 },
    )
  })
  it('would be seen, were one price left as it is', async () => {
    const playbook = playbookOf(plans, 2)
    const update = { ...updateOf(typical, 2), facts: updateOf(typical, 1).facts }
    const { rows } = inputsOf(model.manifest, update, noon, [...playbook.items.values()], playbook)
    expect(apart(await model.scorer.score(rows, 4), await scoresOf(typical, 1))).toBeGreaterThan(1e-3)
  })
})
