import { avroCodec, type CustomerFacts, defaults, type Predicate, type Rule } from '@offerstream/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Asking, checkRecord, compileForAnybody, compileRule } from '../src/index.ts'
import { plan, playbookOf, samples } from './records.ts'

const features = ['data_mb_30d', 'purchases_90d']
const blank: Predicate = { ...defaults.Predicate, operator: 'all' }
const compared = (
  subject: Predicate['subject'],
  field: string,
  operator: Predicate['operator'],
  value: Partial<Predicate> = {},
): Predicate => ({ ...blank, subject, field, operator, ...value })
const group = (operator: 'all' | 'any' | 'none', ...of: readonly Predicate[]): Predicate => ({ ...blank, operator, of })

const facts: CustomerFacts = {
  ...defaults.CustomerFacts,
  bundle: true,
  monthlyChargeMinor: 2000,
  currency: 'EUR',
  brand: 'north',
  segment: 'student',
}
const asking = (change: Partial<Asking> = {}): Asking => ({
  facts,
  vector: [100, Number.NaN],
  trigger: { kind: 'app-opened', event: 'e1', at: 0 },
  local: { hour: 22, weekday: 6 },
  scores: null,
  ...change,
})
const rule = (...when: readonly Predicate[]) => ({ ...samples.rule, when }) as typeof samples.rule & { type: 'rule' }
const refuses = (each: Rule, asked: Asking): boolean => {
  const { concerns, holdsFor } = compileRule(each, features)
  return concerns(asked) && holdsFor(plan, asked)
}
const holds = (...when: readonly Predicate[]) => refuses(rule(...when), asking())

describe('a rule', () => {
  it.each<[string, boolean, Predicate]>([
    ['a list that has the value', true, compared('item', 'category', 'in', { texts: ['travel', 'standard'] })],
    ['a list that has it not', false, compared('item', 'category', 'not_in', { texts: ['travel', 'standard'] })],
    ['numbers in a list', true, compared('time', 'weekday', 'in', { numbers: [6, 7] })],
    ['the time where the customer is', true, compared('time', 'hour', 'ge', { number: 21 })],
    ['what set it off', true, compared('trigger', 'kind', 'eq', { text: 'app-opened' })],
    ['a value that is missing', true, compared('customer', 'plan', 'missing')],
    ['a value that is there', false, compared('customer', 'segment', 'missing')],
    ['a missing feature in no list', false, compared('feature', 'purchases_90d', 'not_in', { numbers: [1] })],
  ])('understands %s', (_what, expected, predicate) => expect(holds(predicate)).toBe(expected))

  const yes = compared('feature', 'data_mb_30d', 'gt', { number: 50 })
  const no = compared('feature', 'data_mb_30d', 'gt', { number: 500 })
  const unknown = compared('feature', 'purchases_90d', 'gt', { number: 1 })
  it('understands and, or and not', () => {
    expect([holds(group('all', yes, no)), holds(group('any', no, yes)), holds(group('none', no))]).toEqual([
      false,
      true,
      true,
    ])
    expect([holds(group('none', yes, no)), holds(group('none', group('all', yes, no)))]).toEqual([false, true])
  })
  it('does not refuse for what nobody knows, whichever way it asks', () =>
    expect([holds(unknown), holds(group('none', unknown)), holds(group('none', group('none', unknown)))]).toEqual([
      false,
      false,
      false,
    ]))
  it('survives its record, however deep', () => {
    const codec = avroCodec('playbook')
    const record = { at: 0, body: rule(group('any', group('none', yes, group('all', no, unknown)), yes)) }
    expect(JSON.parse(JSON.stringify(codec.decode(codec.encode(record))))).toEqual(record)
  })
})

