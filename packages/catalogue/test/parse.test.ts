import { avroCodec, type PlaybookRecord } from '@offerstream/contracts'
import { describe, expect, it } from 'vitest'
import { parseRecord } from '../src/index.ts'
import { plan, samples } from './records.ts'

const problemsOf = (value: unknown): readonly string[] => {
  const parsed = parseRecord(value, 0)
  return 'problems' in parsed ? parsed.problems : []
}

describe.each(Object.entries(samples))('a record of type %s', (_type, body) => {
  it('comes back from JSON as it was, and has an Avro form', () => {
    const record: PlaybookRecord = { at: 7, body }
    expect(parseRecord(JSON.parse(JSON.stringify(body)), 7)).toEqual({ record })
    expect(parseRecord(JSON.parse(JSON.stringify(record)), 0)).toEqual({ record })
    const codec = avroCodec('playbook')
    expect(codec.decode(codec.encode(record))).toEqual(record)
  })
})

it('what is left out gets the default of the schema, moments may be texts', () => {
  const { type, name, kind, priceMinor, currency, marginMinor } = plan
  const least = { type, name, kind, priceMinor, currency, marginMinor, availableFrom: '2026-03-02T09:00:00Z' }
  const parsed = parseRecord({ at: '2026-03-01', body: least }, 0)
  expect(parsed).toMatchObject({
    record: {
      at: Date.UTC(2026, 2, 1),
      body: { availableFrom: Date.UTC(2026, 2, 2, 9), channels: ['push'], stock: null, costMinor: 0, withdrawn: false },
    },
  })
})

it('two records do not share the lists they were given by default', () => {
  const { text: _text, channels: _channels, ...rest } = plan
  const [one, other] = [parseRecord(rest, 0), parseRecord(rest, 0)] as { record: { body: typeof plan } }[]
  expect(one!.record.body.channels).not.toBe(other!.record.body.channels)
})

it.each<[string, unknown, string]>([
  ['a text', 'plan-m', 'a record is plan-m, wanted an object'],
  ['nothing', null, 'a record is null, wanted an object'],
  ['a list', [plan], 'a record is [{'],
  ['no type', { name: 'x' }, 'type is missing, wanted item, rule, lever'],
  ['an unknown type', { type: 'itm', name: 'x' }, 'type is itm, wanted item, rule, lever'],
  ['a type nearly right', { type: 'itm' }, ', nearest is item'],
  ['something beside the body', { at: 1, body: plan, by: 'me' }, 'by is unknown, wanted at and body'],
  ['an unknown field', { ...plan, priceMinro: 5 }, 'item plan-m: priceMinro is unknown, nearest is priceMinor'],
  ['a missing field', { ...plan, currency: undefined }, 'item plan-m: currency is missing'],
  [
    'a price that is a text',
    { ...plan, priceMinor: '20.00' },
    'item plan-m: priceMinor is 20.00, wanted a whole number',
  ],
  ['a broken price', { ...plan, priceMinor: 19.99 }, 'item plan-m: priceMinor is 19.99, wanted a whole number'],
  [
    'a kind there is not',
    { ...plan, kind: 'plam' },
    'item plan-m: kind is plam, wanted plan, package, sale or discount, nearest is plan',
  ],
  ['a moment that is none', { ...plan, availableTo: 'soon' }, 'item plan-m: availableTo is soon, wanted a moment like'],
  [
    'a whole number too large',
    { ...plan, minutes: 2 ** 40 },
    'item plan-m: minutes is 1099511627776, wanted a whole number',
  ],
  ['a flag that is a text', { ...plan, withdrawn: 'yes' }, 'item plan-m: withdrawn is yes, wanted true or false'],
  ['channels that are no list', { ...plan, channels: 'push' }, 'item plan-m: channels is push, wanted a list'],
  ['a text that is a number', { ...plan, text: { en: 5 } }, 'item plan-m: text.en is 5, wanted a text'],
  [
    'an unknown field of a member',
    { ...samples.rule, when: [{ ...samples.rule.when[0], filed: 'segment' }] },
    'rule no-travel-for-students: when[0].filed is unknown, nearest is field',
  ],
  [
    'an operator there is not',
    { ...samples.rule, when: [{ ...samples.rule.when[0], operator: '>=' }] },
    'rule no-travel-for-students: when[0].operator is >=, wanted lt, le',
  ],
  [
    'a share that is not a number',
    { ...samples.experiment, arms: [{ name: 'a', share: null, policy: 'champion' }] },
    'experiment levers: arms[0].share is null, wanted a number',
  ],
])('%s is refused, with the field and the nearest right name', (_what, value, problem) =>
  expect(problemsOf(value).join('\n')).toContain(problem),
)

it('every problem is told, not only the first', () =>
  expect(problemsOf({ ...plan, kind: 'x', priceMinor: null, colour: 1 })).toHaveLength(3))
