import { type FaultProxy, startFaultProxy } from '@offerstream/stack'
import { confluentRegistry, openTopic, type Registry, Transient } from '@offerstream/streaming'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { registryConformance } from '../packages/streaming/test/registry-conformance.ts'
import { sharedStack } from './shared-stack.ts'

const registryUrl = sharedStack().addresses!.registry

registryConformance('a real registry', async () => confluentRegistry({ host: registryUrl }))

describe('a real registry', () => {
  let proxy: FaultProxy
  let registry: Registry
  let url: URL
  beforeAll(async () => {
    url = new URL(registryUrl)
    proxy = await startFaultProxy(Number(url.port))
    url.port = `${proxy.port}`
    registry = confluentRegistry({ host: url.href, timeoutMs: 1_000 })
  }, 120_000)
  afterAll(() => proxy.close())

  test('gets the rule BACKWARD on each subject before the first schema', async () => {
    await fetch(`${registryUrl}/config`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ compatibility: 'NONE' }),
    })
    const record = (...fields: object[]) => JSON.stringify({ type: 'record', name: 'Ruled', fields })
    await registry.register('ruled', record())
    await expect(registry.register('ruled', record({ name: 'added', type: 'long' }))).rejects.toThrow(/Ruled.*added/s)
  })

  test('may be down while known schemas go on', async () => {
    const writer = await openTopic(registry, 'usage')
    const bytes = writer.codec.encode(usage)
    const reading = confluentRegistry({ host: url.href, timeoutMs: 1_000 })
    const id = bytes.readInt32BE(1)
    const schema = await reading.schema(id)
    expect(schema).not.toBeNull()

    await proxy.close()
    expect(await reading.schema(id)).toBe(schema)
    await writer.codec.learn([bytes])
    expect(writer.codec.decode(bytes)).toEqual(usage)
    expect((await openTopic(registry, 'usage')).codec.decode(bytes)).toEqual(usage)

    await expect(reading.schema(id + 1_000)).rejects.toBeInstanceOf(Transient)
    await expect(reading.schema(id + 1_000)).rejects.toThrow(`registry ${url.href}`)
    await expect(openTopic(reading, 'purchases')).rejects.toBeInstanceOf(Transient)
  })
})

const usage = {
  type: 'usage',
  id: 'u-1',
  customer: 'c-1',
  at: 1_767_225_600_000,
  kind: 'data',
  dataKb: 1_024,
  seconds: 0,
  texts: 0,
  overageMinor: 0,
  roaming: false,
} as const
