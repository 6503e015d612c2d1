import type { Customer, ItemStamp } from '@offerstream/contracts'
import type { AggregationName } from './aggregations/index.ts'
import type { SubjectName, Subjects } from './facts.ts'
import type { Window } from './windows.ts'

type Fields<Record, Kind> = {
  [Name in keyof Record]: Record[Name] extends Kind ? Name : never
}[keyof Record] &
  string
type NumberField<Record> = Fields<Record, number>
type TextField<Record> = Exclude<Fields<Record, string | null>, 'id' | 'customer'>
type Category<Record> = Exclude<Fields<Record, string | boolean | null>, 'id' | 'customer'>

/** Every field named has the value named; `stamp` speaks of what the catalogue said of the item. */
export type Where<Subject extends SubjectName> = Partial<Pick<Subjects[Subject], Category<Subjects[Subject]>>> & {
  readonly stamp?: Partial<ItemStamp>
}

/** Numbers the newest profile holds; `quotaKb` comes from the plan's stamp. */
export type ProfileField = 'monthlyChargeMinor' | 'quotaKb' | (keyof Customer & ('customerSince' | 'bindingEndsAt'))

/** The entries something is kept of. */
export type Part = {
  readonly subject: SubjectName
  /** Null counts ones. */
  readonly field: string | null
  readonly where: Where<SubjectName> | null
}

/** A filter's conditions, those on the item's stamp first, with `stamp.` before their names. */
export function conditionsOf({ where }: Part): readonly (readonly [name: string, wanted: unknown])[] {
  const { stamp = {}, ...own } = where ?? {}
  return [...Object.entries(stamp).map(([name, wanted]) => [`stamp.${name}`, wanted] as const), ...Object.entries(own)]
}

/** A feature is data; aggregations are code. */
export type Feature =
  | {
      readonly kind: 'kept'
      readonly aggregation: AggregationName
      /** As many as the aggregation has forms. */
      readonly parts: readonly Part[]
      readonly window: Window | null
    }
  | { readonly kind: 'profile'; readonly field: ProfileField; readonly as: 'value' | 'days-since' | 'days-until' }
  | { readonly kind: 'until'; readonly of: Feature }
  | { readonly kind: 'scaled'; readonly of: Feature; readonly by: number; readonly unit: string }
  | { readonly kind: 'ratio'; readonly of: Feature; readonly to: Feature }

export type Features = Readonly<Record<string, Feature>>

type Kept = Extract<Feature, { kind: 'kept' }>

/** Of an integer field, in its unit. */
type OfField = <Subject extends SubjectName>(
  subject: Subject,
  field: NumberField<Subjects[Subject]>,
  window: Window,
  where?: Where<Subject> | null,
) => Kept
/** Of an integer field, or of how many there were where it is null. */
type OfAmount = <Subject extends SubjectName>(
  subject: Subject,
  field: NumberField<Subjects[Subject]> | null,
  window: Window,
  where?: Where<Subject> | null,
) => Kept
/** Of how many there were. */
type OfTimes = <Subject extends SubjectName>(subject: Subject, window: Window, where?: Where<Subject> | null) => Kept
/** Of when they were, whenever. */
type OfMoments = <Subject extends SubjectName>(subject: Subject, where?: Where<Subject> | null) => Kept

const ofAmount =
  (aggregation: AggregationName): OfAmount =>
  (subject, field, window, where = null) => ({ kind: 'kept', aggregation, parts: [{ subject, field, where }], window })
const ofTimes =
  (aggregation: AggregationName): OfTimes =>
  (subject, window, where = null) =>
    ofAmount(aggregation)(subject, null, window, where)
const ofMoments =
  (aggregation: AggregationName): OfMoments =>
  (subject, where = null) => ({ kind: 'kept', aggregation, parts: [{ subject, field: null, where }], window: null })

export const sum: OfField = ofAmount('sum')
/** The smallest single value. */
export const min: OfField = ofAmount('min')
/** The largest single value. */
export const max: OfField = ofAmount('max')
/** The largest total of one bucket. */
export const peak = ofAmount('peak')
/** Half as much after every fifth of the window. */
export const decayed = ofAmount('decayed')
/** Buckets with something. */
export const active = ofAmount('active')
/** Buckets with nothing. */
export const quiet = ofAmount('quiet')

export const count = ofTimes('count')
/** A day. */
export const rate = ofTimes('rate')

/** Days since the last one. */
export const since = ofMoments('since')
/** Days between the last two. */
export const gap = ofMoments('gap')

/** Per one of them. */
export const mean: OfField = (subject, field, window, where = null) => ({
  kind: 'kept',
  aggregation: 'mean',
  parts: [
    { subject, field, where },
    { subject, field: null, where },
  ],
  window,
})

/** Relative slope over the whole buckets of a window before the one under way. */
export const trend: OfAmount = (subject, field, { resolution, buckets }, where = null) =>
  ofAmount('trend')(subject, field, { resolution, buckets: buckets + 1 }, where)

/** What lies in a category of what there is, as an amount of a field or, where it is null, as how many there were. */
export const share = <Subject extends SubjectName>(
  subject: Subject,
  field: NumberField<Subjects[Subject]> | null,
  window: Window,
  category: Where<Subject>,
  where: Where<Subject> | null = null,
): Feature => ({
  kind: 'kept',
  aggregation: 'share',
  parts: [
    { subject, field, where: { ...where, ...category, stamp: { ...where?.stamp, ...category.stamp } } },
    { subject, field, where },
  ],
  window,
})

/** The newest value of a field. */
export const last = <Subject extends SubjectName>(
  subject: Subject,
  field: NumberField<Subjects[Subject]>,
  where: Where<Subject> | null = null,
): Feature => ({ kind: 'kept', aggregation: 'last', parts: [{ subject, field, where }], window: null })

/** How many different texts there ever were. */
export const distinct = <Subject extends SubjectName>(
  subject: Subject,
  field: TextField<Subjects[Subject]>,
  where: Where<Subject> | null = null,
): Feature => ({ kind: 'kept', aggregation: 'distinct', parts: [{ subject, field, where }], window: null })

/** Purchases of a displayed item, see acceptance.ts. */
export const accepted = (window: Window): Feature => ({
  kind: 'kept',
  aggregation: 'accepted',
  parts: [
    { subject: 'purchase', field: 'item', where: null },
    { subject: 'engagement', field: 'item', where: { kind: 'displayed' } as Where<SubjectName> },
  ],
  window,
})

export const profile = (field: ProfileField): Feature => ({ kind: 'profile', field, as: 'value' })
export const daysSince = (field: 'customerSince'): Feature => ({ kind: 'profile', field, as: 'days-since' })
/** Negative once it is past. */
export const daysUntil = (field: 'bindingEndsAt'): Feature => ({ kind: 'profile', field, as: 'days-until' })
/** Days until a moment; negative once it is past. */
export const until = (of: Feature): Feature => ({ kind: 'until', of })

/** Divided, to be read in another unit. */
export const inMb = (of: Feature): Feature => ({ kind: 'scaled', of, by: 1_024, unit: 'MB' })
export const inMinutes = (of: Feature): Feature => ({ kind: 'scaled', of, by: 60, unit: 'minutes' })
export const perMonth = (of: Feature, months: number): Feature => ({ kind: 'scaled', of, by: months, unit: 'a month' })

/** One in relation to another; missing where the other is zero or missing. */
export const ratio = (of: Feature, to: Feature): Feature => ({ kind: 'ratio', of, to })
