// Where a ranking reads the customers from: the store of the line, or a snapshot on disk. Only read.
import { updaterName } from '@offerstream/feature-updater'
import { scorerName } from '@offerstream/offer-scorer'
import { Refused, type Store } from '@offerstream/streaming'
import { readSnapshot } from '../snapshot.ts'

export type BaseStates = {
  /** `store`, or the moment of the snapshot. */
  readonly from: string
  readonly partitions: number
  /** How many customers a partition has. */
  size(partition: number): Promise<number>
  /** Customers of a partition, each once, in the order of their names. */
  customers(partition: number): Promise<readonly string[]>
  /** What the updater knows of each, and what the scorer offered them; null where there is nothing. */
  read(partition: number, customers: readonly string[]): Promise<BasePage>
}

export type BasePage = {
  readonly states: readonly (Buffer | null)[]
  readonly histories: readonly (Buffer | null)[]
}

/** States as they are when they are read. Throws `Refused` where versions other than this one keep them. */
export async function statesInStore(store: Store, partitions: number): Promise<BaseStates> {
  const own = { 'feature-updater': updaterName, 'offer-scorer': scorerName }
  for (let partition = 0; partition < partitions; partition++)
    for (const [role, name] of Object.entries(own)) {
      const serving = (await store.incumbent(role, partition))?.fold ?? name
      if (serving !== name)
        throw new Refused(
          `${serving} serves partition ${partition} as ${role}, this version is ${name}: rank with the version that runs`,
        )
    }
  return {
    from: 'store',
    partitions,
    size: partition => store.size(updaterName, partition),
    async customers(partition) {
      const found: string[] = []
      for await (const keys of store.keys(updaterName, partition)) for (const key of keys) found.push(key)
      return inOrder(found)
    },
    async read(partition, customers) {
      const [states, histories] = await Promise.all([
        store.peek(updaterName, partition, customers),
        store.peek(scorerName, partition, customers),
      ])
      return { states, histories }
    },
  }
}

/** The newest snapshot of the updater's states below a folder, with the scorer's where there is one. A partition at a time is in memory. */
export async function statesInSnapshot(dir: string): Promise<BaseStates> {
  const updater = await readSnapshot(dir, 'feature-updater')
  if (updater === null)
    throw new Refused(
      `${dir} holds no whole snapshot of ${updaterName}: \`offerstream snapshot --out ${dir}\` takes one`,
    )
  const scorer = await readSnapshot(dir, 'offer-scorer')
  if (scorer !== null && scorer.sizes.length !== updater.sizes.length)
    throw new Refused(
      `${scorer.dir} has ${scorer.sizes.length} partitions, ${updater.dir} has ${updater.sizes.length}: take both at once`,
    )
  type Held = { readonly states: ReadonlyMap<string, Buffer>; readonly histories: ReadonlyMap<string, Buffer> }
  // The one being read, and the one whose last file is still under way.
  const held = new Map<number, Promise<Held>>()
  const open = (partition: number): Promise<Held> => {
    let opened = held.get(partition)
    if (opened === undefined) {
      if (held.size > 1) held.delete(held.keys().next().value!)
      opened = Promise.all([updater.states(partition), scorer?.states(partition) ?? new Map<string, Buffer>()]).then(
        ([states, histories]) => ({ states, histories }),
      )
      held.set(partition, opened)
    }
    return opened
  }
  return {
    from: updater.at,
    partitions: updater.sizes.length,
    size: async partition => updater.sizes[partition]!,
    customers: async partition => inOrder([...(await open(partition)).states.keys()]),
    async read(partition, customers) {
      const { states, histories } = await open(partition)
      return {
        states: customers.map(customer => states.get(customer) ?? null),
        histories: customers.map(customer => histories.get(customer) ?? null),
      }
    },
  }
}

/** By UTF-16 units; sorted numbers of equal keys stand side by side, so a repeat is dropped in one pass. */
function inOrder(customers: string[]): readonly string[] {
  customers.sort()
  return customers.filter((customer, at) => at === 0 || customer !== customers[at - 1])
}
