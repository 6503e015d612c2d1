import { acceptanceDays } from './acceptance.ts'
import type { Aggregation } from './aggregations/aggregation.ts'
import { aggregations } from './aggregations/index.ts'
import { type Fact, fieldOf, type SubjectName } from './facts.ts'
import { conditionsOf, type Feature, type Features, type Part, type ProfileField } from './feature.ts'
import type { Form } from './forms/form.ts'
import { forms } from './forms/index.ts'
import { textHash } from './hash.ts'
import { resolutions } from './windows.ts'

/** Cells that are kept once for every feature that reads them: same form, field, filter and resolution. */
type Series = {
  readonly form: Form
  /** Index among `resolutions`. */
  readonly resolution: number
  /** Buckets kept, as the widest window over it wants. */
  readonly span: number
  /** The number a fact brings, NaN where it concerns the series not; the series' own subject and first condition are given. */
  measure(fact: Fact): number
}

/** How one feature is read, with its series resolved. */
export type Reader =
  | {
      readonly kind: 'series'
      readonly aggregation: Aggregation
      readonly indices: readonly number[]
      readonly resolution: number
      readonly buckets: number
    }
  | { readonly kind: 'profile'; readonly field: ProfileField; readonly as: 'value' | 'days-since' | 'days-until' }
  | { readonly kind: 'ratio'; readonly of: Reader; readonly to: Reader }
  | { readonly kind: 'scaled'; readonly of: Reader; readonly by: number }
  | { readonly kind: 'until'; readonly of: Reader }

/** The series that facts of a subject concern, found by the value of a field where they have a condition. */
type Concerned = {
  readonly always: readonly number[]
  readonly byField: readonly {
    readonly valueIn: (fact: Fact) => unknown
    readonly indices: ReadonlyMap<unknown, readonly number[]>
  }[]
}

/** What a list of features needs kept. Everything follows from the list. */
export type Layout = {
  readonly names: readonly string[]
  readonly series: readonly Series[]
  readonly readers: readonly Reader[]
  readonly concerned: Readonly<Record<SubjectName, Concerned>>
  /** Says what the list means, and what is kept of it. */
  readonly meaning: string
  readonly keeping: string
}

type Found = { readonly part: Part; readonly form: keyof typeof forms; readonly resolution: number; span: number }

export function layoutOf(features: Features): Layout {
  const found = new Map<string, Found & { readonly index: number }>()

  const indexOf = (part: Part, form: keyof typeof forms, feature: Extract<Feature, { kind: 'kept' }>): number => {
    const { bucketed } = forms[form]
    const { resolution = 'day', buckets = 1 } = (bucketed ? feature.window : null) ?? {}
    const key = JSON.stringify([form, part.subject, part.field, conditionsOf(part), bucketed ? resolution : 'ever'])
    const known = found.get(key)
    if (known !== undefined) {
      known.span = Math.max(known.span, buckets)
      return known.index
    }
    found.set(key, {
      part,
      form,
      resolution: resolutions.indexOf(resolution),
      span: buckets,
      index: found.size,
    })
    return found.size - 1
  }

  const readerOf = (feature: Feature): Reader => {
    switch (feature.kind) {
      case 'kept': {
        const aggregation: Aggregation = aggregations[feature.aggregation]
        return {
          kind: 'series',
          aggregation,
          indices: feature.parts.map((part, i) => indexOf(part, aggregation.forms[i]!, feature)),
          resolution: resolutions.indexOf(feature.window?.resolution ?? 'day'),
          buckets: feature.window?.buckets ?? 1,
        }
      }
      case 'profile':
        return { kind: 'profile', field: feature.field, as: feature.as }
      case 'ratio':
        return { kind: 'ratio', of: readerOf(feature.of), to: readerOf(feature.to) }
      case 'scaled':
        return { kind: 'scaled', of: readerOf(feature.of), by: feature.by }
      case 'until':
        return { kind: 'until', of: readerOf(feature.of) }
    }
  }

  const readers = Object.values(features).map(readerOf)
  const all = [...found.values()]
  return {
    names: Object.keys(features),
    series: all.map(({ part, form, resolution, span }) => ({
      form: forms[form],
      resolution,
      span,
      measure: measureOf(part),
    })),
    readers,
    concerned: {
      usage: concernedBy('usage', all),
      purchase: concernedBy('purchase', all),
      engagement: concernedBy('engagement', all),
    },
    meaning: JSON.stringify([features, acceptanceDays]),
    keeping: JSON.stringify([...found].map(([key, { span }]) => [key, span])),
  }
}

function concernedBy(subject: SubjectName, all: readonly { readonly part: Part }[]): Concerned {
  const always: number[] = []
  const byField = new Map<string, Map<unknown, number[]>>()
  for (const [index, { part }] of all.entries()) {
    if (part.subject !== subject) continue
    const [first] = conditionsOf(part)
    if (first === undefined) {
      always.push(index)
      continue
    }
    const [name, wanted] = first
    const indices = byField.get(name) ?? new Map<unknown, number[]>()
    byField.set(name, indices)
    indices.set(wanted, [...(indices.get(wanted) ?? []), index])
  }
  return { always, byField: [...byField].map(([name, indices]) => ({ valueIn: fieldOf(name), indices })) }
}

function measureOf(part: Part): (fact: Fact) => number {
  const { field } = part
  const amount = field === null ? () => 1 : numberIn(field)
  const tests = conditionsOf(part)
    .slice(1)
    .map(([name, wanted]) => ({ valueIn: fieldOf(name), wanted }))
  if (tests.length === 0) return amount
  return fact => {
    for (const { valueIn, wanted } of tests) if (valueIn(fact) !== wanted) return Number.NaN
    return amount(fact)
  }
}

function numberIn(field: string): (fact: Fact) => number {
  const valueIn = fieldOf(field)
  return fact => {
    const value = valueIn(fact)
    return typeof value === 'number' ? value : typeof value === 'string' ? textHash(value) : Number.NaN
  }
}
