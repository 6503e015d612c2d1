import type { FastifyInstance } from 'fastify'
import { type DeviceSubscription, problemOf, type Subscriptions } from './subscriptions.ts'

const text = { type: 'string', minLength: 1, maxLength: 2048 } as const
const body = {
  type: 'object',
  required: ['endpoint', 'keys'],
  properties: {
    endpoint: text,
    keys: { type: 'object', required: ['p256dh', 'auth'], properties: { p256dh: text, auth: text } },
  },
} as const
const params = {
  type: 'object',
  required: ['handle'],
  properties: { handle: { type: 'string', pattern: '^[\\w.~-]{1,128}$' } },
} as const

/** `PUT` and `DELETE /subscriptions/:handle`, where devices register and take their leave. */
export function addSubscriptionRoutes(server: FastifyInstance, subscriptions: Subscriptions): void {
  server.put<{ Params: { handle: string }; Body: DeviceSubscription }>(
    '/subscriptions/:handle',
    { schema: { params, body }, bodyLimit: 8192 },
    async (request, reply) => {
      const { endpoint, keys } = request.body
      const problem = problemOf(request.body)
      if (problem !== null) return reply.code(400).send({ error: problem })
      await subscriptions.register(request.params.handle, { endpoint, keys: { p256dh: keys.p256dh, auth: keys.auth } })
      return reply.code(204).send()
    },
  )
  server.delete<{ Params: { handle: string } }>(
    '/subscriptions/:handle',
    { schema: { params } },
    async (request, reply) => {
      await subscriptions.remove(request.params.handle)
      return reply.code(204).send()
    },
  )
}
