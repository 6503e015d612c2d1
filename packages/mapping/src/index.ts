export { contractSource } from './contract-source.ts'
export { currencyCodes, minorDigits } from './currencies.ts'
export { type Draft, draftMapping } from './draft.ts'
export { parseJson } from './json.ts'
export {
  createMapper,
  fieldNames,
  type Mapped,
  type MappedEvent,
  type Mapper,
  type Message,
  valueAt,
} from './mapper.ts'
export type { FieldMapping, Format, MappedSource, Mapping, RecordMapping } from './mapping.ts'
export { BadMapping, meant, readMapping, shown } from './read-mapping.ts'
export { type RecordName, recordNames, targets } from './targets.ts'
