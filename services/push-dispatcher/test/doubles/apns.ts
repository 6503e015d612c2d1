// A double of Apple's push service: HTTP/2, a provider token that is checked, the documented errors. Without TLS.
import { generateKeyPairSync, verify } from 'node:crypto'
import { createServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { apnsProvider } from '../../src/providers/apns.ts'
import type { Double, Scripted } from './double.ts'

export type ApnsDouble = Double<'apns'> & {
  /** Headers of what was asked, in order. */
  readonly asked: readonly Readonly<Record<string, unknown>>[]
  readonly sessions: number
}

export async function apnsDouble(): Promise<ApnsDouble> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const taken: { text: string; id: string }[] = []
  const asked: Record<string, unknown>[] = []
  const scripted: Scripted[] = []
  const sessions = new Set<ServerHttp2Session>()
  let opened = 0
  const server = createServer()
  server.on('session', session => {
    opened++
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    asked.push({ ...headers })
    let text = ''
    stream.on('data', chunk => {
      text += chunk
    })
    stream.on('end', () => {
      const answer = (status: number, body?: object): void => {
        stream.respond({ ':status': status })
        stream.end(body === undefined ? '' : JSON.stringify(body))
      }
      const [header, claims, signature] = `${headers['authorization']}`.replace('bearer ', '').split('.')
      const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
      const signed = Buffer.from(`${header}.${claims}`)
      if (!verify('sha256', signed, key, Buffer.from(`${signature}`, 'base64url')))
        return answer(403, { reason: 'InvalidProviderToken' })
      const next = scripted.shift()
      if (next === 'silence') return
      if (typeof next === 'object') return answer(next.status, next.body)
      taken.push({ text: JSON.parse(text).aps.alert.body, id: `${headers['apns-collapse-id']}` })
      if (next === 'reset-after-accept') stream.session?.destroy()
      else answer(200)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  return {
    address: { kind: 'apns', token: 'ab'.repeat(32) },
    provider: options => apnsProvider({ key, keyId: 'KEY', teamId: 'TEAM', topic: 'org.example.app', url, ...options }),
    script: answer => void scripted.push(answer),
    taken,
    asked,
    get sessions() {
      return opened
    },
    gone: { status: 410, body: { reason: 'Unregistered', timestamp: 1000 } },
    async close() {
      for (const session of sessions) session.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
