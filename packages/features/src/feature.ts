import type { Customer, ItemStamp } from '@offerstream/contracts'
import type { AggregationName } from './aggregations/index.ts'
import type { SubjectName, Subjects } from './facts.ts'
import type { Window } from './windows.ts'

type NumberField<Record> = {
  [Name in keyof Record]: Record[Name] extends number ? Name : never
}[keyof Record] &
  string

/** Every field named has the value named; `stamp` speaks of what the catalogue said of the item. */
export type Where<Subject extends SubjectName> = Partial<Pick<Subjects[Subject], TextField<Subjects[Subject]>>> & {
  readonly stamp?: Partial<ItemStamp>
}
type TextField<Record> = Exclude<
  { [Name in keyof Record]: Record[Name] extends string | boolean | null ? Name : never }[keyof Record],
  'id' | 'customer'
>

/** Numbers the newest profile holds; `quotaKb` comes from the plan's stamp. */
export type ProfileField = 'monthlyChargeMinor' | 'quotaKb' | (keyof Customer & ('customerSince' | 'bindingEndsAt'))

/** A feature is data; aggregations are code. */
export type Feature =
  | {
      readonly kind: 'kept'
      readonly aggregation: AggregationName
      readonly subject: SubjectName
      /** Null where the aggregation needs no value. */
      readonly field: string | null
      readonly where: Where<SubjectName> | null
      readonly window: Window | null
    }
  | { readonly kind: 'profile'; readonly field: ProfileField; readonly as: 'value' | 'days-since' | 'days-until' }
  | { readonly kind: 'scaled'; readonly of: Feature; readonly by: number; readonly unit: string }
  | { readonly kind: 'ratio'; readonly of: Feature; readonly to: Feature }

export type Features = Readonly<Record<string, Feature>>

/** Of an integer field, in the field's unit. */
export const sum = <Subject extends SubjectName>(
  subject: Subject,
  field: NumberField<Subjects[Subject]>,
  window: Window,
  where: Where<Subject> | null = null,
): Feature => kept('sum', subject, field, where, window)

export const count = <Subject extends SubjectName>(
  subject: Subject,
  window: Window,
  where: Where<Subject> | null = null,
): Feature => kept('count', subject, null, where, window)

/** Days since the last one. */
export const since = <Subject extends SubjectName>(subject: Subject, where: Where<Subject> | null = null): Feature =>
  kept('since', subject, null, where, null)

/** The newest value of a field. */
export const last = <Subject extends SubjectName>(
  subject: Subject,
  field: NumberField<Subjects[Subject]>,
  where: Where<Subject> | null = null,
): Feature => kept('last', subject, field, where, null)

export const profile = (field: ProfileField): Feature => ({ kind: 'profile', field, as: 'value' })
export const daysSince = (field: 'customerSince'): Feature => ({ kind: 'profile', field, as: 'days-since' })
/** Negative once it is past. */
export const daysUntil = (field: 'bindingEndsAt'): Feature => ({ kind: 'profile', field, as: 'days-until' })

/** Divided, to be read in another unit. */
export const inMb = (of: Feature): Feature => ({ kind: 'scaled', of, by: 1_024, unit: 'MB' })
export const inMinutes = (of: Feature): Feature => ({ kind: 'scaled', of, by: 60, unit: 'minutes' })

/** One in relation to another; missing where the other is zero or missing. */
export const ratio = (of: Feature, to: Feature): Feature => ({ kind: 'ratio', of, to })

const kept = (
  aggregation: AggregationName,
  subject: SubjectName,
  field: string | null,
  where: Where<SubjectName> | null,
  window: Window | null,
): Feature => ({ kind: 'kept', aggregation, subject, field, where, window })
