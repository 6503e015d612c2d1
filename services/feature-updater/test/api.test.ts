import { apply, fingerprint, names, triggers } from '@offerstream/features'
import { memoryRegistry, memoryStore, openTopic, partitionOf } from '@offerstream/streaming'
import fastify from 'fastify'
import { expect, it } from 'vitest'
import { createUpdater, featuresApi } from '../src/index.ts'
import { at, events } from './events.ts'

const partitions = 12
const registry = memoryRegistry()
const updater = createUpdater({
  events: await openTopic(registry, 'customer-events'),
  updates: await openTopic(registry, 'feature-updates'),
})
const store = memoryStore()
const state = [events.usage('u-1', at - 1_000, 2_048), events.purchase('p-1', at)].reduce(apply, updater.empty)
const lane = await store.open(updater.name, partitionOf('c-1', partitions))
await lane.save({
  from: null,
  to: 1,
  states: [['c-1', updater.states.encode(state)]],
  causes: new Map(),
  counts: new Map(),
  due: [],
  outbox: null,
})
const server = featuresApi(fastify(), { store, updater, partitions })

it('answers the features of a customer as of the last event', async () => {
  const answer = await server.inject('/customers/c-1/features')
  expect(answer.statusCode).toBe(200)
  const body = answer.json()
  expect(body).toMatchObject({ customer: 'c-1', lastEventAt: new Date(at).toISOString(), fingerprint })
  expect(body.features).toMatchObject({ data_mb_30d: 2, purchases_90d: 1, days_since_purchase: 0, tenure_days: null })
  expect(Object.keys(body.features)).toEqual(names)
})

it('does not know a customer without events', async () => {
  const answer = await server.inject('/customers/nobody/features')
  expect(answer.statusCode).toBe(404)
  expect(answer.json()).toEqual({ error: 'unknown-customer' })
})

it('lists features and triggers', async () => {
  const body = (await server.inject('/features')).json()
  expect(body.fingerprint).toBe(fingerprint)
  expect(body.features.map(({ name }: { name: string }) => name)).toEqual(names)
  expect(body.triggers.map(({ kind }: { kind: string }) => kind)).toEqual(Object.keys(triggers))
})
