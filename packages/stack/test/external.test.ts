import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { startStack } from '../src/index.ts'

async function listen(server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Says just enough of Redis: an INFO reply to whatever comes. */
function fakeRedis(): Server {
  return createTcpServer(socket => {
    const info = 'redis_version:7.0.15\r\nprocess_id:1\r\n'
    socket
      .on('error', () => {})
      .on('data', bytes => {
        const commands = bytes.toString().match(/\*\d+\r\n/g) ?? []
        for (const _ of commands) socket.write(`$${info.length}\r\n${info}\r\n`)
      })
  })
}

function fakeRegistry(status: number): Server {
  return createServer((request, response) => {
    const version = request.url === '/apis/registry/v3/system/info'
    response.writeHead(version ? 200 : status, { 'content-type': 'application/json' })
    response.end(version ? '{"version":"3.3.3"}' : '[]')
  })
}

const quiet = () => createTcpServer(socket => socket.on('error', () => {}))

it('an external stack whose services answer is taken as it is, and asked for its versions', async () => {
  const [kafka, redis, registry] = await Promise.all([listen(quiet()), listen(fakeRedis()), listen(fakeRegistry(200))])
  const lines: string[] = []
  const stack = await startStack('auto', {
    progress: line => lines.push(line),
    environment: {
      OFFERSTREAM_KAFKA_BROKERS: `127.0.0.1:${kafka}, 127.0.0.1:1`,
      OFFERSTREAM_REDIS_URL: `redis://127.0.0.1:${redis}`,
      OFFERSTREAM_REGISTRY_URL: `http://127.0.0.1:${registry}/apis/ccompat/v7/`,
    },
  })
  expect(stack).toMatchObject({
    kind: 'external',
    why: 'the addresses of all three services are set',
    versions: { redis: 'redis 7.0.15', registry: 'apicurio 3.3.3' },
    addresses: {
      brokers: [`127.0.0.1:${kafka}`, '127.0.0.1:1'],
      redis: `redis://127.0.0.1:${redis}`,
      registry: `http://127.0.0.1:${registry}/apis/ccompat/v7`,
    },
  })
  expect(lines.join('\n')).toContain('Kafka does not answer at 127.0.0.1:1; the other brokers do')
  await stack.stop()
})

it('every address that does not answer is named at once, without its password', async () => {
  const registry = await listen(fakeRegistry(503))
  const refusal = await startStack('external', {
    environment: {
      OFFERSTREAM_KAFKA_BROKERS: '127.0.0.1:1',
      OFFERSTREAM_REDIS_URL: 'redis://me:secret@127.0.0.1:2',
      OFFERSTREAM_REGISTRY_URL: `http://127.0.0.1:${registry}`,
    },
  }).catch((error: Error) => error)
  expect(refusal).toMatchObject({ name: 'StackUnavailable', tried: 'use the external stack' })
  const { message } = refusal as Error
  expect(message).toContain('Kafka does not answer at 127.0.0.1:1')
  expect(message).toContain('Redis does not answer at redis://me:***@127.0.0.1:2')
  expect(message).toContain('it says 503 to GET /subjects')
  expect(message).not.toContain('secret')
})

it('settings that are missing or malformed are told at once, before anything is asked', async () => {
  const started = startStack('external', {
    environment: { OFFERSTREAM_KAFKA_BROKERS: 'kafka', OFFERSTREAM_REGISTRY_URL: 'registry:8081' },
  })
  await expect(started).rejects.toMatchObject({
    missing:
      'OFFERSTREAM_KAFKA_BROKERS holds kafka, which is not host:port; OFFERSTREAM_REDIS_URL is not set; ' +
      'OFFERSTREAM_REGISTRY_URL is registry:8081, which is not an http:// or https:// address',
  })
})
