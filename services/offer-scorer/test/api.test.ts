import { join } from 'node:path'
import swagger from '@fastify/swagger'
import type { ContactHistory, Decision, NextBestOffer } from '@offerstream/contracts'
import { avroCodec } from '@offerstream/contracts'
import { emptyHistory } from '@offerstream/policy'
import { createModels, modelsFolder } from '@offerstream/ranker'
import { memoryLog, memoryStore, type Outgoing, partitionOf, Transient } from '@offerstream/streaming'
import { Ajv } from 'ajv'
import fastify from 'fastify'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { explanationSchema } from '../src/explanation-schema.ts'
import { createScorer, offersApi, scorerName } from '../src/index.ts'
import { jsonSchemaOf } from '../src/json-schema.ts'
import { lookBack } from '../src/look-back.ts'
import { at, foldOf, received, records, registry, topics, updateOf } from './given.ts'

const partitions = 2
const day = 24 * 60 * 60 * 1000
const customer = 'c-1'
const partition = partitionOf(customer, partitions)

const models = createModels(modelsFolder)
afterAll(() => models.close())
const playbook = foldOf(records)
const template = await (async () => {
  const scorer = createScorer({ ...topics, playbook: () => playbook, models, reservations: memoryStore().reservations })
  const batch = [received(updateOf(customer))]
  const outcome = scorer.step(emptyHistory, batch[0]!, (await scorer.prepare!(batch))[0]!)
  if (outcome.kind !== 'done') throw new Error('no decision')
  return { decision: outcome.emit[0]!.value as Decision, offer: outcome.emit[1]!.value as NextBestOffer }
})()

let log: ReturnType<typeof memoryLog>
let store: ReturnType<typeof memoryStore>
let now = at
let server: ReturnType<typeof fastify>
beforeEach(async () => {
  log = memoryLog()
  store = memoryStore()
  now = at
  await log.ensureTopics([
    { name: 'playbook', partitions: 1, kept: 'for-ever' },
    { name: 'decisions', partitions, kept: 'for-ever' },
    { name: 'next-best-offers', partitions, kept: 'for-ever' },
    { name: 'deliveries', partitions, kept: 'for-ever' },
    { name: 'customer-events', partitions, kept: 'for-ever' },
  ])
  await change(...records)
  server = offersApi(
    fastify(),
    { log, store, registry, clock: { now: () => now }, prefix: '', partitions },
    { models: modelsFolder },
  )
  return () => server.close()
})

const change = (...added: readonly (typeof records)[number][]) =>
  log.append(
    'playbook',
    0,
    added.map(record => ({ key: record.body.name, value: topics.playbook.codec.encode(record) })),
  )
const remembered = async (history: Partial<ContactHistory>) => {
  const lane = await store.open(scorerName, partition)
  const state = avroCodec('contact-history').encode({ ...emptyHistory, ...history })
  const unchanged = { causes: new Map(), counts: new Map(), due: [], outbox: null }
  await lane.save({ from: null, to: 0, states: [[customer, state]], ...unchanged })
}
const made = (...offers: readonly Partial<NextBestOffer>[]) =>
  log.append(
    'next-best-offers',
    partition,
    offers.map(offer => ({ key: customer, value: topics.offers.codec.encode({ ...template.offer, ...offer }) })),
  )
const decided = (id: string, of = customer, daysAgo = 0): Outgoing => ({
  key: of,
  value: topics.decisions.codec.encode({ ...template.decision, id, customer: of }),
  timestamp: Date.now() - daysAgo * day,
})
const get = async (path: string) => {
  const answer = await server.inject(`/customers/${customer}/${path}`)
  return { status: answer.statusCode, body: answer.json() }
}

