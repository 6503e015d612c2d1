// From a push on a device to its click, and from a customer's no to silence: intake and dispatcher over memory, with the
// ledger's own report of it.
import { randomBytes } from 'node:crypto'
import { defaults, type NextBestOffer } from '@offerstream/contracts'
import { addLinkRoutes, createLinks } from '@offerstream/push-dispatcher'
import { createWorld, customerRecords, playbookRecords } from '@offerstream/simulator'
import { startPushService, startStack } from '@offerstream/stack'
import { ensureTopics, openTopic, partitionOf } from '@offerstream/streaming'
import fastify from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ledgerReport, ledgerText } from '../src/ledger.ts'
import { startLine } from '../src/line.ts'
import { createSourceWriter } from '../src/source-writer.ts'
import { surroundingsOf } from '../src/surroundings.ts'

const noon = Date.UTC(2026, 2, 2, 12)
const day = 24 * 60 * 60 * 1000
const partitions = 2
let now = noon

async function open() {
  const stack = await startStack('embedded')
  const surroundings = surroundingsOf(stack, { prefix: 't.', partitions, clock: { now: () => now } })
  const { log, registry } = surroundings
  await ensureTopics(log, { prefix: 't.', partitions, sources: true })
  const links = createLinks({ url: 'http://127.0.0.1/go', keys: [randomBytes(32)] })
  const world = createWorld({ seed: 1, customers: 1, start: noon - day })
  const playbook = await openTopic(registry, 'playbook', 't.')
  await log.append(
    playbook.path,
    0,
    playbookRecords({ start: 0 }).map(record => ({ key: record.body.name, value: playbook.codec.encode(record) })),
  )
  const line = await startLine(surroundings, {
    models: '',
    services: ['intake', 'push-dispatcher'],
    stack,
    links,
  })
  const push = await startPushService({ now: () => now })
  const [profile] = [...customerRecords(world)]
  const { endpoint, keys } = await push.subscribe('phone')
  const { customer } = profile!
  const address = { kind: 'web-push', endpoint, keys } as const
  await line.subscriptions.register(customer, 'phone', { address, at: now, expiresAt: null })
  const writer = await createSourceWriter(surroundings)
  await writer.write('customers', { ...profile!, zone: 'UTC', consent: { push: true }, devices: ['phone'] }, now)
  await writer.flush()
  const server = fastify()
  addLinkRoutes(server, links, surroundings)
  await server.ready()

  const offers = await openTopic(registry, 'next-best-offers', 't.')
  let sequence = 0
  return {
    surroundings,
    customer,
    push,
    server,
    async offer(id: string, change: Partial<NextBestOffer> = {}): Promise<void> {
      const value: NextBestOffer = {
        ...defaults.NextBestOffer,
        ...{ id, customer, at: now, sequence: sequence++, item: `item-${id}`, kind: 'package', category: `of-${id}` },
        ...{ priceMinor: 500, currency: 'EUR', channel: 'push', text: 'More', expiresAt: now + day },
        trigger: { kind: 'allowance-used', event: `event-${id}`, at: now },
        ...change,
      }
      const cause = `feature-updates@1/0/${sequence}/0`
      const record = { key: customer, value: offers.codec.encode(value), cause }
      await log.append(offers.path, partitionOf(customer, partitions), [record])
    },
    async state(id: string): Promise<string | null> {
      const report = await ledgerReport(surroundings, customer, now)
      return report?.kind === 'customer' ? (report.entries.find(each => each.id === id)?.state ?? null) : null
    },
    async close() {
      await server.close()
      await line.stop()
      await surroundings.close()
      await push.stop()
    },
  }
}

let opened: Awaited<ReturnType<typeof open>>
beforeAll(async () => {
  opened = await open()
}, 30_000)
afterAll(() => opened.close())

