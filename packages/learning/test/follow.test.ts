import type { CustomerEvent } from '@offerstream/contracts'
import { describe, expect, test } from 'vitest'
import type { Block } from '../src/block.ts'
import { createFollowing } from '../src/follow.ts'
import { createVectors } from '../src/vectors.ts'
import { day, event, large, middle, playbook, small, start } from './journal.ts'

const vectors = createVectors()
const profile = () => event('customer', start, {})
const used = (at: number, arrived?: number) => event('usage', at, { dataKb: 5 * 1024 * 1024 }, arrived)
const decidedAt = start + 10 * day
const offer = 'd1'
const shown = (at = decidedAt + 5_000) => event('engagement', at, { offer, item: 'middle' })
const bought = (at: number, body = {}) => event('purchase', at, body)

/** What arrives in this order; a number is a decision at that moment that offers the middle plan. */
function blockOf(happened: readonly (CustomerEvent | number)[], end?: number): Block {
  const following = createFollowing(vectors)
  const customer = following.customer('c')
  for (const each of happened)
    if (typeof each !== 'number') following.see(customer, each, playbook, true)
    else
      following.ask(
        customer,
        {
          id: offer,
          at: each,
          items: [middle, large],
          propensities: [0.9, 0.1],
          chosen: 0,
          control: false,
          truth: null,
        },
        playbook,
      )
  const block = following.cut()
  following.settle(block, end)
  return block
}
const ownOf = (block: Block, group = 0) =>
  block.features.slice(group * vectors.features.length, (group + 1) * vectors.features.length)
const featureOf = (block: Block, name: string, group = 0) => ownOf(block, group)[vectors.features.indexOf(name)]
const outcomeOf = (happened: readonly CustomerEvent[], end?: number) =>
  blockOf([profile(), decidedAt, ...happened], end).groups[0]!

describe('a vector', () => {
  const before = [profile(), used(start + day)]
  const later = [used(decidedAt + day), shown(), bought(decidedAt + 2 * day)]

  test('knows nothing of what comes after its decision', () => {
    const alone = blockOf([...before, decidedAt])
    const followed = blockOf([...before, decidedAt, ...later])
    expect(ownOf(followed)).toEqual(ownOf(alone))
    expect(followed.pairs.slice(0, 2 * vectors.pairs.length)).toEqual(alone.pairs.slice(0, 2 * vectors.pairs.length))
  })

  test('read once all has been seen, would be another', () => {
    const leaking = blockOf([...before, ...later, decidedAt])
    expect(ownOf(leaking)).not.toEqual(ownOf(blockOf([...before, decidedAt, ...later])))
  })

  test('counts events in the order of arrival: one that is still on its way does not count', () => {
    const late = used(start + 2 * day, decidedAt + day)
    expect(ownOf(blockOf([...before, decidedAt, late]))).toEqual(ownOf(blockOf([...before, decidedAt])))
    expect(featureOf(blockOf([...before, late, decidedAt]), 'data_mb_30d')).toBe(2 * 5 * 1024)
  })

  test('counts an event that comes twice once', () => {
    const [first, second] = before
    expect(ownOf(blockOf([first!, second!, second!, decidedAt]))).toEqual(ownOf(blockOf([...before, decidedAt])))
  })
})

