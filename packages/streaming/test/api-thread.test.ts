import fastify from 'fastify'
import { afterEach, expect, it } from 'vitest'
import { startApiThread } from '../src/api-thread.ts'

const module = new URL('./api-thread-main.ts', import.meta.url)
const status = fastify()
status.get('/health', async (_request, reply) => reply.code(503).send({ ok: false }))
status.get('/metrics', async (_request, reply) => reply.type('text/plain').send('up 1\n'))
afterEach(() => {
  delete process.env['API_THREAD']
})

it('an API answers from its own thread, and passes on health and metrics of the service', async () => {
  const { address, done, close } = await startApiThread(module, status)
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:/)
  expect(await (await fetch(`${address}/own`)).json()).toEqual({ partitions: 3, isMainThread: false })
  const health = await fetch(`${address}/health`)
  expect([health.status, await health.json()]).toEqual([503, { ok: false }])
  const metrics = await fetch(`${address}/metrics`)
  expect([metrics.headers.get('content-type'), await metrics.text()]).toEqual(['text/plain', 'up 1\n'])
  await close()
  await done
  await expect(fetch(`${address}/own`)).rejects.toThrow()
})

it('a thread that does not start says why', async () => {
  process.env['API_THREAD'] = 'broken'
  await expect(startApiThread(module, status)).rejects.toThrow('it does not start')
})

it('a thread that ends unasked is told', async () => {
  const { address, done } = await startApiThread(module, status)
  const told = expect(done).rejects.toThrow('the thread of the API ended')
  await fetch(`${address}/end`).catch(() => {})
  await told
})
