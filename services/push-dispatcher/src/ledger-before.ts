// The ledger's schema as the first version wrote it, which kept no channel of a contact.
import { ledgerStates } from './ledger.ts'

export const firstLedgerSchema: string = JSON.stringify({
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
  ],
})
