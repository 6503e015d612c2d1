import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  applyRecord,
  contactPolicyOf,
  defaultContactPolicy,
  emptyPlaybook,
  itemsAt,
  parseRecord,
  passOver,
  promotionsFor,
  promotionsInUse,
  stampOf,
} from '../src/index.ts'
import { plan, playbookOf, samples } from './records.ts'

describe('a playbook', () => {
  it('has the offset of its newest record as its version', () => {
    expect(emptyPlaybook.version).toBe(-1)
    expect(applyRecord(emptyPlaybook, { at: 0, body: plan }, 41).version).toBe(41)
    expect(passOver(playbookOf(plan), 7)).toEqual({ ...playbookOf(plan), version: 7 })
  })
  it('leaves the one it was made from as it was, whatever the record', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...Object.values(samples)), { maxLength: 20 }), bodies => {
        const before = playbookOf(...bodies)
        const copy = structuredClone(before)
        for (const body of Object.values(samples)) applyRecord(before, { at: 0, body: { ...body, name: 'new' } }, 99)
        expect(before).toEqual(copy)
      }),
    )
  })
  it('keeps an item where it first stood when its price changes', () => {
    const playbook = playbookOf(plan, { ...plan, name: 'plan-l' }, { ...plan, priceMinor: 2500 })
    expect([...playbook.items.values()].map(item => [item.name, item.priceMinor])).toEqual([
      ['plan-m', 2500],
      ['plan-l', 2000],
    ])
  })
  it('has the defaults of the schema as its default contact policy', () => {
    const read = parseRecord({ type: 'contact_policy', name: 'default' }, 0)
    expect(read).toEqual({ record: { at: 0, body: defaultContactPolicy } })
  })
  it('goes by the default contact policy until there is one', () => {
    expect(contactPolicyOf(emptyPlaybook)).toBe(defaultContactPolicy)
    expect(contactPolicyOf(playbookOf({ ...defaultContactPolicy, offersPerWeek: 1 })).offersPerWeek).toBe(1)
  })
})

describe('items on sale', () => {
  const playbook = playbookOf(
    plan,
    { ...plan, name: 'launched', availableFrom: 100 },
    { ...plan, name: 'ending', availableTo: 100 },
    { ...plan, name: 'gone', withdrawn: true },
    { ...plan, name: 'pack', kind: 'package' },
  )
  const names = (at: number, kind?: 'plan') => itemsAt(playbook, at, kind).map(item => item.name)
  it('begin at availableFrom and end at availableTo', () => {
    expect(names(99)).toEqual(['plan-m', 'ending', 'pack'])
    expect(names(100)).toEqual(['plan-m', 'launched', 'pack'])
  })
  it('can be asked for by kind', () => expect(names(99, 'plan')).toEqual(['plan-m', 'ending']))
})

describe('a stamp', () => {
  it('says what the catalogue says', () =>
    expect(stampOf(playbookOf(plan), 'plan-m', 0)).toEqual({
      known: true,
      kind: 'plan',
      serviceType: 'mobile-data',
      category: 'standard',
      brand: 'north',
      recurring: true,
      validityDays: 30,
      quotaKb: 10 * 1024 * 1024,
      listPriceMinor: 2000,
    }))
  it('has no list price once the item is no longer sold', () =>
    expect(stampOf(playbookOf({ ...plan, withdrawn: true }), 'plan-m', 0)).toMatchObject({
      known: true,
      listPriceMinor: null,
    }))
  it('marks an item the catalogue does not know', () =>
    expect(stampOf(emptyPlaybook, 'plan-m', 0)).toMatchObject({ known: false, kind: '', listPriceMinor: null }))
})

describe('promotions', () => {
  const champion = (version: string) => ({ ...samples.model, version })
  it('serve the champion promoted last, also when it is an older version again', () => {
    expect(promotionsFor(playbookOf(champion('1'), champion('2')), 'c')).toMatchObject([{ version: '2' }])
    expect(promotionsFor(playbookOf(champion('1'), champion('2'), champion('1')), 'c')).toMatchObject([
      { version: '1' },
    ])
  })
  it('give a canary its share of customers, and the same ones each time', () => {
    const playbook = playbookOf(champion('1'), { ...champion('2'), stage: 'canary', share: 0.2 })
    const versions = Array.from({ length: 5000 }, (_, index) => promotionsFor(playbook, `c${index}`)[0]!.version)
    const share = versions.filter(version => version === '2').length / 5000
    expect(Math.abs(share - 0.2)).toBeLessThan(4 * Math.sqrt((0.2 * 0.8) / 5000))
    expect(promotionsFor(playbook, 'c17')[0]!.version).toBe(versions[17])
  })
  it('serve no shadow and no retired version, but keep shadows loaded', () => {
    const playbook = playbookOf({ ...champion('1'), stage: 'retired' }, { ...champion('2'), stage: 'shadow' })
    expect(promotionsFor(playbook, 'c')).toEqual([])
    expect(promotionsInUse(playbook)).toMatchObject([{ version: '2' }])
  })
})
