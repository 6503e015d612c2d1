import { type AvroCodec, codecOf } from '@offerstream/contracts'
import type { StateCodec } from '@offerstream/streaming'
import { type Ledger, ledgerStates } from './ledger.ts'
import { firstLedgerSchema } from './ledger-before.ts'

const schemaOf = (inEntry: readonly object[], inLedger: readonly object[]): string =>
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
              ...inEntry,
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
      ...inLedger,
    ],
  })

const hours = {
  name: 'hours',
  default: [],
  type: {
    type: 'array',
    items: {
      type: 'record',
      name: 'HourCount',
      fields: ['hour', 'sent', 'clicked'].map(name => ({ name, type: 'int' })),
    },
  },
}
const newest: AvroCodec<Ledger> = codecOf<Ledger>(
  schemaOf([{ name: 'hour', type: ['null', 'int'], default: null }], [hours]),
)

/** What the second version wrote, which learned no hours. */
export const secondLedgerSchema: string = schemaOf([], [])

/**
 * Stands before what this version writes. The first version wrote none and began with the sequence, -1 or more: as a
 * zigzag number that is 1 or even.
 */
const version = 5
const secondVersion = 3
const readSecond = newest.reader(secondLedgerSchema)
const readFirst = newest.reader(firstLedgerSchema)

/** The ledger of a customer as compact Avro; reads what the versions before wrote. */
export const ledgerCodec: StateCodec<Ledger> = {
  encode(ledger) {
    const bytes = newest.encode(ledger, 1)
    bytes[0] = version
    return bytes
  },
  decode(bytes) {
    if (bytes[0] === version) return newest.decode(bytes, 1)
    return bytes[0] === secondVersion ? readSecond(bytes, 1) : readFirst(bytes)
  },
}
