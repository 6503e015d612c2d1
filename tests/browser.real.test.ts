// A real browser: what the dispatcher sends reaches Firefox by the local push service, is opened by the page's service
// worker and shown as a notification.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BrowserSubscription, startBrowserPage } from '@offerstream/cli'
import { type Customer, defaults, type NextBestOffer } from '@offerstream/contracts'
import {
  createLinks,
  createVapidKeys,
  memorySubscriptions,
  runDispatcher,
  webPushProvider,
} from '@offerstream/push-dispatcher'
import { startPushService } from '@offerstream/stack'
import { ensureTopics, memoryLog, memoryRegistry, memoryStore, openTopic } from '@offerstream/streaming'
import { expect, test } from 'vitest'
import { type Firefox, findFirefox, startFirefox } from './firefox.ts'

const pictureFile = join(import.meta.dirname, '../docs/pictures/browser.png')
const said = `document.getElementById('said').textContent`
const at = Date.now()
/** Where it is about noon, far from any quiet hours; Etc has its signs the other way round. */
const east = 12 - new Date(at).getUTCHours()
const zone = `Etc/GMT${east < 0 ? '+' : '-'}${Math.abs(east)}`
const hour = 60 * 60 * 1000

test('Firefox subscribes, opens a push in its service worker and shows what the offer says', async () => {
  const began = performance.now()
  const program = firefoxProgram()
  if (program === null) return
  const installed = performance.now()
  await using stack = new AsyncDisposableStack()
  const push = stack.adopt(await startPushService(), each => each.stop())
  const vapid = createVapidKeys('mailto:push@example.org')
  const subscribed = Promise.withResolvers<BrowserSubscription>()
  const page = stack.adopt(
    await startBrowserPage({ key: vapid.publicKey, subscribed: async given => subscribed.resolve(given) }),
    each => each.stop(),
  )
  const firefox = stack.adopt(await startFirefox(program, push.url), each => each.stop())
  await firefox.goTo(page.url)
  await firefox.click('#subscribe')
  const { endpoint, keys } = await Promise.race([
    subscribed.promise,
    until(async () => /^Not/.test(String(await firefox.evaluate(said))), 'a subscription').then(async () => {
      throw new Error(String(await firefox.evaluate(said)))
    }),
  ])
  expect(endpoint.startsWith(`${push.url}/push/`)).toBe(true)

  const beacons: string[] = []
  const links = createLinks({ url: stack.use(await collector(beacons)).url, keys: [randomBytes(32)] })
  // The line's last part as it is, on a log and a store in memory.
  const log = memoryLog()
  const registry = memoryRegistry()
  const subscriptions = memorySubscriptions()
  await ensureTopics(log, { prefix: '', partitions: 1, sources: true })
  const append = async (name: 'customers' | 'next-best-offers', value: Customer | NextBestOffer): Promise<void> => {
    const { path, codec } = await openTopic(registry, name)
    await log.append(path, 0, [{ key: value.customer, value: codec.encode(value as never) }])
  }
  const register = async (name: string, used: BrowserSubscription['keys']): Promise<void> => {
    const address = { kind: 'web-push', endpoint, keys: used } as const
    await subscriptions.register(name, 'browser', { address, at, expiresAt: null })
    await append('customers', { ...customer, id: `profile-${name}`, customer: name })
  }
  await register('customer-1', keys)
  const dispatcher = stack.adopt(
    await runDispatcher({
      log,
      registry,
      store: memoryStore(),
      clock: { now: Date.now },
      providers: [webPushProvider({ vapid })],
      links,
      subscriptions,
    }),
    each => each.stop(),
  )
  const shown = () => shownBy(firefox)
  expect(await shown()).toEqual([])
  await append('next-best-offers', offer)
  await until(async () => (await shown()).length > 0, 'a notification')
  expect(await shown()).toEqual([{ title: offer.brand, body: offer.text, lang: offer.locale, offer: offer.id }])
  await until(async () => push.events.some(({ event }) => event === 'acknowledged'), 'the acknowledgement')
  expect(push.events.map(({ event }) => event)).toEqual(['registered', 'accepted', 'acknowledged'])
  expect(push.events.at(-1)).toMatchObject({ code: 100 })

  // The service worker tells that it was displayed.
  await until(async () => beacons.length > 0, 'the beacon')
  const [, token] = /^POST \/d\/([\w-]+)$/.exec(beacons[0]!)!
  expect(links.open('offer', token!, at)).toMatchObject({ offer: offer.id, customer: 'customer-1' })

  // What was sealed with other keys: the browser says so, and shows nothing.
  await register('customer-2', (await push.subscribe()).keys)
  await append('next-best-offers', { ...offer, id: 'offer-2', customer: 'customer-2' })
  await until(async () => push.events.at(-1)?.event === 'acknowledged' && push.accepted.length === 2, 'an answer')
  expect(push.events.at(-1)).toMatchObject({ message: 2, code: 101 })
  expect(await shown()).toHaveLength(1)
  expect(beacons).toHaveLength(1)
  expect((await dispatcher.counts()).accepted).toBe(2)

  await until(async () => (await firefox.evaluate(`document.querySelectorAll('li').length`)) === 1, 'the list')
  const picture = await firefox.picture()
  expect(picture.subarray(1, 4).toString()).toBe('PNG')
  if (!existsSync(pictureFile)) writeFileSync(pictureFile, picture)
  const seconds = (from: number, to: number): string => ((to - from) / 1000).toFixed(1)
  console.log(
    `browser: Firefox ${firefox.version}, found or installed in ${seconds(began, installed)} s, the rest in ${seconds(installed, performance.now())} s`,
  )
}, 150_000)