describe('any rule', () => {
  const leaf: fc.Arbitrary<Predicate> = fc.oneof(
    fc
      .record({
        field: fc.constantFrom(...features),
        operator: fc.constantFrom('lt', 'le', 'eq', 'ne', 'ge', 'gt', 'missing', 'in', 'not_in'),
        number: fc.integer({ min: 0, max: 3 }),
      })
      .map(({ field, operator, number }) => valued('feature', field, operator, number)),
    fc
      .record({
        field: fc.constantFrom('category', 'name'),
        operator: fc.constantFrom('eq', 'ne', 'in', 'not_in'),
        text: fc.constantFrom('standard', 'plan-m'),
      })
      .map(({ field, operator, text }) => valued('item', field, operator, text)),
    fc
      .record({
        field: fc.constantFrom('segment', 'ageBand'),
        operator: fc.constantFrom('eq', 'ne', 'missing'),
        text: fc.constantFrom('student', 'x'),
      })
      .map(({ field, operator, text }) => valued('customer', field, operator, text)),
    fc.nat(23).map(hour => valued('time', 'hour', 'lt', hour)),
    fc.constantFrom('lt', 'ge', 'missing').map(operator => valued('score', 'upsell', operator, 0.5)),
  )
  const { predicate: predicates } = fc.letrec<{ predicate: Predicate }>(tie => ({
    predicate: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      leaf,
      fc
        .tuple(fc.constantFrom('all', 'any', 'none'), fc.array(tie('predicate'), { minLength: 1, maxLength: 3 }))
        .map(([operator, of]) => group(operator, ...of)),
    ),
  }))
  const value = fc.oneof(fc.constant(Number.NaN), fc.integer({ min: 0, max: 3 }))
  const situations = fc.record({
    vector: fc.tuple(value, value),
    local: fc.record({ hour: fc.nat(23), weekday: fc.integer({ min: 1, max: 7 }) }),
    segment: fc.constantFrom('student', 'x', null),
    scores: fc.constantFrom(null, new Map(), new Map([['upsell', 0.4]]), new Map([['upsell', 0.6]])),
  })

  it('holds where three-valued logic says true, and only there', () =>
    fc.assert(
      fc.property(fc.array(predicates, { minLength: 1, maxLength: 3 }), situations, (when, { segment, ...rest }) => {
        const asked = asking({ ...rest, facts: { ...facts, segment } })
        const expected = when.every(predicate => kleene(predicate, asked) === true)
        expect(refuses(rule(...when), asked)).toBe(expected)
      }),
      { numRuns: 2000 },
    ))
  it('that holds for anybody holds for everybody', () => {
    let held = 0
    fc.assert(
      fc.property(fc.array(predicates, { minLength: 1, maxLength: 2 }), situations, (when, { segment, ...rest }) => {
        fc.pre(compileForAnybody(rule(...when))(plan, rest.local))
        held++
        expect(refuses(rule(...when), asking({ ...rest, facts: { ...facts, segment } }))).toBe(true)
      }),
      { numRuns: 300 },
    )
    expect(held).toBeGreaterThanOrEqual(300)
  })
})

function valued(
  subject: Predicate['subject'],
  field: string,
  operator: Predicate['operator'],
  value: number | string,
): Predicate {
  if (operator === 'missing') return compared(subject, field, operator)
  if (operator === 'in' || operator === 'not_in')
    return compared(subject, field, operator, typeof value === 'number' ? { numbers: [value, 7] } : { texts: [value] })
  return compared(subject, field, operator, typeof value === 'number' ? { number: value } : { text: value })
}

/** The obvious evaluation: true, false, or null for unknown (Kleene). */
function kleene(
  { subject, field, operator, number, text, numbers, texts, of }: Predicate,
  asked: Asking,
): boolean | null {
  if (subject === 'group') {
    const members = of.map(member => kleene(member, asked))
    const all = members.includes(false) ? false : members.includes(null) ? null : true
    const any = members.includes(true) ? true : members.includes(null) ? null : false
    return operator === 'all' ? all : operator === 'any' ? any : any === null ? null : !any
  }
  const from = { item: plan, customer: asked.facts, time: asked.local, trigger: asked.trigger }
  const found =
    subject === 'feature'
      ? asked.vector[features.indexOf(field)]
      : subject === 'score'
        ? (asked.scores?.get(field) ?? null)
        : from[subject][field as never]
  const value = found as number | string | null
  const missing = value === null || Number.isNaN(value)
  if (operator === 'missing') return missing
  if (missing) return null
  const wanted = (number ?? text)!
  const listed = [...numbers, ...texts].includes(value)
  return {
    lt: value < wanted,
    le: value <= wanted,
    eq: value === wanted,
    ne: value !== wanted,
    ge: value >= wanted,
    gt: value > wanted,
    in: listed,
    not_in: !listed,
    all: false,
    any: false,
    none: false,
  }[operator]
}

