import type { FastifyInstance } from 'fastify'
import { type Address, addressKinds, problemOf } from './address.ts'
import { ForeignKey, type Subscriptions } from './subscriptions.ts'

const text = { type: 'string', minLength: 1, maxLength: 2048 } as const
const body = {
  type: 'object',
  properties: {
    kind: { type: 'string', enum: addressKinds },
    ...{ endpoint: text, token: text, url: text, address: text },
    keys: { type: 'object', required: ['p256dh', 'auth'], properties: { p256dh: text, auth: text } },
    expirationTime: { type: ['number', 'null'] },
  },
} as const
const name = { type: 'string', pattern: '^[\\w.~-]{1,128}$' } as const
const params = {
  type: 'object',
  required: ['customer', 'handle'],
  properties: { customer: name, handle: name },
} as const

type Asked = { Params: { customer: string; handle: string }; Body: Body }
type Body = { readonly kind?: Address['kind']; readonly expirationTime?: number | null } & Readonly<
  Record<string, unknown>
>

/**
 * `PUT` and `DELETE /customers/:customer/subscriptions/:handle`, where devices and mailboxes register and take their leave.
 * The body is an address with its kind; what a browser's PushSubscription says needs none.
 */
export function addSubscriptionRoutes(
  server: FastifyInstance,
  subscriptions: Subscriptions,
  now: () => number = Date.now,
): void {
  const path = '/customers/:customer/subscriptions/:handle'
  server.put<Asked>(path, { schema: { params, body }, bodyLimit: 8192 }, async (request, reply) => {
    const { customer, handle } = request.params
    const { expirationTime = null } = request.body
    const address = addressOf(request.body)
    if (typeof address === 'string') return reply.code(400).send({ error: address })
    const problem = problemOf(address)
    if (problem !== null) return reply.code(400).send({ error: problem })
    try {
      await subscriptions.register(customer, handle, { address, at: now(), expiresAt: expirationTime })
    } catch (error) {
      if (error instanceof ForeignKey) return reply.code(409).send({ error: error.message })
      throw error
    }
    return reply.code(204).send()
  })
  server.delete<Asked>(path, { schema: { params } }, async (request, reply) => {
    await subscriptions.remove(request.params.customer, request.params.handle)
    return reply.code(204).send()
  })
}

/** The address alone, without what else was sent along; what is missing where something is. */
function addressOf({ kind = 'web-push', ...given }: Body): Address | string {
  const wanted = { 'web-push': 'endpoint', fcm: 'token', apns: 'token', webhook: 'url', email: 'address' }[kind]
  if (given[wanted] === undefined) return `${wanted} is missing`
  if (kind !== 'web-push') return { kind, [wanted]: given[wanted] } as Address
  const keys = given['keys'] as { p256dh: string; auth: string } | undefined
  if (keys === undefined) return 'keys are missing'
  return { kind, endpoint: given['endpoint'] as string, keys: { p256dh: keys.p256dh, auth: keys.auth } }
}
