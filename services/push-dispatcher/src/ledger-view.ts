// The ledger for whoever looks at it without owning it.
import { partitionOf, type Store } from '@offerstream/streaming'
import { type Ledger, type LedgerState, ledgerStates } from './ledger.ts'
import { ledgerCodec } from './ledger-codec.ts'
import { serviceName } from './setup.ts'

/** Ledger entries by the state they are in, over all partitions; they add up to the offers ever applied. */
export type LedgerCounts = { readonly [State in LedgerState]: number } & { readonly total: number }

/** What the dispatcher keeps of the customer, null where that is nothing. */
export async function readLedger(
  store: Pick<Store, 'peek'>,
  partitions: number,
  customer: string,
): Promise<Ledger | null> {
  const [bytes] = await store.peek(serviceName, partitionOf(customer, partitions), [customer])
  return bytes == null ? null : ledgerCodec.decode(bytes)
}

export async function countLedger(store: Pick<Store, 'peekProgress'>, partitions: number): Promise<LedgerCounts> {
  const totals = Object.fromEntries(ledgerStates.map(state => [state, 0])) as Record<LedgerState, number>
  for (let partition = 0; partition < partitions; partition++) {
    const progress = await store.peekProgress(serviceName, partition)
    for (const state of ledgerStates) totals[state] += progress?.counts.get(`ledger/${state}`) ?? 0
  }
  return { ...totals, total: Object.values(totals).reduce((sum, count) => sum + count, 0) }
}