test('the demo waits for Firefox with the profile it wrote, and its offers are shown there', async () => {
  const program = firefoxProgram()
  if (program === null) return
  await using stack = new AsyncDisposableStack()
  const demo = spawn(process.execPath, [main, 'demo', ...demoOptions], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(demo, 'exit')
  stack.defer(async () => {
    demo.kill('SIGKILL')
    await exited
  })
  let told = ''
  demo.stderr.on('data', data => (told += data))
  let summary = ''
  demo.stdout.on('data', data => (summary += data))
  const printed = (): RegExpExecArray | null => /--profile (\S+) (http:\S+:\d+)/.exec(told)
  await until(async () => printed() !== null || demo.exitCode !== null, 'the address')
  const [, profile, address] = printed() ?? expect.fail(told)
  const [pushService] = /ws:[^"]+/.exec(readFileSync(join(profile!, 'user.js'), 'utf8'))!
  const firefox = stack.adopt(await startFirefox(program, pushService.replace('ws', 'http')), each => each.stop())
  await firefox.goTo(address!)
  await firefox.click('#subscribe')
  await until(async () => (await shownBy(firefox)).length > 0, 'a notification', 60)
  demo.kill('SIGINT')
  for (const { title, body } of await shownBy(firefox)) expect(title.length * body.length).toBeGreaterThan(0)
  const [code] = await exited
  const inBrowser = (await shownBy(firefox)).length
  expect(code, told).toBe(0)
  const { pushesAccepted, pushesShown } = JSON.parse(summary) as { pushesAccepted: number; pushesShown: number }
  expect(pushesShown).toBe(pushesAccepted)
  console.log(`demo --browser: ${pushesShown} pushes shown, ${inBrowser} of them by Firefox`)
}, 150_000)

/** Where beacons go: keeps method and path of what was asked. */
async function collector(asked: string[]): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(204).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

const main = join(import.meta.dirname, '../packages/cli/src/main.ts')
const demoOptions = '--browser --stack embedded --customers 1000 --rate 1000 --seconds 60 --json'.split(' ')

/** Null, with a word on why, where there is none; CI must have one. */
function firefoxProgram(): string | null {
  const found = findFirefox()
  if ('program' in found) return found.program
  console.log(`not run: ${found.missing}`)
  expect(process.env['CI'], found.missing).not.toBe('true')
  return null
}

type Shown = { readonly title: string; readonly body: string; readonly lang: string; readonly offer: string }

const shownBy = async (firefox: Firefox): Promise<Shown[]> =>
  JSON.parse(
    (await firefox.evaluate(
      `navigator.serviceWorker.ready.then(each => each.getNotifications()).then(all => JSON.stringify(all.map(({ title, body, lang, data }) => ({ title, body, lang, offer: data.offer }))))`,
    )) as string,
  )

async function until(holds: () => Promise<boolean>, what: string, seconds = 20): Promise<void> {
  for (const end = performance.now() + seconds * 1000; !(await holds()); await sleep(50))
    if (performance.now() > end) throw new Error(`waited ${seconds} s for ${what}`)
}

const customer: Customer = {
  ...defaults.Customer,
  id: 'profile-1',
  customer: 'customer-1',
  at,
  currency: 'EUR',
  brand: 'Northern Mobile',
  zone,
  consent: { push: true },
  devices: ['browser'],
}

const offer: NextBestOffer = {
  ...defaults.NextBestOffer,
  id: 'offer-1',
  customer: 'customer-1',
  at,
  sequence: 1,
  item: 'data-10gb',
  kind: 'package',
  category: 'packages',
  brand: 'Northern Mobile',
  priceMinor: 500,
  currency: 'EUR',
  channel: 'push',
  text: 'Your data is nearly used up: 10 GB more for €5.00, until Friday.',
  zone,
  reasons: ['allowance'],
  expiresAt: at + 24 * hour,
  trigger: { kind: 'allowance-used', event: 'event-1', at },
}
