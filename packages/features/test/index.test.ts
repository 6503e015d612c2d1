import { describe, expect, it } from 'vitest'
import type { Features } from '../src/feature.ts'
import { apply, empty, factsOf, features, featureTable, naive, names, read, states } from '../src/index.ts'
import { activeCustomer } from './active-customer.ts'

const customers = Array.from({ length: 60 }, (_, i) => activeCustomer(i + 1))
const folded = customers.map(events => events.reduce(apply, empty))

describe('the list', () => {
  it('names every feature in snake case', () => {
    for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/)
    expect(names).toEqual(Object.keys(features satisfies Features))
  })

  it('describes every feature, and tells absolute money from relations', () => {
    const rows = new Map(featureTable.map(row => [row.name, row]))
    expect(rows.get('packages_90d')?.says).toBe('number of purchase where item kind is package, over 13 weeks')
    expect(featureTable.filter(({ money }) => money).map(({ name }) => name)).toEqual([
      'overage_minor_30d',
      'spend_minor_90d',
      'monthly_charge_minor',
    ])
  })
})

describe('an active customer', () => {
  it('reads as the oracles do', () => {
    for (const [i, events] of customers.entries()) expect(read(folded[i]!, 0)).toEqual(naive(events, 0))
  })

  it('has something of every feature', () => {
    const held = names.filter((_, i) => folded.some(state => (read(state, 0)[i] ?? 0) > 0))
    expect(held).toEqual(names)
  })

  it.each([
    [1, 850],
    [3, 1_100],
    [14, 1_500],
  ])('fits into few bytes after %d months of 220 events', (monthsLong, most) => {
    const sizes = customers.map((_, i) => states.encode(activeCustomer(i + 1, monthsLong).reduce(apply, empty)).length)
    expect(sizes.sort((a, b) => a - b)[30]).toBeLessThanOrEqual(most)
  })
})

describe('facts', () => {
  it('of a customer nobody described consent to nothing', () => {
    expect(factsOf(empty)).toMatchObject({ plan: null, consent: {}, devices: [], rejections: [] })
  })

  it('hold the newest profile and the newest rejection of each item', () => {
    const { consent, rejections, plan } = factsOf(folded[0]!)
    expect(plan).toBe('mobile-m')
    expect(consent).toEqual({ push: true, 'push/sales': false })
    const rejected = customers[0]!.flatMap(({ event }) =>
      event.type === 'engagement' && event.kind === 'rejected' ? [event] : [],
    )
    const newest = [...new Map(rejected.map(({ item, at }) => [item, at]))]
    expect(rejections.map(({ item, at }) => [item, at])).toEqual(newest.sort(([, a], [, b]) => b - a))
  })
})
