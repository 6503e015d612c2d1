export { type Audit, type AuditSubject, audit } from './audit.ts'
export { type ReplaySummary, replayCommand } from './replay.ts'
export { createSourceWriter, type SourceWriter } from './source-writer.ts'
export { type SurroundingsOptions, surroundingsOf } from './surroundings.ts'
