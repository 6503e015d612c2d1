// A double of Firebase Cloud Messaging: the token endpoint, which checks the assertion, and messages:send of HTTP v1.
import { createVerify, generateKeyPairSync } from 'node:crypto'
import fastify from 'fastify'
import { fcmProvider } from '../../src/providers/fcm.ts'
import type { Double, Scripted } from './double.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

export type FcmDouble = Double<'fcm'> & {
  /** Assertions that were exchanged. */
  readonly exchanged: number
  /** Bearer tokens handed out so far are refused from now on. */
  revoke(): void
}

export async function fcmDouble(): Promise<FcmDouble> {
  const taken: { text: string; id: string }[] = []
  const scripted: Scripted[] = []
  let exchanged = 0
  let valid = new Set<string>()
  const server = fastify()
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(body as string))),
  )
  server.post<{ Body: { assertion: string; grant_type: string } }>('/token', async (request, reply) => {
    const [header, claims, signature] = request.body.assertion.split('.') as [string, string, string]
    const isOurs = createVerify('RSA-SHA256').update(`${header}.${claims}`).verify(publicKey, signature, 'base64url')
    const { aud, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString())
    if (!isOurs || aud !== `${url}/token` || exp * 1000 < Date.now())
      return reply.code(400).send({ error: 'invalid_grant' })
    const token = `bearer-${++exchanged}`
    valid.add(token)
    return { access_token: token, expires_in: 3600, token_type: 'Bearer' }
  })
  server.post<{ Params: { project: string }; Body: { message: Sent } }>(
    '/v1/projects/:project/messages:send',
    async (request, reply) => {
      if (!valid.has((request.headers.authorization ?? '').replace('Bearer ', '')))
        return reply.code(401).send({ error: { code: 401, status: 'UNAUTHENTICATED' } })
      const answer = scripted.shift()
      if (answer === 'silence') return reply.hijack()
      if (typeof answer === 'object')
        return reply
          .code(answer.status)
          .headers(answer.headers ?? {})
          .send(answer.body ?? {})
      const { notification, android } = request.body.message
      taken.push({ text: notification.body, id: android.collapse_key })
      if (answer === 'reset-after-accept') {
        request.raw.socket.destroy()
        return reply.hijack()
      }
      return { name: `projects/${request.params.project}/messages/${taken.length}` }
    },
  )
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const account = {
    project_id: 'double',
    client_email: 'double@example.org',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    token_uri: `${url}/token`,
  }
  return {
    address: { kind: 'fcm', token: 'token-of-a-virtual-device' },
    provider: options => fcmProvider({ account, url, ...options }),
    script: answer => void scripted.push(answer),
    taken,
    gone: { status: 404, body: errorOf('UNREGISTERED') },
    get exchanged() {
      return exchanged
    },
    revoke() {
      valid = new Set()
    },
    async close() {
      server.server.closeAllConnections()
      await server.close()
    },
  }
}

type Sent = { readonly notification: { readonly body: string }; readonly android: { readonly collapse_key: string } }

/** An error of HTTP v1 as documented. */
export const errorOf = (errorCode: string, field?: string): object => ({
  error: {
    details: [
      { '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode },
      ...(field === undefined
        ? []
        : [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field }] }]),
    ],
  },
})
