// How a company's own messages become records of the contract: data, one file per company.

import type { TimeUnit } from './moments.ts'
import type { RecordName, TargetKind } from './targets.ts'

export type Mapping = { readonly company: string; readonly sources: readonly MappedSource[] }

/** Where messages come from: a topic that intake reads, or files that only `import` reads. */
export type MappedSource = {
  /** The topic's whole name, or the name that `import --source` calls it by. */
  readonly name: string
  readonly kind: 'topic' | 'file'
  readonly format: Format
  /** The first whose `when` fits a message is what the message becomes; a message that fits none is skipped. */
  readonly records: readonly RecordMapping[]
}

export const formats = ['json', 'avro', 'avro-plain'] as const
/** `avro` is framed by a schema registry; `avro-plain` has bare records of the one schema given. */
export type Format =
  | { readonly kind: 'json' }
  | { readonly kind: 'avro' }
  | { readonly kind: 'avro-plain'; readonly schema: string }

export type RecordMapping = {
  readonly record: RecordName
  readonly when: { readonly field: string; readonly is: readonly string[] } | null
  readonly fields: readonly FieldMapping[]
}

export const volumeUnits = ['bytes', 'KB', 'MB', 'GB'] as const
export const durationUnits = ['milliseconds', 'seconds', 'minutes', 'hours'] as const
export const moneyUnits = ['minor', 'major'] as const
export type Unit =
  | TimeUnit
  | (typeof volumeUnits)[number]
  | (typeof durationUnits)[number]
  | (typeof moneyUnits)[number]

/** One value of the record. */
export type FieldMapping = {
  /** A field of the record; `consent.push` is the entry push of a map. */
  readonly to: string
  readonly kind: TargetKind
  /** Fields of the message, nested ones with dots; several are joined by `/`. Empty for a constant. */
  readonly from: readonly string[]
  readonly constant: unknown
  readonly unit: Unit | null
  /** For texts without an offset. */
  readonly zone: string | null
  /** Of an amount in major units where the record itself has no currency. */
  readonly currency: string | null
  /** What a value is called here. */
  readonly values: Readonly<Record<string, unknown>> | null
  /** For a value that `values` does not have; null refuses such a value, or keeps it where any text will do. */
  readonly otherwise: unknown
}

/** What a message can be asked for beside its own fields. */
export const messageFields = ['$key', '$timestamp'] as const
