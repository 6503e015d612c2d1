import { codecOf } from '@offerstream/contracts'
import type { StateCodec } from '@offerstream/streaming'
import { type Ledger, ledgerStates } from './ledger.ts'

/** The ledger of a customer as compact Avro. */
export const ledgerCodec: StateCodec<Ledger> = codecOf<Ledger>(
  JSON.stringify({
    type: 'record',
    name: 'Ledger',
    namespace: 'offerstream.push',
    fields: [
      { name: 'sequence', type: 'long' },
      {
        name: 'contacts',
        type: {
          type: 'array',
          items: {
            type: 'record',
            name: 'Contacted',
            fields: [
              { name: 'at', type: 'long' },
              { name: 'item', type: 'string' },
              { name: 'category', type: 'string' },
            ],
          },
        },
      },
      {
        name: 'entries',
        type: {
          type: 'array',
          items: {
            type: 'record',
            name: 'Entry',
            fields: [
              { name: 'id', type: 'string' },
              { name: 'sequence', type: 'long' },
              { name: 'item', type: 'string' },
              { name: 'channel', type: 'string' },
              { name: 'trigger', type: 'string' },
              { name: 'state', type: { type: 'enum', name: 'State', symbols: ledgerStates } },
              { name: 'reason', type: ['null', 'string'] },
              { name: 'at', type: 'long' },
              { name: 'until', type: ['null', 'long'] },
              { name: 'device', type: ['null', 'string'] },
              { name: 'offer', type: ['null', 'bytes'] },
            ],
          },
        },
      },
      {
        name: 'bought',
        type: {
          type: 'array',
          items: {
            type: 'record',
            name: 'Bought',
            fields: [
              { name: 'item', type: 'string' },
              { name: 'at', type: 'long' },
              { name: 'until', type: 'long' },
            ],
          },
        },
      },
      {
        name: 'unsubscribed',
        type: {
          type: 'array',
          items: {
            type: 'record',
            name: 'Unsubscribed',
            fields: [
              { name: 'channel', type: 'string' },
              { name: 'at', type: 'long' },
            ],
          },
        },
      },
    ],
  }),
)
