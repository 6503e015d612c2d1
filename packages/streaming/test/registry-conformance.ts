import { beforeAll, describe, expect, test } from 'vitest'
import { IncompatibleSchema, type Registry } from '../src/index.ts'

type Field = { readonly name: string; readonly type: unknown; readonly default?: unknown }

let subjects = 0

/** What every adapter of the port `Registry` promises. */
export function registryConformance(name: string, open: () => Promise<Registry>): void {
  describe(`${name} keeps the promises of a registry`, () => {
    let registry: Registry
    let record: string
    let subject: string
    const schemaOf = (...fields: readonly Field[]): string =>
      JSON.stringify({ type: 'record', name: record, namespace: 'conformance', fields })
    const id: Field = { name: 'id', type: 'string' }
    const amount: Field = { name: 'amount', type: 'long' }

    beforeAll(async () => {
      registry = await open()
    }, 120_000)
    const newSubject = (): void => {
      record = `Record${process.pid}x${Date.now()}x${++subjects}`
      subject = `conformance.${record}`
    }

    test('a schema is found by the id it got', async () => {
      newSubject()
      const given = await registry.register(subject, schemaOf(id))
      expect(Number.isInteger(given) && given > 0).toBe(true)
      expect(JSON.parse((await registry.schema(given))!)).toEqual(JSON.parse(schemaOf(id)))
    })

    test('the same schema again has the same id, also after a newer one', async () => {
      newSubject()
      const first = await registry.register(subject, schemaOf(id))
      const second = await registry.register(subject, schemaOf(id, { ...amount, default: 0 }))
      expect(second).not.toBe(first)
      expect(await registry.register(subject, schemaOf(id))).toBe(first)
      expect(await registry.register(subject, schemaOf(id, { ...amount, default: 0 }))).toBe(second)
      expect(JSON.parse((await registry.schema(first))!)).toEqual(JSON.parse(schemaOf(id)))
    })

    test('an id nobody registered has no schema', async () => {
      expect(await registry.schema(2_000_000_000)).toBeNull()
      expect(await registry.schema(2_000_000_000)).toBeNull()
    })

    test('a schema that cannot read its predecessor is refused, with reader, writer and field named', async () => {
      newSubject()
      const first = await registry.register(subject, schemaOf(id))
      const refusal = registry.register(subject, schemaOf(id, amount))
      await expect(refusal).rejects.toBeInstanceOf(IncompatibleSchema)
      await expect(refusal).rejects.toThrow(
        new RegExp(
          `subject conformance\\.${record}.*version 1.*reader conformance\\.${record}.*writer conformance\\.${record}.*amount`,
          's',
        ),
      )
      expect(await registry.register(subject, schemaOf(id))).toBe(first)
    })

    test('a changed type is refused as well', async () => {
      newSubject()
      await registry.register(subject, schemaOf(id, amount))
      await expect(registry.register(subject, schemaOf(id, { name: 'amount', type: 'string' }))).rejects.toThrow(
        IncompatibleSchema,
      )
    })

    test('a field may go, and a field with a default may come', async () => {
      newSubject()
      await registry.register(subject, schemaOf(id, amount))
      await registry.register(subject, schemaOf(id))
      await registry.register(subject, schemaOf(id, { name: 'note', type: ['null', 'string'], default: null }))
    })

    test('a schema is compared with the last of its subject, not with those of another', async () => {
      newSubject()
      await registry.register(`${subject}.one`, schemaOf(id))
      await registry.register(`${subject}.other`, schemaOf(id, amount))
    })
  })
}