/** Waits for the offer to come into one of the states, and answers which. */
async function until(id: string, ...states: readonly string[]): Promise<string> {
  const end = performance.now() + 10_000
  for (;;) {
    const state = await opened.state(id)
    if (state !== null && states.includes(state)) return state
    if (performance.now() > end) throw new Error(`${id} is ${state}, wanted ${states.join(' or ')}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
const linkOf = (id: string): { link: string; unsubscribe: string } => {
  const shown = opened.push.received.find(({ offer }) => offer === id)
  return shown!.payload as { link: string; unsubscribe: string }
}
const path = (link: string): string => link.slice('http://127.0.0.1/go'.length)

test('a display and a click on the device come back into the ledger, and are told of by the command', async () => {
  const { server, offer, surroundings, customer } = opened
  await offer('first')
  await until('first', 'accepted')
  const { link } = linkOf('first')
  await server.inject({ method: 'POST', url: path(link).replace('/c/', '/d/') })
  await until('first', 'displayed')
  await server.inject({ method: 'GET', url: path(link) })
  await server.inject({ method: 'GET', url: path(link) })
  await until('first', 'clicked')

  const report = await ledgerReport(surroundings, 'first', now)
  expect(report).toMatchObject({ kind: 'offer', customer, entry: { state: 'clicked', device: 'phone' } })
  const steps = report?.kind === 'offer' ? report.deliveries.map(({ state }) => state) : []
  expect(steps).toEqual(['sending', 'accepted', 'displayed', 'clicked'])
  expect(ledgerText(report!)).toContain(`offer first to ${customer}: clicked`)
})

test('a customer’s report has states, device handles and caps in use, and no address', async () => {
  const { surroundings, customer } = opened
  const report = await ledgerReport(surroundings, customer, now)
  expect(report).toMatchObject({
    kind: 'customer',
    entries: [{ id: 'first', item: 'item-first', channel: 'push', state: 'clicked', device: 'phone', reason: null }],
  })
  if (report?.kind !== 'customer') throw new Error('no report')
  expect(report.caps.slice(0, 2)).toMatchObject([
    { cap: 'a week', used: 1 },
    { cap: 'a week of category of-first', used: 1 },
  ])
  expect(JSON.stringify(report)).not.toMatch(/http|p256dh/)
  expect(ledgerText(report)).toMatch(/first +item-first +push +clicked/)
  const later = await ledgerReport(surroundings, customer, now + 7 * day)
  expect(later?.kind === 'customer' && later.caps[0]!.used).toBe(0)
})

test('one post to the way out, and within two seconds no offer goes out, though the profile still allows it', async () => {
  const { server, offer } = opened
  now += 2 * day
  const { unsubscribe } = linkOf('first')
  const began = performance.now()
  expect((await server.inject({ method: 'POST', url: path(unsubscribe) })).statusCode).toBe(200)
  // One after the other, what no cap stops: the first that is refused says how long it took.
  for (let number = 0; ; number++) {
    expect(performance.now() - began).toBeLessThan(2000)
    await offer(`after-${number}`, { obligation: 'mandatory' })
    if ((await until(`after-${number}`, 'suppressed', 'accepted')) === 'suppressed') break
  }
  const report = await ledgerReport(opened.surroundings, opened.customer, now)
  expect(report).toMatchObject({ kind: 'customer', unsubscribed: [{ channel: 'push' }] })
})

test('the counts per state add up to their sum; of nobody there is nothing to say', async () => {
  const report = await ledgerReport(opened.surroundings, undefined, now)
  if (report?.kind !== 'counts') throw new Error('no counts')
  const { total, ...states } = report.counts
  expect(Object.values(states).reduce((sum, count) => sum + count, 0)).toBe(total)
  expect(total).toBeGreaterThan(1)
  expect(ledgerText(report)).toMatch(new RegExp(`total +${total}`))
  expect(await ledgerReport(opened.surroundings, 'nobody', now)).toBeNull()
})
