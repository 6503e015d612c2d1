import { assertReads } from '@offerstream/contracts'
import { IncompatibleSchema, type Registry } from './ports.ts'

/** A registry in this process. As in Confluent's, equal schemas have one id, whatever their subject. */
export function memoryRegistry(): Registry {
  const schemas: string[] = []
  const subjects = new Map<string, number[]>()
  return {
    async register(subject, schema) {
      const text = JSON.stringify(JSON.parse(schema))
      const versions = subjects.get(subject) ?? []
      const known = schemas.indexOf(text) + 1
      if (versions.includes(known)) return known
      const latest = versions.at(-1)
      if (latest !== undefined)
        assertBackward(subject, text, { schema: schemas[latest - 1]!, version: versions.length })
      const id = known || schemas.push(text)
      subjects.set(subject, [...versions, id])
      return id
    },
    schema: async id => schemas[id - 1] ?? null,
  }
}

/** Throws `IncompatibleSchema` when the new schema cannot read what the subject's last one wrote. */
export function assertBackward(
  subject: string,
  reader: string,
  writer: { readonly schema: string; readonly version: number },
): void {
  try {
    assertReads(reader, writer.schema)
  } catch (error) {
    throw new IncompatibleSchema(
      `subject ${subject}: the new schema cannot read version ${writer.version}: ${(error as Error).message}`,
      { cause: error },
    )
  }
}
