// Rows that have the contract's own field names, as a mapping like any other.
import type { FieldMapping, MappedSource, RecordMapping, Unit } from './mapping.ts'
import type { TimeUnit } from './moments.ts'
import { type RecordName, type TargetKind, targets } from './targets.ts'

const units: Readonly<Partial<Record<TargetKind, Unit>>> = { money: 'minor', volume: 'KB', duration: 'seconds' }

/** Fields under their own names, in the contract's units; of several records the one that `type` names. */
export function contractSource(
  name: string,
  records: readonly RecordName[],
  given: {
    readonly time: TimeUnit
    /** What rows have, null where each may have its own; only fields that have a default may be left out. */
    readonly columns: readonly string[] | null
  },
): MappedSource {
  return {
    name,
    kind: 'file',
    format: { kind: 'json' },
    records: records.map(record => own(record, records.length > 1, given)),
  }
}

function own(
  record: RecordName,
  oneOfSeveral: boolean,
  { time, columns }: { readonly time: TimeUnit; readonly columns: readonly string[] | null },
): RecordMapping {
  const fields = [...targets[record].values()]
    .filter(({ name, kind, required }) => kind !== 'flags' && (required || columns === null || columns.includes(name)))
    .map(
      ({ name, kind }): FieldMapping => ({
        to: name,
        kind,
        from: [name],
        constant: undefined,
        unit: kind === 'moment' ? time : (units[kind] ?? null),
        zone: kind === 'moment' && time === 'iso' ? 'UTC' : null,
        currency: null,
        values: null,
        otherwise: null,
      }),
    )
  return { record, when: oneOfSeveral ? { field: 'type', is: [record.replaceAll('-', '_')] } : null, fields }
}
