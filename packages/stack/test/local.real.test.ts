// A real Kafka, Redis and registry. Without them these tests fail; they are never skipped.
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, it } from 'vitest'
import { javaRuntime, kafkaJars } from '../src/artifacts.ts'
import { type Addresses, type Stack, startStack } from '../src/index.ts'
import { startCache } from '../src/java.ts'
import { isFree } from '../src/ports.ts'
import { kafkaBrokers, redisInfo } from '../src/probe.ts'
import { startedAt } from '../src/process-identity.ts'
import { defaultDirectory } from '../src/workspace.ts'
import { until } from './folders.ts'
import { runProgram } from './run-program.ts'

const coldMs = 300_000
const instance = `test-${process.pid}`
const folder = path.join(defaultDirectory, 'stacks', instance)
const running: Stack[] = []

async function start(
  options: { readonly fresh?: boolean; readonly instance?: string } = {},
): Promise<Stack & { readonly addresses: Addresses }> {
  const stack = await startStack('local', { instance, ...options })
  running.push(stack)
  if (stack.addresses === null) throw new Error('a local stack has addresses')
  return stack as Stack & { readonly addresses: Addresses }
}

function pids(): readonly number[] {
  const files = readdirSync(folder).filter(name => name.endsWith('.pid'))
  return files.map(name => Number(readFileSync(path.join(folder, name), 'utf8').split(' ')[0]))
}

function portsOf({ brokers, redis, registry }: Addresses): readonly number[] {
  return [Number(brokers[0]?.split(':')[1]), Number(new URL(redis).port), Number(new URL(registry).port)]
}