describe('the next best offer', () => {
  const reason = async () => {
    const { status, body } = await get('next-best-offer')
    return [status, body.error]
  }
  it('is the last one made, by its sequence, whatever was written again after it', async () => {
    await remembered({ sequence: 3 })
    await made({ id: 'o-1', sequence: 1 }, { id: 'o-3', sequence: 3 }, { id: 'o-2', sequence: 2 })
    expect(await get('next-best-offer')).toEqual({ status: 200, body: { ...template.offer, id: 'o-3', sequence: 3 } })
  })
  it('is none for a customer nobody decided for, or never offered anything', async () => {
    expect(await reason()).toEqual([404, 'never-decided'])
    await remembered({ sequence: 0 })
    expect(await reason()).toEqual([404, 'no-offer'])
  })
  it('is none when the last one is no longer in the log', async () => {
    await remembered({ sequence: 5 })
    expect(await reason()).toEqual([404, 'no-offer'])
  })
  it('is none once it has expired, its item has left the catalogue, or a kill switch is on', async () => {
    await remembered({ sequence: 1 })
    await made({ sequence: 1 })
    expect((await get('next-best-offer')).status).toBe(200)
    now = template.offer.expiresAt
    expect(await reason()).toEqual([404, 'expired'])
    now = at
    const item = playbook.items.get(template.offer.item)!
    const answers = async (...added: readonly (typeof records)[number][]) => {
      await change(...added)
      await new Promise(resolve => setTimeout(resolve, 300)) // the playbook is looked at five times a second
      return reason()
    }
    const kill = (scope: 'provider' | 'item', target: string) =>
      ({ at, body: { type: 'kill_switch', name: scope, scope, target, on: true } }) as const
    expect(await answers(kill('provider', 'web-push'))).toEqual([200, undefined])
    expect(await answers(kill('item', item.name))).toEqual([404, 'stopped'])
    expect(await answers({ at, body: { ...item, withdrawn: true } })).toEqual([404, 'not-sold'])
  })
})

