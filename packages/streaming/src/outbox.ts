import { codecOf } from '@offerstream/contracts'
import type { Log, Outgoing } from './ports.ts'

/** Records for one partition, in the order they are to be appended. */
export type OutboxEntry = { readonly path: string; readonly partition: number; readonly records: readonly Outgoing[] }

const codec = codecOf<{ entries: readonly OutboxEntry[] }>(
  JSON.stringify({
    type: 'record',
    name: 'Outbox',
    fields: [
      {
        name: 'entries',
        type: {
          type: 'array',
          items: {
            type: 'record',
            name: 'Entry',
            fields: [
              { name: 'path', type: 'string' },
              { name: 'partition', type: 'int' },
              {
                name: 'records',
                type: {
                  type: 'array',
                  items: {
                    type: 'record',
                    name: 'Outgoing',
                    fields: [
                      { name: 'key', type: ['null', 'string'] },
                      { name: 'value', type: ['null', 'bytes'] },
                      { name: 'cause', type: ['null', 'string'], default: null },
                      { name: 'headers', type: { type: 'map', values: 'string' }, default: {} },
                    ],
                  },
                },
              },
            ],
          },
        },
      },
    ],
  }),
)

/** The bytes a save keeps until its records are published. Time stamps are given when they are. */
export const packOutbox = (entries: readonly OutboxEntry[]): Buffer => codec.encode({ entries })

export const unpackOutbox = (bytes: Buffer): readonly OutboxEntry[] => codec.decode(bytes).entries

/** Appends entry after entry: what stands first is readable first. */
export async function publish(log: Log, entries: readonly OutboxEntry[]): Promise<void> {
  for (const entry of entries) await log.append(entry.path, entry.partition, entry.records)
}
