import { type AvroCodec, codecOf } from '@offerstream/contracts'
import type { StateCodec } from '@offerstream/streaming'
import { type Ledger, ledgerStates } from './ledger.ts'
import { firstLedgerSchema } from './ledger-before.ts'

const newest: AvroCodec<Ledger> = codecOf<Ledger>(
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
              { name: 'channel', type: 'string', default: 'push' },
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
              { name: 'item', type: 'string', default: '' },
              { name: 'channel', type: 'string', default: 'push' },
              { name: 'trigger', type: 'string', default: '' },
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
        default: [],
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
        default: [],
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

/**
 * Stands before what this version writes. The first version wrote none and began with the sequence, -1 or more: as a
 * zigzag number that is 1 or even.
 */
const version = 3
const readFirst = newest.reader(firstLedgerSchema)

/** The ledger of a customer as compact Avro; reads what the first version wrote. */
export const ledgerCodec: StateCodec<Ledger> = {
  encode(ledger) {
    const bytes = newest.encode(ledger, 1)
    bytes[0] = version
    return bytes
  },
  decode: bytes => (bytes[0] === version ? newest.decode(bytes, 1) : readFirst(bytes)),
}
