import { randomBytes } from 'node:crypto'
import { defaults, type PlaybookRecord } from '@offerstream/contracts'
import { memoryStore, openTopic } from '@offerstream/streaming'
import fc from 'fast-check'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { addLinkRoutes, createLinks, linksOf } from '../src/index.ts'
import { createWorld, hour, noon, offer, type World } from './given.ts'

const url = 'https://go.example.org'
const [first, second] = [randomBytes(32), randomBytes(32)]
const links = createLinks({ url, keys: [first] })
const tokenIn = (link: string): string => link.split('/').at(-1)!
const about = { offer: 'offer-1', customer: 'customer-1', item: 'pack-s', channel: 'push' }

describe('a token', () => {
  const { link, unsubscribe } = links.of(offer({}))
  test('says what its offer was to whoever has the key', () => {
    expect(links.open('offer', tokenIn(link), noon)).toEqual(about)
    expect(links.open('unsubscribe', tokenIn(unsubscribe), noon + 300 * 24 * hour)).toEqual(about)
  })
  test('is short, and shows nothing of the customer to whoever has not', () => {
    const { customer } = about
    expect(link.length).toBeLessThan(200)
    expect(Buffer.from(tokenIn(link), 'base64url').includes(customer)).toBe(false)
    // Nothing in common but the id of the key: two offers of one customer cannot be told to be that.
    const other = Buffer.from(tokenIn(links.of(offer({ id: 'offer-2' })).link), 'base64url')
    const mine = Buffer.from(tokenIn(link), 'base64url')
    expect(mine.subarray(0, 2)).toEqual(other.subarray(0, 2))
    expect(mine.subarray(2, 30).equals(other.subarray(2, 30))).toBe(false)
  })
  test('of an offer ends with it, to the second', () => {
    expect(links.open('offer', tokenIn(link), noon + 24 * hour - 1)).toEqual(about)
    expect(links.open('offer', tokenIn(link), noon + 24 * hour)).toBe('expired')
  })
  test('of one purpose does not serve the other: who is sent an offer cannot unsubscribe the sender', () => {
    expect(links.open('unsubscribe', tokenIn(link), noon)).toBe('unknown')
    expect(links.open('offer', tokenIn(unsubscribe), noon)).toBe('unknown')
  })
  test('with any bit changed, cut or lengthened is no token', () => {
    const bytes = Buffer.from(tokenIn(link), 'base64url')
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), bit => {
        const changed = Buffer.from(bytes)
        changed[bit >> 3]! ^= 1 << (bit & 7)
        expect(links.open('offer', changed.toString('base64url'), noon)).toBe('unknown')
      }),
    )
    for (const wrong of ['', 'AAAA', tokenIn(link).slice(0, -2), `${tokenIn(link)}AA`, 'x'.repeat(100_000)])
      expect(links.open('offer', wrong, noon)).toBe('unknown')
  })
  test('outlives its key being put second, and not its being taken away', () => {
    expect(createLinks({ url, keys: [second, first] }).open('offer', tokenIn(link), noon)).toEqual(about)
    expect(createLinks({ url, keys: [second] }).open('offer', tokenIn(link), noon)).toBe('unknown')
    const newer = createLinks({ url, keys: [second, first] }).of(offer({})).link
    expect(links.open('offer', tokenIn(newer), noon)).toBe('unknown')
  })
})

test.each([
  ['', 'AA', 'without OFFERSTREAM_LINK_URL'],
  [url, '', 'without OFFERSTREAM_LINK_KEYS'],
  [url, 'c2hvcnQ', 'a key has 5 bytes, wanted 32'],
  ['http://go.example.org', first.toString('base64url'), 'must be https'],
  [`${url}/?a=b`, first.toString('base64url'), 'must end with its path'],
])('links at %s with such keys are refused', (address, keys, why) => {
  expect(() => linksOf(address, keys)).toThrow(why)
})
test('links are off where nothing is set', () => expect(linksOf('', '')).toBeNull())

