// What the real registry cannot be brought to do on demand. That it is understood is tested against the real one.
import { createServer, type Server } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { confluentRegistry, Refused, Transient } from '../src/index.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

type Answer = { readonly status: number; readonly body: object | string }
const unknownId: Answer = { status: 404, body: { error_code: 40403, message: 'Schema not found' } }

/** A server that answers what it is told to, and the requests it got. Null: it never answers. */
async function answering(answer: (request: string) => Answer | null, timeoutMs = 10_000) {
  const requests: { line: string; authorization: string | undefined }[] = []
  const server = createServer((request, response) => {
    const line = `${request.method} ${request.url}`
    requests.push({ line, authorization: request.headers.authorization })
    const told = answer(line)
    if (told === null) return
    response.writeHead(told.status, { 'content-type': 'application/json' })
    response.end(typeof told.body === 'string' ? told.body : JSON.stringify(told.body))
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const host = `http://127.0.0.1:${(server.address() as { port: number }).port}/api`
  return { host, requests, registry: confluentRegistry({ host: `${host}/`, timeoutMs }) }
}

test('a schema is asked for once, however many records want it at the same time', async () => {
  const { registry, requests } = await answering(() => ({ status: 200, body: { schema: '"string"' } }))
  expect(await Promise.all([registry.schema(7), registry.schema(7)])).toEqual(['"string"', '"string"'])
  expect(await registry.schema(7)).toBe('"string"')
  expect(requests.map(request => request.line)).toEqual(['GET /api/schemas/ids/7'])
})

test('an unknown id is not asked for again at once, and one that cannot be is never asked for', async () => {
  const { registry, requests } = await answering(() => unknownId)
  for (const id of [7, 7, 0, -1]) expect(await registry.schema(id)).toBeNull()
  expect(requests.length).toBe(1)
})

test('records that name a hundred unknown ids do not flood the registry', async () => {
  const { registry, requests } = await answering(() => unknownId)
  const began = performance.now()
  await Promise.all(Array.from({ length: 100 }, (_, i) => registry.schema(i + 1)))
  expect(requests.length).toBe(100)
  expect(performance.now() - began).toBeGreaterThan(1_500)
})

test('a registry that is ill is a passing trouble, and a later answer counts', async () => {
  let status = 503
  const { registry, host } = await answering(() => ({ status, body: status === 200 ? { schema: '"long"' } : 'oops' }))
  await expect(registry.schema(1)).rejects.toBeInstanceOf(Transient)
  await expect(registry.schema(1)).rejects.toThrow(`registry ${host}: GET /schemas/ids/1 was answered 503 oops`)
  await expect(registry.register('s', '"long"')).rejects.toBeInstanceOf(Transient)
  status = 200
  expect(await registry.schema(1)).toBe('"long"')
})

test('a registry that does not answer is not waited for', async () => {
  const { registry } = await answering(() => null, 300)
  const began = performance.now()
  await expect(registry.schema(1)).rejects.toBeInstanceOf(Transient)
  expect(performance.now() - began).toBeLessThan(2_000)
})

test('a registry that dies while it registers is a passing trouble', async () => {
  const { registry } = await answering(line => (line.startsWith('POST') ? null : backward), 500)
  await expect(registry.register('s', record)).rejects.toBeInstanceOf(Transient)
})

test('an address that is no registry is refused rather than taken for one without schemas', async () => {
  const { registry } = await answering(() => ({ status: 404, body: '<h1>Not found</h1>' }))
  await expect(registry.schema(1)).rejects.toBeInstanceOf(Refused)
  await expect(registry.register('s', record)).rejects.toThrow(/Check the address, path included/)
})

test('a user it does not know is refused', async () => {
  const { host, requests } = await answering(() => ({ status: 401, body: { message: 'Unauthorized' } }))
  const registry = confluentRegistry({ host, username: 'app', password: 'secret' })
  await expect(registry.schema(1)).rejects.toBeInstanceOf(Refused)
  await expect(registry.schema(1)).rejects.not.toThrow(/secret/)
  expect(requests[0]!.authorization).toBe(`Basic ${Buffer.from('app:secret').toString('base64')}`)
})

test('a stricter rule on a subject is left in place, a laxer one is not', async () => {
  const levels = { strict: 'FULL_TRANSITIVE', lax: 'FORWARD' } as Record<string, string>
  const { registry, requests } = await answering(line => {
    const subject = line.split('/').at(line.endsWith('/versions') ? -2 : -1)!
    if (line.startsWith('PUT')) levels[subject] = 'BACKWARD'
    return line.startsWith('POST')
      ? { status: 200, body: { id: 1 } }
      : { status: 200, body: { compatibilityLevel: levels[subject] } }
  })
  await registry.register('strict', record)
  await registry.register('lax', record)
  expect(requests.map(request => request.line).filter(line => line.startsWith('PUT'))).toEqual(['PUT /api/config/lax'])
})

const record = '{"type":"record","name":"R","fields":[]}'
const backward: Answer = { status: 200, body: { compatibilityLevel: 'BACKWARD' } }
