// The fan-out job on a real Kafka, Redis and registry.
import { updaterName } from '@offerstream/feature-updater'
import { expect, test } from 'vitest'
import { sharedStack } from '../../../tests/shared-stack.ts'
import { audit } from '../src/audit.ts'
import { startCampaign } from '../src/campaign.ts'
import { createCampaignLine, output, stopsAt } from './campaign-line.ts'

test('a campaign reaches 1,000 customers once beside live traffic, though it was stopped and run again', async () => {
  const line = await createCampaignLine(sharedStack(), 1000)
  try {
    const { surroundings } = line
    const sale = { name: 'summer', kind: 'daily_sale', item: 'smart-6' } as const
    const endTraffic = line.traffic()
    const stopping = new AbortController()
    const options = { where: [], rate: 1_000, dryRun: false }
    const first = await startCampaign(surroundings, sale, options, stopsAt(400, stopping), stopping.signal)
    const second = await startCampaign(surroundings, sale, { ...options, rate: 5_000 }, output)
    const used = await endTraffic()
    await line.drained()
    console.log(
      `${first.sent} + ${second.sent} reached in ${second.seconds} s the second time, beside ${used} of usage`,
    )
    expect(first).toMatchObject({ complete: false, total: 1000 })
    expect(first.sent).toBeGreaterThan(0)
    expect(second).toMatchObject({
      complete: true,
      concerned: 1000,
      reachedBefore: first.sent,
      sent: 1000 - first.sent,
    })
    const updates = await line.updates('campaign-due')
    expect(updates).toHaveLength(1000)
    expect(new Set(updates.map(({ customer }) => customer)).size).toBe(1000)
    expect(await audit({ ...surroundings, updater: updaterName })).toMatchObject({
      lostAt: { intake: [], 'feature-updater': [] },
      deadLetters: {},
    })
  } finally {
    await line.stop()
  }
}, 120_000)