describe('an offer', () => {
  test.each([
    ['bought at the moment it is displayed', 0, true],
    ['bought after 14 days to the millisecond', 14 * day, true],
    ['bought a millisecond later', 14 * day + 1, false],
    ['bought before it was displayed', -1, false],
  ])('%s', (_, after, accepted) => {
    const display = shown()
    expect(outcomeOf([display, bought(display.event.at + after)]).accepted).toBe(accepted)
  })

  test('that is displayed again is accepted by either display', () => {
    const again = shown(decidedAt + 5 * day)
    expect(outcomeOf([shown(), again, bought(decidedAt + 16 * day)]).accepted).toBe(true)
    expect(outcomeOf([shown(), again, bought(decidedAt + 2 * day)]).accepted).toBe(true)
  })

  test('gives way to the display of its item by another offer, if that came before the purchase', () => {
    const another = event('engagement', decidedAt + 5 * day, { kind: 'displayed', offer: 'd0', item: 'middle' })
    expect(outcomeOf([shown(), another, bought(decidedAt + 6 * day)]).accepted).toBe(false)
    expect(outcomeOf([shown(), another, bought(decidedAt + 4 * day)]).accepted).toBe(true)
  })

  test('that nobody saw is not accepted, whatever is bought', () => {
    expect(outcomeOf([bought(decidedAt + day)]).accepted).toBe(false)
  })

  test('of one item is not accepted by another', () => {
    expect(outcomeOf([shown(), bought(decidedAt + day, { item: 'large' })]).accepted).toBe(false)
  })

  test('is accepted however late the purchase arrives, and not once it is taken back', () => {
    const purchase = bought(decidedAt + day)
    expect(outcomeOf([purchase, shown()]).accepted).toBe(true)
    const back = event('purchase_retracted', decidedAt + 2 * day, {
      item: 'middle',
      purchase: 'id' in purchase.event ? purchase.event.id : '',
      purchasedAt: purchase.event.at,
    })
    expect(outcomeOf([shown(), purchase, back]).accepted).toBe(false)
    expect(outcomeOf([shown(), back, purchase]).accepted).toBe(false)
  })

  test('is opened and rejected by what names it, or its item', () => {
    const named = outcomeOf([event('engagement', decidedAt + day, { kind: 'opened', offer })])
    const unnamed = outcomeOf([event('engagement', decidedAt + day, { kind: 'rejected', item: 'middle' })])
    const another = outcomeOf([event('engagement', decidedAt + day, { kind: 'opened', offer: 'd0', item: 'middle' })])
    expect([named.opened, unnamed.rejected, another.opened]).toEqual([true, true, false])
  })

  test('is kept once 14 days are over, not while it could still be accepted', () => {
    const display = shown()
    expect(outcomeOf([display], display.event.at + 14 * day).kept).toBe(true)
    expect(outcomeOf([display], display.event.at + 14 * day - 1).kept).toBe(false)
  })
})

describe('an unasked purchase of a plan', () => {
  const boughtAt = start + 5 * day
  const became = (at = boughtAt + 1) => event('customer', at, { plan: 'middle', monthlyChargeMinor: 1500 })

  test('is a group of all plans on sale but the own, cheaper ones too', () => {
    const down = bought(boughtAt, { item: 'small', priceMinor: 800 })
    const [group] = blockOf([event('customer', start, { plan: 'middle' }), down]).groups
    expect(group).toMatchObject({ source: 'organic', current: 'middle', chosen: 0, accepted: true, kept: true })
    expect(group!.items).toEqual([small, large])
  })

  test('has the vector of just before, also where the profile it led to arrives first', () => {
    const purchase = bought(boughtAt)
    const usual = blockOf([profile(), used(start + day), purchase, became()])
    const turned = blockOf([profile(), used(start + day), became(), purchase])
    expect(ownOf(turned)).toEqual(ownOf(usual))
    expect(turned.pairs).toEqual(usual.pairs)
    expect(turned.groups[0]!.current).toBe('small')
    expect(featureOf(usual, 'plans_12m')).toBe(0)
  })

  test('that answers a display, names an offer or is taken back is none', () => {
    const display = event('engagement', boughtAt - 14 * day, { item: 'middle' })
    const purchase = bought(boughtAt)
    const back = event('purchase_retracted', boughtAt + day, {
      item: 'middle',
      purchase: 'id' in purchase.event ? purchase.event.id : '',
      purchasedAt: boughtAt,
    })
    expect(blockOf([profile(), display, purchase]).groups[0]!.kept).toBe(false)
    expect(blockOf([profile(), purchase, back]).groups[0]!.kept).toBe(false)
    expect(blockOf([profile(), back, purchase]).groups).toEqual([])
    expect(blockOf([profile(), bought(boughtAt, { offer: 'd9' })]).groups).toEqual([])
  })

  test('that comes twice is one', () => {
    const purchase = bought(boughtAt)
    expect(blockOf([profile(), purchase, purchase]).groups).toHaveLength(1)
  })
})
