import { schemas } from '@offerstream/contracts'
import { expect, test } from 'vitest'
import { memoryRegistry, openTopic, type Registry } from '../src/index.ts'

test('a message written with a schema that the reader cannot read, or that is none, is undecodable and stops nothing', async () => {
  const other = JSON.parse(schemas.purchase)
  other.fields = other.fields.filter(({ name }: { name: string }) => name !== 'customer')
  const memory = memoryRegistry()
  const registry: Registry = {
    ...memory,
    schema: async id => (id === 998 ? JSON.stringify(other) : id === 999 ? 'syntax = "proto3";' : memory.schema(id)),
  }
  const { codec } = await openTopic(registry, 'purchases')
  for (const id of [998, 999]) {
    const bytes = Buffer.alloc(40)
    bytes.writeInt32BE(id, 1)
    await codec.learn([bytes])
    expect(() => codec.decode(bytes)).toThrow('undecodable')
  }
})