it.each<[string, Predicate, string]>([
  [
    'an unknown subject',
    { ...blank, field: 'hour', operator: 'lt', number: 9 },
    'subject is missing for hour, wanted item, customer, trigger, time, score or feature',
  ],
  ['an unknown time', compared('time', 'hours', 'lt', { number: 9 }), 'unknown time hours, nearest is hour'],
  ['an hour nobody has', compared('time', 'hour', 'ge', { number: 24 }), 'hour is compared with 24, wanted 0 to 23'],
  ['a kind nothing is of', compared('item', 'kind', 'eq', { text: 'plann' }), 'kind is never plann, nearest is plan'],
  [
    'an unknown item in a list',
    compared('item', 'name', 'in', { texts: ['plan-m', 'plan-x'] }),
    'item plan-x is unknown, nearest is plan-m',
  ],
  ['an empty list', compared('item', 'name', 'in'), 'name with in wants texts, at least one, and nothing else'],
  [
    'numbers for a text',
    compared('item', 'name', 'in', { numbers: [1] }),
    'name with in wants texts, at least one, and nothing else',
  ],
  [
    'a list for a comparison',
    compared('time', 'hour', 'lt', { numbers: [1] }),
    'hour is compared with a number, and only with one',
  ],
  [
    'a text that is greater',
    compared('customer', 'segment', 'gt', { text: 'a' }),
    'segment is a text: eq, ne, in, not_in or missing, not gt',
  ],
  ['what is never missing', compared('item', 'priceMinor', 'missing'), 'priceMinor is never missing'],
  [
    'a value for missing',
    compared('customer', 'plan', 'missing', { text: 'x' }),
    'plan is asked for missing: no value, please',
  ],
  [
    'an infinite number',
    compared('feature', 'data_mb_30d', 'gt', { number: Infinity }),
    'data_mb_30d is compared with Infinity, wanted a number',
  ],
  ['an empty group', group('any'), 'any has no members: of is empty'],
  ['a group that compares', { ...group('any', blank), number: 3 }, 'any is a group: it has members and nothing else'],
  [
    'a comparison with members',
    compared('time', 'hour', 'lt', { number: 3, of: [compared('time', 'hour', 'lt', { number: 3 })] }),
    'hour is compared: of is for groups',
  ],
  ['a group of a subject', compared('item', 'name', 'any'), 'any is for groups: subject is item, wanted group'],
])('%s is refused with a message that says what is wanted', (_what, predicate, problem) => {
  const problems = checkRecord({ at: 0, body: rule(group('all', predicate)) }, features, playbookOf(plan))
  expect(problems[0]).toBe(`rule no-travel-for-students: when: ${problem}`)
})

it('a rule has a depth and a size', () => {
  const leaf = compared('time', 'hour', 'lt', { number: 3 })
  const deep = (depth: number): Predicate => (depth === 1 ? leaf : group('all', deep(depth - 1)))
  const problems = (...when: readonly Predicate[]) => checkRecord({ at: 0, body: rule(...when) }, features)
  expect(problems(deep(8))).toEqual([])
  expect(problems(deep(9)).join()).toContain('groups are nested deeper than 8')
  expect(problems(...Array.from({ length: 100 }, () => leaf))).toEqual([])
  expect(problems(...Array.from({ length: 101 }, () => leaf)).join()).toContain('it has more than 100 predicates')
})
