// Whom we may contact and how, folded from `customers` by the dispatcher itself. A revocation stops sends as soon as it
// is folded; before a look at a partition the fold must have reached the end `customers` had at most `maxAgeMs` ago.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Customer, codecOf } from '@offerstream/contracts'
import { done, type Fold, type Log, type StateCodec, type Store, type Topic } from '@offerstream/streaming'

export type Contact = {
  readonly at: number
  readonly consent: Readonly<Record<string, boolean>>
  readonly zone: string
  readonly locale: string
  /** Handles; addresses and keys are with the subscriptions. */
  readonly devices: readonly string[]
}

const states: StateCodec<Contact> = codecOf<Contact>(
  JSON.stringify({
    type: 'record',
    name: 'Contact',
    namespace: 'offerstream.push',
    fields: [
      { name: 'at', type: 'long' },
      { name: 'consent', type: { type: 'map', values: 'boolean' } },
      { name: 'zone', type: 'string' },
      { name: 'locale', type: 'string' },
      { name: 'devices', type: { type: 'array', items: 'string' } },
    ],
  }),
)

const foldName = 'push-contacts'

const nobody: Contact = { at: 0, consent: {}, zone: 'UTC', locale: 'en', devices: [] }

/** The newest profile of each customer, as far as a push needs it; one that was taken away allows nothing. */
export const contactsFold = (customers: Topic<Customer>): Fold<Contact, Customer | null> => ({
  name: foldName,
  input: customers as Topic<Customer | null>,
  outputs: [],
  states,
  empty: nobody,
  nullMeans: null,
  step: (_state, { value }) =>
    done(
      value === null
        ? nobody
        : { at: value.at, consent: value.consent, zone: value.zone, locale: value.locale, devices: value.devices },
    ),
})

export type Contacts = {
  /** Of customers of one partition, as they stand now. Waits for the fold; ends with the signal. */
  of(partition: number, customers: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Contact>>
}

const maxAgeMs = 250
const pauseMs = 5

/** Reads beside the fold. `customers` and the offers share partition count and partitioner, so one follows from the other. */
export function createContacts(log: Log, store: Store, customers: Topic<Customer>): Contacts {
  let ends: { at: number; bounds: Promise<readonly { next: number }[]> } | null = null
  const watermarks = new Map<number, number>()

  const endOf = async (partition: number): Promise<number> => {
    if (ends === null || performance.now() - ends.at > maxAgeMs)
      ends = { at: performance.now(), bounds: log.bounds(customers.path) }
    const asked = ends
    const bounds = await asked.bounds.catch(error => {
      if (ends === asked) ends = null
      throw error
    })
    return bounds[partition]!.next
  }
  return {
    async of(partition, keys, signal) {
      const end = await endOf(partition)
      while ((watermarks.get(partition) ?? -1) < end - 1) {
        const progress = await store.peekProgress(foldName, partition)
        watermarks.set(partition, progress?.watermark ?? -1)
        if ((progress?.watermark ?? -1) < end - 1) await sleep(pauseMs, undefined, { signal })
      }
      const found = await store.peek(foldName, partition, keys)
      const contacts = new Map<string, Contact>()
      for (const [index, key] of keys.entries()) {
        const bytes = found[index]
        if (bytes != null) contacts.set(key, states.decode(bytes))
      }
      return contacts
    },
  }
}