describe('decisions', () => {
  const append = (...all: readonly Outgoing[]) => log.append('decisions', partition, all)
  it('come newest first, each once, of that customer alone', async () => {
    await append(decided('d-1'), decided('other', 'c-9'), decided('d-2'), decided('d-1'), decided('d-2'))
    const { status, body } = await get('decisions')
    expect(status).toBe(200)
    expect(body.decisions.map(({ id }: Decision) => id)).toEqual(['d-2', 'd-1'])
    expect(body.searched).toMatchObject({ records: 5, endedBy: 'start', next: null })
    expect(body.decisions[0]).toEqual(JSON.parse(JSON.stringify({ ...template.decision, id: 'd-2' })))
  })
  it('stop at the limit, and go on from there without a gap', async () => {
    await append(...Array.from({ length: 700 }, (_, index) => decided(`d-${index}`)))
    const ids: string[] = []
    for (let before: number | null = null; ; ) {
      const { body } = await get(`decisions?limit=300${before === null ? '' : `&before=${before}`}`)
      ids.push(...body.decisions.map(({ id }: Decision) => id))
      before = body.searched.next
      expect(body.searched.endedBy).toBe(before === null ? 'start' : 'found')
      if (before === null) break
    }
    expect(ids).toEqual(Array.from({ length: 700 }, (_, index) => `d-${699 - index}`))
  })
  it('older than the days asked for are left out, and it says how far it looked', async () => {
    await append(decided('old', customer, 40), decided('new', customer, 3))
    const { body } = await get('decisions?days=30')
    expect(body.decisions.map(({ id }: Decision) => id)).toEqual(['new'])
    expect(body.searched.endedBy).toBe('time')
    expect(Math.abs(Date.parse(body.searched.since) - (Date.now() - 30 * day))).toBeLessThan(60_000)
    expect((await get('decisions?days=60')).body.decisions).toHaveLength(2)
  })
  it('are looked for among so many records and no more', async () => {
    await append(decided('hidden'), ...Array.from({ length: 900 }, () => decided('other', 'c-9')))
    const { values, searched } = lookBack(log, topics.decisions, partition, customer, { since: 0, records: 600 })
    expect(await Array.fromAsync(values)).toEqual([])
    expect(searched).toMatchObject({ records: 600, endedBy: 'records', next: 301 })
  })
  it('one is found by its id, slashes and all, or said not to be there', async () => {
    await append(decided('customer-events@1/0/12/0'), decided('d-2'))
    const { status, body } = await get(`decisions/${encodeURIComponent('customer-events@1/0/12/0')}`)
    expect([status, body.id]).toEqual([200, 'customer-events@1/0/12/0'])
    expect(await get('decisions/nothing')).toMatchObject({ status: 404, body: { error: 'unknown-decision' } })
  })
  it('one is explained, and decided again by the playbook of today, as the documentation has it', async () => {
    const check = new Ajv({ strict: false }).compile(explanationSchema)
    const decision = { ...template.decision, playbookVersion: records.length - 1 }
    const message = { key: customer, value: topics.decisions.codec.encode(decision) }
    await append({ ...message, timestamp: Date.now() })
    await change({
      at,
      body: { type: 'kill_switch', name: 'halt', scope: 'item', target: decision.chosen, on: true },
    })
    const path = `decisions/${encodeURIComponent(decision.id)}/explanation`
    const { status, body } = await get(path)
    expect(status).toBe(200)
    expect(check(body) || check.errors).toBe(true)
    expect(body).toMatchObject({ decision: decision.id, chosen: decision.chosen, again: null })
    const { body: asked } = await get(`${path}?again=true`)
    expect(check(asked) || check.errors).toBe(true)
    expect(asked.again).toMatchObject({ was: { chosen: decision.chosen }, because: ['kill_switch halt'] })
    expect(asked.again.now.chosen).not.toBe(decision.chosen)
    expect(check({ ...asked, again: { ...asked.again, same: 'no' } })).toBe(false)
    expect(await get('decisions/nothing/explanation')).toMatchObject({
      status: 404,
      body: { error: 'unknown-decision' },
    })
  })
  it('a question that makes no sense is refused', async () => {
    expect((await get('decisions?limit=0')).body.message).toBe('querystring/limit must be >= 1')
    expect((await get('decisions?days=soon')).status).toBe(400)
  })
  it('are asked for again while the log is unwell', async () => {
    const unwell = { ...log, bounds: () => Promise.reject(new Transient('kafka does not answer')) }
    const api = offersApi(
      fastify(),
      { log: unwell, store, registry, clock: { now: () => at }, prefix: '', partitions },
      { models: modelsFolder },
    )
    const answer = await api.inject(`/customers/${customer}/decisions`)
    expect([answer.statusCode, answer.json().error]).toEqual([503, 'unavailable'])
    await api.close()
  })
})

describe('the documentation', () => {
  const ajv = new Ajv({ strict: false })
  it.each([
    ['decision', template.decision],
    ['next-best-offer', template.offer],
  ] as const)('of a %s is met by one that was made, and by none that lacks a field', (name, value) => {
    const check = ajv.compile(jsonSchemaOf(avroCodec(name).schema))
    const { customer: _, ...lacking } = value
    expect(check(JSON.parse(JSON.stringify(value))) || check.errors).toBe(true)
    expect(check(JSON.parse(JSON.stringify(lacking)))).toBe(false)
  })
  it('is what the routes say', async () => {
    const documented = fastify()
    await documented.register(swagger, {
      openapi: { openapi: '3.1.0', info: { title: 'Offerstream: offers and decisions', version: '1' } },
    })
    offersApi(
      documented,
      { log, store, registry, clock: { now: () => at }, prefix: '', partitions },
      { models: modelsFolder },
    )
    await documented.ready()
    await expect(`${JSON.stringify(documented.swagger(), null, 2)}\n`).toMatchFileSnapshot(
      join(import.meta.dirname, '../../../docs/api/offers.json'),
    )
  })
})
