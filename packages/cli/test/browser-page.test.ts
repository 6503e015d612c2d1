import { request } from 'node:http'
import { type PushService, startPushService } from '@offerstream/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type BrowserPage, type BrowserSubscription, startBrowserPage } from '../src/browser/browser-page.ts'
import { browserCustomers, openDemoBrowser } from '../src/browser/demo-browser.ts'

const subscription: BrowserSubscription = {
  endpoint: 'https://push.example.org/1',
  keys: { p256dh: 'BPoint', auth: 'secret' },
}

describe('the page', () => {
  let page: BrowserPage
  let subscribed: BrowserSubscription[]
  beforeEach(async () => {
    subscribed = []
    page = await startBrowserPage({ key: 'BKey', subscribed: async given => void subscribed.push(given) })
  })
  afterEach(() => page.stop())

  const post = async (body: string, origin = page.url): Promise<number> =>
    (await fetch(`${page.url}/subscription`, { method: 'POST', headers: { origin }, body })).status

  test('gives the key, and takes the subscription that it led to', async () => {
    expect(await (await fetch(`${page.url}/key`)).text()).toBe('BKey')
    expect((await fetch(`${page.url}/service-worker.js`)).headers.get('content-type')).toContain('javascript')
    expect(await post(JSON.stringify({ ...subscription, expirationTime: null }))).toBe(204)
    expect(subscribed).toEqual([subscription])
  })

  test.each([
    'no JSON',
    'null',
    '{}',
    '{"endpoint":1,"keys":{"p256dh":"a","auth":"b"}}',
    '{"endpoint":"a"}',
    `"${'x'.repeat(9000)}"`,
  ])('answers %.40s with 400 and goes on', async body => {
    expect(await post(body)).toBe(400)
    expect(await post(JSON.stringify(subscription))).toBe(204)
    expect(subscribed).toEqual([subscription])
  })

  test('takes nothing from the page of another, and says nothing under another name', async () => {
    expect(await post(JSON.stringify(subscription), 'http://elsewhere.example')).toBe(403)
    expect(subscribed).toEqual([])
    const named = await new Promise<number>(resolve => {
      const asked = request(`${page.url}/key`, { headers: { host: 'elsewhere.example' } }, answer => {
        answer.resume()
        resolve(answer.statusCode!)
      })
      asked.end()
    })
    expect(named).toBe(403)
    expect((await fetch(`${page.url}/../demo-browser.ts`)).status).toBe(404)
  })
})

describe('the demo', () => {
  let push: PushService
  beforeEach(async () => {
    push = await startPushService()
  })
  afterEach(() => push.stop())

  test('waits for a browser that takes its push service, and gives it the offers of its customers', async () => {
    const registered: string[] = []
    let told = ''
    const opened = openDemoBrowser({
      push,
      subscriptions: { register: async (customer, handle) => void registered.push(`${customer} ${handle}`) },
      key: 'BKey',
      customers: ['customer-1', 'customer-6'],
      tell: line => {
        told += line
      },
      signal: new AbortController().signal,
    })
    await expect.poll(() => told).toContain('http://')
    const [url] = /http:\S+$/.exec(told)!
    const post = (given: BrowserSubscription): Promise<Response> =>
      fetch(`${url}/subscription`, { method: 'POST', headers: { origin: url! }, body: JSON.stringify(given) })
    const foreign = await post(subscription)
    expect([foreign.status, await foreign.text()]).toEqual([400, expect.stringContaining('push.example.org')])
    expect(registered).toEqual([])
    const { endpoint, keys } = await push.subscribe()
    expect((await post({ endpoint, keys })).status).toBe(204)
    await (await opened)()
    expect(registered).toEqual(['customer-1 browser', 'customer-6 browser'])
  })

  test('does not wait once it is to stop', async () => {
    const none = { register: async () => {} }
    const options = { push, subscriptions: none, key: 'BKey', customers: [], tell: () => {} }
    await (await openDemoBrowser({ ...options, signal: AbortSignal.abort() }))()
  })

  test('gives a browser the offers of one customer in five', () => {
    const devices = Array.from({ length: 20 }, (_, index) => ({ customer: `customer-${Math.floor(index / 2)}` }))
    expect(browserCustomers(devices)).toEqual(['customer-0', 'customer-5'])
  })
})
