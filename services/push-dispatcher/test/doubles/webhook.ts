// A receiver of Standard Webhooks, which checks the signature as the specification says.
import { createHmac, timingSafeEqual } from 'node:crypto'
import fastify from 'fastify'
import { webhookProvider } from '../../src/providers/webhook.ts'
import type { Double, Scripted } from './double.ts'

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

export async function webhookReceiver(): Promise<Double<'webhook'>> {
  const taken: { text: string; id: string }[] = []
  const scripted: Scripted[] = []
  const server = fastify()
  server.removeContentTypeParser('application/json')
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  server.post<{ Body: string }>('/hook', async (request, reply) => {
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = request.headers
    const wanted = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
      .update(`${id}.${at}.${request.body}`)
      .digest()
    const given = Buffer.from(`${signature}`.replace('v1,', ''), 'base64')
    const isFresh = Math.abs(Date.now() / 1000 - Number(at)) < 300
    if (!isFresh || given.length !== wanted.length || !timingSafeEqual(given, wanted)) return reply.code(401).send()
    const answer = scripted.shift()
    if (answer === 'silence') return reply.hijack()
    if (typeof answer === 'object')
      return reply
        .code(answer.status)
        .headers(answer.headers ?? {})
        .send()
    taken.push({ text: JSON.parse(request.body).data.text, id: `${id}` })
    if (answer === 'reset-after-accept') {
      request.raw.socket.destroy()
      return reply.hijack()
    }
    return reply.code(204).send()
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  return {
    address: { kind: 'webhook', url: `${url}/hook` },
    provider: options => webhookProvider({ secrets: [secret], loopback: true, ...options }),
    script: answer => void scripted.push(answer),
    taken,
    gone: { status: 410 },
    async close() {
      server.server.closeAllConnections()
      await server.close()
    },
  }
}
