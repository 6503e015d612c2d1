import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DOUBLE,
  DuckDBTimestampMillisecondsValue,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  TIMESTAMP_MS,
  VARCHAR,
} from '@duckdb/node-api'
import type { RecordOf } from '@offerstream/contracts'
import type { Message } from '@offerstream/streaming'
import type { ExportedTopic } from './manifest.ts'

type Column<T> = {
  readonly name: string
  readonly type: DuckDBType
  of(value: T, message: Message, record: Buffer): DuckDBValue
}

/** Where a record stood, and all of it: enough to build the log again, byte for byte. */
const place: readonly Column<unknown>[] = [
  { name: 'partition', type: INTEGER, of: (_value, message) => message.partition },
  { name: 'offset', type: BIGINT, of: (_value, message) => BigInt(message.offset) },
  { name: 'logged_at', type: TIMESTAMP_MS, of: (_value, message) => moment(message.timestamp) },
  { name: 'key', type: VARCHAR, of: (_value, message) => message.key },
  { name: 'cause', type: VARCHAR, of: (_value, message) => message.cause },
  // The Avro record without the registry's framing, by the schema in the manifest.
  { name: 'record', type: BLOB, of: (_value, _message, record) => record as unknown as DuckDBValue },
]

const moment = (at: number | null): DuckDBValue =>
  at === null ? null : new DuckDBTimestampMillisecondsValue(BigInt(at))

type Columns = { readonly [Name in ExportedTopic]: readonly Column<RecordOf<Name>>[] }

/** The columns of each topic's files, besides those of its place: what one wants to group and filter by. */
const useful: Columns = {
  playbook: [
    { name: 'at', type: TIMESTAMP_MS, of: ({ at }) => moment(at) },
    { name: 'type', type: VARCHAR, of: ({ body }) => body.type },
    { name: 'name', type: VARCHAR, of: ({ body }) => body.name },
  ],
  'customer-events': [
    { name: 'id', type: VARCHAR, of: ({ event }) => ('id' in event ? event.id : null) },
    { name: 'customer', type: VARCHAR, of: ({ event }) => ('customer' in event ? event.customer : null) },
    { name: 'at', type: TIMESTAMP_MS, of: ({ event }) => moment(event.at) },
    { name: 'journalled_at', type: TIMESTAMP_MS, of: ({ journalledAt }) => moment(journalledAt) },
    { name: 'type', type: VARCHAR, of: ({ event }) => event.type },
    { name: 'kind', type: VARCHAR, of: ({ event }) => ('kind' in event ? event.kind : null) },
    { name: 'item', type: VARCHAR, of: ({ event }) => ('item' in event ? event.item : null) },
    { name: 'offer', type: VARCHAR, of: ({ event }) => ('offer' in event ? event.offer : null) },
    { name: 'price_minor', type: BIGINT, of: ({ event }) => ('priceMinor' in event ? BigInt(event.priceMinor) : null) },
  ],
  decisions: [
    { name: 'id', type: VARCHAR, of: ({ id }) => id },
    { name: 'customer', type: VARCHAR, of: ({ customer }) => customer },
    { name: 'at', type: TIMESTAMP_MS, of: ({ at }) => moment(at) },
    { name: 'trigger', type: VARCHAR, of: ({ update }) => update.trigger.kind },
    { name: 'playbook_version', type: BIGINT, of: ({ playbookVersion }) => BigInt(playbookVersion) },
    { name: 'chosen', type: VARCHAR, of: ({ chosen }) => chosen },
    { name: 'reason', type: VARCHAR, of: ({ reason }) => reason },
    { name: 'propensity', type: DOUBLE, of: ({ propensity }) => propensity },
    { name: 'explored', type: BOOLEAN, of: ({ explored }) => explored },
  ],
}

/** Every column of a topic's files, in order. */
export const columnsOf = <Name extends ExportedTopic>(name: Name): readonly Column<RecordOf<Name>>[] => [
  ...place,
  ...(useful[name] as readonly Column<RecordOf<Name>>[]),
]

/** The moment that decides in which day's folder a record lies. */
export const dayMoment: { readonly [Name in ExportedTopic]: (value: RecordOf<Name>) => number } = {
  playbook: ({ at }) => at,
  'customer-events': ({ journalledAt }) => journalledAt,
  decisions: ({ at }) => at,
}
