export { createIntake, type IntakeSurroundings } from './handler.ts'
export { type IntakeOptions, startIntake } from './service.ts'
export { refusal, type SourceEvent } from './validate.ts'
