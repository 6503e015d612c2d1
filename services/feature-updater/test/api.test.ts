import { join } from 'node:path'
import swagger from '@fastify/swagger'
import { apply, fingerprint, names, triggers } from '@offerstream/features'
import { memoryRegistry, memoryStore, openTopic, partitionOf, Transient } from '@offerstream/streaming'
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
  expect(answer.json()).toMatchObject({ error: 'unknown-customer' })
})

it('reads at a later moment', async () => {
  const day = 24 * 60 * 60 * 1000
  const later = new Date(at + 2 * day).toISOString()
  const body = (await server.inject(`/customers/c-1/features?at=${later}`)).json()
  expect(body).toMatchObject({ at: later, lastEventAt: new Date(at).toISOString() })
  expect(body.features).toMatchObject({ days_since_purchase: 2 })
})

it('refuses a moment before the last event and says what knows of it', async () => {
  const answer = await server.inject(`/customers/c-1/features?at=${new Date(at - 1).toISOString()}`)
  expect(answer.statusCode).toBe(400)
  expect(answer.json().message).toContain('offerstream replay')
  expect(answer.json().message).toContain(new Date(at).toISOString())
})

it('refuses a moment it cannot read', async () => {
  const answer = await server.inject('/customers/c-1/features?at=yesterday')
  expect([answer.statusCode, answer.json().message]).toEqual([400, 'querystring/at must match format "date-time"'])
})

it('refuses a moment that the calendar does not have', async () => {
  const answer = await server.inject('/customers/c-1/features?at=2026-12-31T23:59:60Z')
  expect([answer.statusCode, answer.json().error]).toEqual([400, 'bad-request'])
})

it('asks to be asked again while the store is unwell', async () => {
  const peek = () => Promise.reject(new Transient('redis does not answer'))
  const answer = await featuresApi(fastify(), { store: { peek }, updater, partitions }).inject('/customers/c/features')
  expect([answer.statusCode, answer.json().error]).toEqual([503, 'unavailable'])
})

it('is documented as it is', async () => {
  const documented = fastify()
  await documented.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 'Offerstream: features', version: '1' } },
  })
  await featuresApi(documented, { store, updater, partitions }).ready()
  await expect(`${JSON.stringify(documented.swagger(), null, 2)}\n`).toMatchFileSnapshot(
    join(import.meta.dirname, '../../../docs/api/features.json'),
  )
})

it('lists features and triggers', async () => {
  const body = (await server.inject('/features')).json()
  expect(body.fingerprint).toBe(fingerprint)
  expect(body.features.map(({ name }: { name: string }) => name)).toEqual(names)
  expect(body.triggers.map(({ kind }: { kind: string }) => kind)).toEqual(Object.keys(triggers))
})
