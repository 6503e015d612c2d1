// The most that node:https does with the bytes of pushes: one is made and taken down here, then its headers and body are
// posted again and again over connections kept open. Nothing is sealed, signed, decided or saved.
import { createECDH, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { Agent, createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { createVapidKeys, webPushProvider } from '@offerstream/push-dispatcher'
import { pushOffer } from './push-offer.ts'

type Settings = {
  /** Of the receiver. */
  readonly url: string
  readonly key: string
  readonly cert: string
  readonly requests: number
  readonly warmUp: number
  readonly atOnce: number
}

const { url, key, cert, requests, warmUp, atOnce }: Settings = JSON.parse(process.argv[2]!)
setDefaultCACertificates([...getCACertificates(), readFileSync(cert, 'utf8')])

const { headers, path, body } = await pushTakenDown()
const agent = new Agent({ keepAlive: true, scheduling: 'lifo' })
await postAll(warmUp)
const [cpu, began] = [process.cpuUsage(), performance.now()]
await postAll(requests)
const { user, system } = process.cpuUsage(cpu)
const seconds = (performance.now() - began) / 1000
process.send!({ event: 'posted', pushes: requests, seconds, cpuSeconds: (user + system) / 1e6, bytes: body.length })
agent.destroy()

async function postAll(count: number): Promise<void> {
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await post()
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

function post(): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(url + path, { method: 'POST', headers, agent })
    asked.on('error', reject)
    asked.on('response', response => {
      if (response.statusCode !== 201) reject(new Error(`answered ${response.statusCode}`))
      response.on('close', resolve)
      response.resume()
    })
    asked.end(body)
  })
}

/** What a push is made of on the wire. */
async function pushTakenDown(): Promise<{ headers: IncomingHttpHeaders; path: string; body: Buffer }> {
  const device = createECDH('prime256v1')
  const p256dh = device.generateKeys().toString('base64url')
  const auth = randomBytes(16).toString('base64url')
  const provider = webPushProvider({ vapid: createVapidKeys('mailto:bench@example.invalid') })
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) })
  try {
    const taken = new Promise<{ headers: IncomingHttpHeaders; path: string; body: Buffer }>(resolve => {
      server.on('request', async (asked, response) => {
        const parts: Buffer[] = []
        for await (const part of asked) parts.push(part)
        response.writeHead(201).end()
        const { host, connection, ...rest } = asked.headers
        resolve({ headers: rest, path: asked.url!, body: Buffer.concat(parts) })
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const address = { kind: 'web-push', endpoint: `${origin}/push/${'t'.repeat(32)}`, keys: { p256dh, auth } } as const
    const { id, item, kind, brand, text, locale, priceMinor, currency, expiresAt } = pushOffer(
      'offer-10000',
      'c-1',
      1,
      Date.now(),
    )
    const told = { item, kind, title: brand, text, locale, priceMinor, currency, expiresAt }
    const message = { offer: id, ...told, link: null, unsubscribe: null }
    const terms = { ttlSeconds: 86_400, collapseId: 't'.repeat(32), urgency: 'normal' } as const
    const answer = await provider.send(
      { address, handle: 'c-1-phone', message, ...terms },
      new AbortController().signal,
    )
    if (answer.kind !== 'accepted') throw new Error(`the push to take down was ${answer.kind}`)
    return await taken
  } finally {
    provider.close?.()
    server.close()
  }
}
