import {
  type Customer,
  type CustomerEvent,
  type CustomerFacts,
  codecOf,
  defaults,
  type Rejection,
  schemas,
} from '@offerstream/contracts'
import type { Profile, State } from './state.ts'

/** What of a profile is kept as numbers, and what a state has no use for. */
type Numbers = 'at' | 'customerSince' | 'bindingEndsAt' | 'monthlyChargeMinor'
type Head = 'type' | 'id' | 'customer'
type Words = Omit<Customer, Numbers | Head>

const notWords: readonly string[] = [
  'at',
  'customerSince',
  'bindingEndsAt',
  'monthlyChargeMinor',
  'type',
  'id',
  'customer',
] satisfies readonly (Numbers | Head)[]

const customerFields = (JSON.parse(schemas.customer) as { fields: readonly { name: string }[] }).fields

/** Schema of the words: the customer's own, without what is kept elsewhere. */
export const wordsSchema = JSON.stringify({
  type: 'record',
  name: 'ProfileWords',
  namespace: 'offerstream',
  fields: customerFields.filter(({ name }) => !notWords.includes(name)),
})
const words = codecOf<Words>(wordsSchema)

/** What a decision needs of the profile; a customer nobody described has consented to nothing. */
export function factsOf({ profile, rejections }: State): CustomerFacts {
  if (profile === null) return { ...unknownCustomer, rejections }
  const { customerSince, bindingEndsAt, monthlyChargeMinor } = profile
  const said = words.decode(profile.words)
  return { ...said, customerSince, bindingEndsAt, monthlyChargeMinor, rejections }
}

const unknownCustomer: CustomerFacts = { ...defaults.CustomerFacts, currency: '' }

/** The profile an event brings; `source` is the hash of its id. */
export function profileOf(event: Customer, { item }: CustomerEvent, source: number): Profile {
  const { at, customerSince, bindingEndsAt, monthlyChargeMinor } = event
  const consent = Object.fromEntries(Object.entries(event.consent).sort(([a], [b]) => (a < b ? -1 : 1)))
  const quotaKb = item?.quotaKb ?? null
  const packed = words.encode({ ...event, consent })
  // Memory of its own: it is kept for long, and would hold on to the block it shares with short-lived bytes.
  const own = Buffer.alloc(packed.length)
  packed.copy(own)
  return { at, source, customerSince, bindingEndsAt, monthlyChargeMinor, quotaKb, words: own }
}

/** The later one; equal times are ordered by the hash of the id. */
export const newerProfile = (known: Profile | null, other: Profile): Profile =>
  known === null || other.at > known.at || (other.at === known.at && other.source > known.source) ? other : known

const rejectionsKept = 8

/** The newest few, the newest of each item. */
export function withRejection(known: readonly Rejection[], other: Rejection): readonly Rejection[] {
  const same = known.find(({ item }) => item === other.item)
  if (same !== undefined && same.at >= other.at) return known
  return [...known.filter(rejection => rejection !== same), other]
    .sort((a, b) => b.at - a.at || (a.item < b.item ? -1 : 1))
    .slice(0, rejectionsKept)
}
