import type { CustomerEvent, FeatureUpdate } from '@offerstream/contracts'
import { fingerprint, naive, names, read, type State } from '@offerstream/features'
import { type Cause, memoryRegistry, type Outcome, openTopic } from '@offerstream/streaming'
import { describe, expect, it } from 'vitest'
import { createUpdater } from '../src/index.ts'
import { at, events } from './events.ts'

const registry = memoryRegistry()
const updater = createUpdater({
  events: await openTopic(registry, 'customer-events'),
  updates: await openTopic(registry, 'feature-updates'),
})
const causeAt = (offset: number): Cause => ({ topic: 'customer-events', generation: 1, partition: 4, offset, index: 0 })

/** Given events, what the last of them leads to. */
function after(...given: readonly CustomerEvent[]): { readonly state: State; readonly outcome: Outcome<State> } {
  let state = updater.empty
  let outcome: Outcome<State> | undefined
  for (const [offset, value] of given.entries()) {
    outcome = updater.step(state, { key: 'c-1', value, cause: causeAt(offset) }, undefined)
    if (outcome.kind === 'done') state = outcome.state
  }
  return { state, outcome: outcome! }
}
const updatesOf = (outcome: Outcome<State>): FeatureUpdate[] =>
  outcome.kind === 'done' ? outcome.emit.map(({ value }) => value as FeatureUpdate) : []

describe('given a profile and usage', () => {
  const given = [events.profile(), events.usage('u-1', at - 3_600_000, 5_000)]

  it('usage below the threshold leads to no update', () => {
    expect(updatesOf(after(...given).outcome)).toEqual([])
  })

  it('a plan bought leads to one update with the vector, the facts and an id from its place in the journal', () => {
    const all = [...given, events.purchase('p-1', at)]
    const { state, outcome } = after(...all)
    const [update, ...others] = updatesOf(outcome)
    expect(others).toEqual([])
    expect(update).toMatchObject({
      id: 'customer-events@1/4/2/0',
      customer: 'c-1',
      at,
      trigger: { kind: 'purchase', event: 'p-1', at },
      fingerprint,
      facts: { plan: 'plan-s', consent: { push: true }, rejections: [] },
    })
    expect(update!.features).toEqual([...read(state, at)])
    expect(Float32Array.from(update!.features)).toEqual(naive(all, at))
    expect(update!.features[names.indexOf('purchases_90d')]).toBe(1)
  })

  it('usage past 80 % of the quota leads to an update', () => {
    const { outcome } = after(...given, events.usage('u-2', at, 4_000))
    expect(updatesOf(outcome).map(({ trigger }) => trigger)).toEqual([{ kind: 'allowance-used', event: 'u-2', at }])
  })

  it('an update survives its Avro form', async () => {
    const topic = await openTopic(registry, 'feature-updates')
    const [update] = updatesOf(after(...given, events.purchase('p-1', at)).outcome)
    expect(topic.codec.decode(topic.codec.encode(update!))).toEqual(update)
  })

  it('a rejection and a push displayed show in the next update', () => {
    const { outcome } = after(
      ...given,
      events.rejected('r-1', at - 2_000, 'package-1'),
      events.displayed('d-1', at - 1_000),
      events.purchase('p-1', at),
    )
    const [update] = updatesOf(outcome)
    expect(update!.facts.rejections).toEqual([{ item: 'package-1', at: at - 2_000 }])
    expect(update!.features[names.indexOf('offers_displayed_30d')]).toBe(1)
    expect(update!.features[names.indexOf('rejections_90d')]).toBe(1)
  })
})

it('a repeated event is skipped and fires nothing', () => {
  const { state, outcome } = after(events.purchase('p-1', at), events.purchase('p-1', at))
  expect(outcome).toEqual({ kind: 'skip', reason: 'repeated-event' })
  expect(read(state, at)[names.indexOf('purchases_90d')]).toBe(1)
})

it('imported history updates the features and fires nothing', () => {
  const { state, outcome } = after({ ...events.purchase('p-1', at), triggers: false })
  expect(updatesOf(outcome)).toEqual([])
  expect(read(state, at)[names.indexOf('purchases_90d')]).toBe(1)
})

it('a customer nobody described gets an update that consents to nothing', () => {
  const [update] = updatesOf(after(events.purchase('p-1', at)).outcome)
  expect(update!.facts).toMatchObject({ plan: null, consent: {} })
})

it('an event of another customer is rejected', () => {
  const value = events.purchase('p-1', at)
  expect(updater.step(updater.empty, { key: 'c-2', value, cause: causeAt(0) }, undefined)).toMatchObject({
    kind: 'reject',
    reason: 'other-customer',
  })
})

it('a tick says the time, and wakes whom a moment has come for', () => {
  expect(updater.wakes!(events.tick(at))).toBe(at)
  expect(updater.wakes!(events.purchase('p-1', at))).toBeNull()
  const day = 86_400_000
  const given = [events.packageBought('p-1', at), events.tick(at + 6 * day)]
  expect(after(given[0]!).outcome).toMatchObject({ due: at + 6 * day })
  const { outcome } = after(...given)
  expect(outcome).toMatchObject({ kind: 'done', due: null })
  expect(updatesOf(outcome)).toMatchObject([
    { at: at + 6 * day, trigger: { kind: 'package-expiring', event: 'package-1', at: at + 6 * day } },
  ])
  const features = updatesOf(outcome)[0]!.features
  expect(features[names.indexOf('days_since_purchase')]).toBe(6)
})

it('an event that changes no moment leaves the due set alone', () => {
  const { outcome } = after(events.packageBought('p-1', at), events.usage('u-1', at + 1, 1))
  expect(outcome).not.toHaveProperty('due')
})

it('an update of a campaign names the campaign, so that a kill switch stops it', () => {
  const [update] = updatesOf(after(events.campaign('campaign/summer/c-1', at)).outcome)
  expect(update!.trigger).toEqual({ kind: 'campaign-due', event: 'summer', at })
})
