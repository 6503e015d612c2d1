import type { Customer, CustomerEvent, CustomerFacts, Rejection } from '@offerstream/contracts'
import type { Profile, State } from './state.ts'

/** What a decision needs of the profile; a customer nobody described has consented to nothing. */
export function factsOf({ profile, rejections }: State): CustomerFacts {
  if (profile === null) return { ...unknownCustomer, rejections }
  const { at: _at, source: _source, quotaKb: _quotaKb, ...facts } = profile
  return { ...facts, rejections }
}

const rejectionsKept = 8

const unknownCustomer: Omit<CustomerFacts, 'rejections'> = {
  plan: null,
  customerSince: null,
  bindingEndsAt: null,
  bundle: false,
  monthlyChargeMinor: 0,
  currency: '',
  brand: '',
  ageBand: null,
  zone: 'UTC',
  locale: 'en',
  segment: null,
  consent: {},
  devices: [],
}

/** The profile an event brings; `source` is the hash of its id. */
export function profileOf(event: Customer, { item }: CustomerEvent, source: number): Profile {
  const { type: _type, id: _id, customer: _customer, ...said } = event
  const consent = Object.fromEntries(Object.entries(said.consent).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { ...said, consent, quotaKb: item?.quotaKb ?? null, source }
}

/** The later one; equal times are ordered by the hash of the id. */
export const newerProfile = (known: Profile | null, other: Profile): Profile =>
  known === null || other.at > known.at || (other.at === known.at && other.source > known.source) ? other : known

/** The newest few, the newest of each item. */
export function withRejection(known: readonly Rejection[], other: Rejection): readonly Rejection[] {
  const same = known.find(({ item }) => item === other.item)
  if (same !== undefined && same.at >= other.at) return known
  return [...known.filter(rejection => rejection !== same), other]
    .sort((a, b) => b.at - a.at || (a.item < b.item ? -1 : 1))
    .slice(0, rejectionsKept)
}