describe('the routes', () => {
  let world: World
  let server: FastifyInstance
  const counted = new Map<string, number>()
  const metrics = {
    record: (_name: string, value: number, ...labels: readonly string[]) =>
      void counted.set(labels.join(), (counted.get(labels.join()) ?? 0) + value),
    page: async () => '',
  }
  const item = (link: string | null): PlaybookRecord => ({
    at: noon,
    body: { ...itemRecord, link },
  })
  beforeEach(async () => {
    counted.clear()
    world = await createWorld(memoryStore())
    await world.append('playbook', 'pack-s', item('https://shop.example.org/pack-s'))
    server = fastify()
    addLinkRoutes(server, links, { ...world, prefix: '', metrics })
    await server.ready()
  })
  afterEach(async () => {
    await server.close()
    await world.end()
  })
  const engagements = async () => {
    const topic = await openTopic(world.registry, 'engagements')
    const found: string[] = []
    for await (const messages of world.log.read('engagements', 0, 0))
      for (const { key, value } of messages) {
        const { id, kind, surface, item: of } = topic.codec.decode(value!)
        found.push(`${key} ${id} ${kind} ${surface} ${of}`)
      }
    return found
  }
  const { link, unsubscribe } = links.of(offer({}))
  const click = link.slice(url.length)
  const wayOut = unsubscribe.slice(url.length)
  const get = (path: string, headers: Record<string, string> = {}) =>
    server.inject({ method: 'GET', url: path, headers })
  const post = (path: string) =>
    server.inject({
      method: 'POST',
      url: path,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'List-Unsubscribe=One-Click',
    })

  test('a click leads where the catalogue says, and is told once however often it is made', async () => {
    for (let times = 0; times < 3; times++) {
      const answer = await get(click)
      expect(answer.statusCode).toBe(302)
      expect(answer.headers).toMatchObject({
        location: 'https://shop.example.org/pack-s',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      })
    }
    expect(await engagements()).toEqual(['customer-1 offer-1/clicked clicked push pack-s'])
    expect(counted.get('clicked-counted')).toBe(1)
    expect(counted.get('clicked-repeated')).toBe(2)
  })

  test('clicks that come at once are told once too', async () => {
    await Promise.all(Array.from({ length: 10 }, () => get(click)))
    expect((await engagements()).length).toBe(1)
    expect([counted.get('clicked-counted'), counted.get('clicked-repeated')]).toEqual([1, 9])
  })

  test('a click that could not be written leads on all the same; who wants no more is told to try again', async () => {
    const { append } = world.log
    let away = true
    world.log.append = async (...args) => {
      if (away) throw new Error('the log is away')
      return append(...args)
    }
    expect((await get(click)).statusCode).toBe(302)
    expect((await post(wayOut)).statusCode).toBe(503)
    expect([counted.get('clicked-unwritten'), counted.get('unsubscribed-unwritten')]).toEqual([1, 1])
    away = false
    await get(click)
    await post(wayOut)
    expect((await engagements()).length).toBe(2)
  })

  test('nothing in the request changes where it leads', async () => {
    for (const more of ['?to=https://evil.example', '?url=//evil.example', '#https://evil.example'])
      expect((await get(click + more)).headers.location).toBe('https://shop.example.org/pack-s')
    expect((await get(`${click}/https://evil.example`)).statusCode).toBe(404)
    expect((await get(click, { host: 'evil.example', 'x-forwarded-host': 'evil.example' })).headers.location).toBe(
      'https://shop.example.org/pack-s',
    )
  })

  test.each([null, 'javascript:alert(1)', 'http://shop.example.org/'])(
    'an item whose link is %s has a page of thanks, and the click counts',
    async to => {
      await world.append('playbook', 'pack-s', item(to))
      await new Promise(resolve => setTimeout(resolve, 300))
      const answer = await get(click)
      expect(answer.statusCode).toBe(200)
      expect(answer.headers.location).toBeUndefined()
      expect((await engagements()).length).toBe(1)
    },
  )

  test.each<[string, Record<string, string>]>([
    ['a prefetch', { 'sec-purpose': 'prefetch;prerender' }],
    ['an older prefetch', { purpose: 'prefetch' }],
    ['a preview', { 'x-purpose': 'preview' }],
    ['a messenger that shows what is behind a link', { 'user-agent': 'WhatsApp/2.23' }],
    ['a bot', { 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1)' }],
  ])('%s is no click; the click after it is', async (_, headers) => {
    expect((await get(click, headers)).statusCode).toBe(302)
    expect((await server.inject({ method: 'HEAD', url: click })).statusCode).toBe(302)
    expect(await engagements()).toEqual([])
    await get(click, { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' })
    expect((await engagements()).length).toBe(1)
  })

  test('what has ended is 410, what is forged 404, and neither says more or tells anything', async () => {
    world.clock.at = noon + 25 * hour
    for (const [path, status] of [
      [click, 410],
      [`${click.slice(0, -1)}${click.endsWith('A') ? 'B' : 'A'}`, 404],
      ['/c/nothing', 404],
    ] as const) {
      const answer = await get(path)
      expect(answer.statusCode).toBe(status)
      expect(answer.body).not.toMatch(/customer|offer-1|pack-s/)
    }
    expect((await post(click.replace('/c/', '/d/'))).statusCode).toBe(410)
    expect(await engagements()).toEqual([])
    expect(counted).toEqual(
      new Map([
        ['expired', 2],
        ['unknown', 2],
      ]),
    )
  })

  test('the beacon of a service worker tells of a display, and of a dismissal', async () => {
    const beacon = click.replace('/c/', '/d/')
    expect((await server.inject({ method: 'POST', url: beacon })).statusCode).toBe(204)
    expect((await server.inject({ method: 'POST', url: beacon })).statusCode).toBe(204)
    expect((await server.inject({ method: 'POST', url: `${beacon}/dismissed` })).statusCode).toBe(204)
    expect((await get(beacon)).statusCode).toBe(404)
    expect((await server.inject({ method: 'POST', url: `${beacon}/bought` })).statusCode).toBe(404)
    expect(await engagements()).toEqual([
      'customer-1 offer-1/displayed displayed push pack-s',
      'customer-1 offer-1/dismissed dismissed push pack-s',
    ])
  })

  test('looking at the way out changes nothing; one post takes it, as mail programs make it', async () => {
    const page = await get(wayOut)
    expect(page.statusCode).toBe(200)
    expect(page.body).toContain('<form method="post">')
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    expect(await engagements()).toEqual([])
    expect((await post(wayOut)).statusCode).toBe(200)
    expect((await post(wayOut)).statusCode).toBe(200)
    expect(await engagements()).toEqual(['customer-1 offer-1/unsubscribed unsubscribed push pack-s'])
    expect((await post(wayOut.replace('/u/', '/d/'))).statusCode).toBe(404)
  })
})

const itemRecord = {
  ...defaults.CatalogueItem,
  name: 'pack-s',
  kind: 'package',
  priceMinor: 500,
  currency: 'EUR',
  marginMinor: 300,
  category: 'packs',
  brand: 'main',
} satisfies PlaybookRecord['body']
