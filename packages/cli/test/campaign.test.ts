// Campaigns through intake and updater in this process over memory, beside live traffic.
import { updaterName } from '@offerstream/feature-updater'
import { startStack } from '@offerstream/stack'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { audit } from '../src/audit.ts'
import { startCampaign, startPriceChange } from '../src/campaign.ts'
import { audienceOf } from '../src/campaign-audience.ts'
import { type CampaignLine, createCampaignLine, output, stopsAt } from './campaign-line.ts'

const options = { where: [], rate: 1_000_000, dryRun: false }
const sale = { name: 'summer', kind: 'daily_sale', item: 'smart-6' } as const
let line: CampaignLine
beforeAll(async () => {
  line = await createCampaignLine(await startStack('embedded'), 120)
})
afterAll(() => line.stop())

const sorted = (customers: readonly { readonly customer: string }[]): string[] =>
  customers.map(({ customer }) => customer).sort()

describe('a campaign', () => {
  test('reaches every customer once beside live traffic, though it was stopped and run again; nothing is lost', async () => {
    const { surroundings, profiles } = line
    const endTraffic = line.traffic()
    const stopping = new AbortController()
    const first = await startCampaign(
      surroundings,
      sale,
      { ...options, rate: 300 },
      stopsAt(40, stopping),
      stopping.signal,
    )
    expect(first.complete).toBe(false)
    const second = await startCampaign(surroundings, sale, options, output)
    expect(second).toMatchObject({
      campaign: 'summer',
      complete: true,
      dryRun: false,
      reachedBefore: first.sent,
      sent: 120 - first.sent,
    })
    expect(await endTraffic()).toBeGreaterThanOrEqual(100)
    await line.drained()
    const updates = await line.updates('campaign-due')
    expect(sorted(updates)).toEqual(sorted(profiles))
    expect(updates[0]!.trigger.event).toBe('summer')
    expect(await audit({ ...surroundings, updater: updaterName })).toMatchObject({
      lostAt: { intake: [], 'feature-updater': [] },
      deadLetters: {},
    })
  })

  test('reaches only whom its conditions hold for; dry, it only counts', async () => {
    const { surroundings, profiles } = line
    const young = profiles.filter(({ ageBand }) => ageBand === '18-24')
    const where = ['ageBand = 18-24', 'tenure_days >= 0']
    const autumn = { name: 'autumn', kind: 'campaign', item: null } as const
    expect(await startCampaign(surroundings, autumn, { ...options, where, dryRun: true }, output)).toMatchObject({
      concerned: young.length,
      sent: 0,
    })
    expect(await startCampaign(surroundings, autumn, { ...options, where }, output)).toMatchObject({
      concerned: young.length,
      sent: young.length,
    })
    expect(young.length).toBeGreaterThan(0)
    expect(young.length).toBeLessThan(120)
  })

  test('about an item that is not in the catalogue is refused', async () => {
    const unknown = startCampaign(line.surroundings, { ...sale, item: 'smart-66' }, options, output)
    await expect(unknown).rejects.toThrow('the catalogue has no smart-66; the nearest is smart-6')
  })
})

describe('a price change', () => {
  test('tells those who have the plan, and nobody twice', async () => {
    const { surroundings, profiles } = line
    await expect(startPriceChange(surroundings, 'smart-6', options, output)).rejects.toThrow(
      'the price of smart-6 has never changed in the playbook',
    )
    await line.price('smart-6', 1_499)
    const concerned = profiles.filter(({ plan }) => plan === 'smart-6')
    const summary = await startPriceChange(surroundings, 'smart-6', options, output)
    expect(summary).toMatchObject({ concerned: concerned.length, sent: concerned.length, customers: 120 })
    expect(summary.campaign).toMatch(/^price-change\/smart-6\/\d+$/)
    expect(await startPriceChange(surroundings, 'smart-6', options, output)).toMatchObject({ sent: 0 })
    await line.drained()
    const updates = await line.updates('price-change')
    expect(sorted(updates)).toEqual(sorted(concerned))
    expect(updates.length).toBeGreaterThan(0)
    expect(new Set(updates.map(({ facts }) => facts.plan))).toEqual(new Set(['smart-6']))
  })

  test('of what is no plan, or is not in the catalogue, is refused', async () => {
    const { surroundings } = line
    await expect(startPriceChange(surroundings, 'smart-7', options, output)).rejects.toThrow(/the nearest is smart-/)
    await expect(startPriceChange(surroundings, 'data-1', options, output)).rejects.toThrow(
      /the catalogue has no|is a package/,
    )
  })
})

describe('a condition', () => {
  test.each([
    [['quiet_day >= 14'], /--where: unknown feature quiet_day, nearest is quiet_days/],
    [['quiet_days >= soon'], /quiet_days is compared with a number/],
    [['segment > young'], /segment is a text/],
    [['often'], /"often" is no condition; wanted one like "quiet_days >= 14"/],
  ])('%j is refused, with what is wrong', (conditions, message) => {
    expect(() => audienceOf(conditions)).toThrow(message)
  })
})
