import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type DatasetName, datasets } from '../src/index.ts'

const data = process.env['OFFERSTREAM_DATA']

/** What a whole set holds, by topic and kind, beside repeats and rows left out. */
async function count(name: DatasetName, data: string) {
  const kinds: Record<string, number> = {}
  const leftOut: Record<string, number> = {}
  const ids = new Set<string>()
  const customers = new Set<string>()
  let repeats = 0
  let latest = Number.NEGATIVE_INFINITY
  const onLeftOut = (reason: string): void => {
    leftOut[reason] = (leftOut[reason] ?? 0) + 1
  }
  for await (const { topic, value } of datasets[name].records(join(data, name), { onLeftOut })) {
    if (value.at < latest) throw new Error(`${value.id} is out of order`)
    latest = value.at
    const kind = 'kind' in value ? value.kind : topic
    kinds[kind] = (kinds[kind] ?? 0) + 1
    if (ids.has(value.id)) repeats++
    ids.add(value.id)
    customers.add(value.customer)
  }
  const items = (await datasets[name].playbook(join(data, name))).length
  return { kinds, leftOut, repeats, customers: customers.size, items }
}

if (data === undefined) {
  test('the whole files were not read: OFFERSTREAM_DATA does not name their directory', () => {
    console.log(`not run, for want of OFFERSTREAM_DATA: the counts of ${Object.keys(datasets).join(', ')}`)
    // Where the data must be there, its absence is a failure.
    expect(process.env['CI'] ?? '').not.toBe('true')
  })
} else {
  test('megaline: 318,611 uses, 500 customers, 2 plans', { timeout: 120_000 }, async () => {
    expect(await count('megaline', data)).toEqual({
      kinds: { customers: 500, voice: 137_735, text: 76_051, data: 104_825 },
      leftOut: {},
      repeats: 0,
      customers: 500,
      items: 2,
    })
  })

  test('megaline: the months add up to mean bills of 60.71 and 72.31', { timeout: 120_000 }, async () => {
    const { records, customers } = datasets.megaline
    const profiles = new Map<string, { plan: string | null; monthlyChargeMinor: number }>()
    for await (const profile of customers(join(data, 'megaline'))) profiles.set(profile.customer, profile)
    const bills = new Map<string, { plan: string; minor: number }>()
    for await (const { topic, value } of records(join(data, 'megaline'))) {
      if (topic !== 'usage') continue
      const key = `${value.customer} ${new Date(value.at).toISOString().slice(0, 7)}`
      const { plan, monthlyChargeMinor } = profiles.get(value.customer)!
      const bill = bills.get(key) ?? { plan: plan!, minor: monthlyChargeMinor }
      bill.minor += value.overageMinor
      bills.set(key, bill)
    }
    const mean = (plan: string): number => {
      const of = [...bills.values()].filter(bill => bill.plan === plan)
      return of.reduce((sum, bill) => sum + bill.minor, 0) / of.length / 100
    }
    expect(mean('surf')).toBeCloseTo(60.71, 2)
    expect(mean('ultimate')).toBeCloseTo(72.31, 2)
  })

  test('complete-journey: 75,000 lines of 2,377 households', { timeout: 120_000 }, async () => {
    const counted = await count('complete-journey', data)
    expect(counted).toEqual({
      kinds: { customers: 2_377, purchases: 74_584 },
      leftOut: { 'no-quantity-no-money': 416 },
      repeats: 0,
      customers: 2_377,
      items: 292,
    })
    expect(counted.kinds['purchases']! + counted.leftOut['no-quantity-no-money']!).toBe(75_000)
  })

  test('starbucks-offers: 306,534 events of 17,000 customers, 397 of them repeats, 10 offers', {
    timeout: 120_000,
  }, async () => {
    const counted = await count('starbucks-offers', data)
    expect(counted).toEqual({
      kinds: { customers: 17_000, displayed: 76_277, opened: 57_725, purchases: 33_579 + 138_953 },
      leftOut: {},
      repeats: 397,
      customers: 17_000,
      items: 10,
    })
    const { customers: _, ...events } = counted.kinds
    expect(Object.values(events).reduce((sum, n) => sum + n, 0)).toBe(306_534)
  })
}