async function register(addresses: Addresses, schema: unknown): Promise<Response> {
  return fetch(`${addresses.registry}/subjects/thing-value/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  })
}

const record = (...fields: readonly unknown[]) => ({ type: 'record', name: 'Thing', fields })

async function set(addresses: Addresses, key: string, value: string): Promise<void> {
  const client = new Redis(addresses.redis)
  await client.set(key, value)
  client.disconnect()
}

async function get(addresses: Addresses, key: string): Promise<string | null> {
  const client = new Redis(addresses.redis)
  const value = await client.get(key)
  client.disconnect()
  return value
}

afterAll(async () => {
  await Promise.all(running.map(stack => stack.stop()))
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

// One life of a stack, for a start takes seconds: each test goes on with what the one before it left.
describe('a local stack', () => {
  let addresses: Addresses

  it(
    'answers at every address, keeps BACKWARD, and leaves no process and no port behind',
    async () => {
      const stack = await start({ fresh: true })
      addresses = stack.addresses
      const [kafkaPort] = portsOf(addresses)
      expect(await kafkaBrokers(kafkaPort!)).toEqual([{ id: 1, host: '127.0.0.1', port: kafkaPort }])
      expect((await redisInfo(addresses.redis, 'memory')).get('maxmemory_policy')).toBe('noeviction')
      expect(await (await fetch(`${addresses.registry}/config`)).json()).toMatchObject({
        compatibilityLevel: 'BACKWARD',
      })
      expect(stack.versions).toMatchObject({
        kafka: '4.3.1',
        redis: expect.stringMatching(/^(redis|valkey) \d+\.\d+\.\d+$/),
        registry: 'apicurio 3.3.3',
        java: expect.stringMatching(/^25\./),
        node: process.version,
      })
      await set(addresses, 'state', 'kept')
      await refusesWhatOldDataCannotBeReadWith(addresses)
      const started = pids()
      expect(started).toHaveLength(3)
      expect(started.every(pid => startedAt(pid) !== undefined)).toBe(true)
      for (const pid of started) expect(listening(pid).filter(address => !isLoopback(address))).toEqual([])

      await stack.stop()
      expect(started.some(pid => startedAt(pid) !== undefined)).toBe(false)
      expect(pids()).toEqual([])
      expect(await Promise.all(portsOf(addresses).map(isFree))).toEqual([true, true, true])
    },
    coldMs,
  )

  it(
    'comes back warm at the same addresses, with its data; says at once when one of its services dies',
    async () => {
      const began = performance.now()
      const stack = await start()
      console.log(
        `warm start: ${((performance.now() - began) / 1000).toFixed(1)} s, wanted within 10 on a machine that does nothing else`,
      )
      expect(stack.addresses).toEqual(addresses)
      await hasItsData(addresses)
      for (const pid of pids()) process.kill(pid, 'SIGKILL')
      expect(await stack.crashed).toMatch(/^(redis|kafka|registry) was ended by SIGKILL; last lines of .*\.log/)
      await stack.stop()
    },
    coldMs,
  )

  it(
    'comes back from what a crash left; goes with the process that started it, also after kill -9',
    async () => {
      const parent = runProgram(import.meta.resolve('./programs/hold-local.ts'), instance)
      expect(JSON.parse((await parent.said('up ')).slice(3))).toEqual(addresses)
      await hasItsData(addresses)
      const started = pids()
      expect(started).toHaveLength(3)
      await expect(start()).rejects.toThrow(`process ${parent.process.pid} already runs it`)
      parent.process.kill('SIGKILL')
      await parent.ended
      expect(await until(() => !started.some(pid => startedAt(pid) !== undefined), 15_000)).toBe(true)
    },
    coldMs,
  )

  it(
    'starts on other ports when somebody took its own, with its data; throws a start cache that does not fit away',
    async () => {
      const takers = portsOf(addresses).map(port => createServer().listen(port, '127.0.0.1'))
      const downloads = path.join(defaultDirectory, 'downloads')
      const file = startCache(path.join(downloads, javaRuntime.name), path.join(downloads, kafkaJars.name))
      // Another file in its place: a broker elsewhere may have the old one in memory.
      writeFileSync(`${file}.broken`, 'not a cache')
      const good = existsSync(file)
      if (good) renameSync(file, `${file}.good`)
      renameSync(`${file}.broken`, file)
      try {
        const stack = await start()
        expect(portsOf(stack.addresses).some(port => portsOf(addresses).includes(port))).toBe(false)
        await hasItsData(stack.addresses)
        expect(existsSync(file) && statSync(file).size < 100).toBe(false)
        await stack.stop()
      } finally {
        if (good) renameSync(`${file}.good`, file)
        for (const taker of takers) taker.close()
      }
    },
    coldMs,
  )

  it(
    'forgets all of its data together when it starts fresh, and another beside it has its own',
    async () => {
      const other = `${instance}-other`
      try {
        const [one, two] = await Promise.all([start({ fresh: true }), start({ fresh: true, instance: other })])
        expect(await get(one.addresses, 'state')).toBe(null)
        expect(await subjects(one.addresses)).toEqual([])
        await set(one.addresses, 'state', 'of one')
        await register(one.addresses, record({ name: 'a', type: 'string' }))
        expect(await get(two.addresses, 'state')).toBe(null)
        expect(await subjects(two.addresses)).toEqual([])
        expect(await kafkaBrokers(portsOf(two.addresses)[0]!)).toHaveLength(1)
        await two.stop()
      } finally {
        rmSync(path.join(defaultDirectory, 'stacks', other), { recursive: true, force: true })
      }
    },
    coldMs,
  )
})

async function refusesWhatOldDataCannotBeReadWith(addresses: Addresses): Promise<void> {
  expect((await register(addresses, record({ name: 'a', type: 'string' }))).status).toBe(200)
  const wider = record({ name: 'a', type: 'string' }, { name: 'b', type: 'int', default: 0 })
  expect((await register(addresses, wider)).status).toBe(200)
  const breaking = record({ name: 'a', type: 'string' }, { name: 'c', type: 'int' })
  expect((await register(addresses, breaking)).status).toBe(409)
}

async function hasItsData(addresses: Addresses): Promise<void> {
  expect(await get(addresses, 'state')).toBe('kept')
  expect(await subjects(addresses)).toEqual(['thing-value'])
}

const subjects = async ({ registry }: Addresses): Promise<unknown> => (await fetch(`${registry}/subjects`)).json()

/** The addresses a process listens on, in the kernel's hexadecimal. */
function listening(pid: number): readonly string[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).map(fd => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
      } catch {
        return undefined // closed meanwhile
      }
    }),
  )
  const rows = ['tcp', 'tcp6'].flatMap(table => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1))
  const listens = '0A'
  return rows
    .map(row => row.trim().split(/\s+/))
    .filter(fields => fields[3] === listens && sockets.has(fields[9]))
    .map(fields => fields[1]!.split(':')[0]!)
}

function isLoopback(address: string): boolean {
  return ['0100007F', '0000000000000000FFFF00000100007F', '00000000000000000000000001000000'].includes(address)
}
