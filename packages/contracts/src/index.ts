export { type AvroCodec, assertReads, avroCodec, codecOf } from './avro.ts'
export type * from './generated.ts'
export { schemas } from './generated.ts'
export { deadLettersKeptMs, type RecordOf, type TopicDefinition, type TopicName, topics } from './topics.ts'
