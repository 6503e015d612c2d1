export { createIntake, type IntakeSurroundings, journalled } from './handler.ts'
export { foreignCodec, type IntakeSource, mappedName, mappedSource, type Unmapped } from './mapped-source.ts'
export { type IntakeOptions, startIntake } from './service.ts'
export { refusal, type SourceEvent } from './validate.ts'
