import { avroCodec } from '@offerstream/contracts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMapper, parseJson, readMapping } from '../src/index.ts'
import { orders, paid } from './given.ts'

const mapping = readMapping(JSON.stringify(orders))
const map = createMapper(mapping.sources[0]!)
const mapped = (value: unknown, key: string | null = 'key') => map({ value, key, timestamp: 5 })
const reason = (change: Record<string, unknown>) => {
  const outcome = mapped(JSON.parse(JSON.stringify({ ...paid, ...change })))
  return outcome.kind === 'refuse' ? [outcome.reason, outcome.detail] : outcome
}

describe('a message', () => {
  test('becomes the record its mapping says, in the contract’s units, with defaults for the rest', () => {
    expect(mapped(paid)).toEqual({
      kind: 'record',
      event: {
        type: 'purchase',
        id: '71/1',
        customer: 'anna',
        at: Date.UTC(2026, 2, 1, 9),
        item: 'socks',
        quantity: 1,
        priceMinor: 1230,
        currency: 'EUR',
        channel: 'app',
        offer: null,
      },
    })
    expect(
      mapped({ event: 'called', orderNo: 'u1', t: '1772355600', minutes: 1.5, mb: 0.25, extra: '0.29' }, 'bo'),
    ).toEqual({
      kind: 'record',
      event: {
        type: 'usage',
        id: 'u1',
        customer: 'bo',
        at: 1_772_355_600_000,
        kind: 'voice',
        dataKb: 256,
        seconds: 90,
        texts: 0,
        overageMinor: 29,
        roaming: false,
      },
    })
  })

  test('of a kind that no record asks for is skipped', () => {
    expect(mapped({ ...paid, event: 'packed' })).toEqual({ kind: 'skip', reason: 'not-mapped' })
  })

  test.each([
    [{ paidAt: undefined, payedAt: 1 }, 'at-missing', /there is no "paidAt"; the nearest is "payedAt"/],
    [
      { paidAt: 'yesterday' },
      'at-not-a-time',
      /text "yesterday" is no moment in iso of Europe\/Berlin; it looks like no/,
    ],
    [{ paidAt: 1772355600 }, 'at-not-a-time', /number 1772355600 is no moment in iso.*"unit": "seconds" would fit/],
    [{ paidAt: '2026-02-30' }, 'at-not-a-time', /2026-02-30/],
    [{ total: '12,30' }, 'priceMinor-not-a-number', /"12,30"/],
    [{ total: 1e300 }, 'priceMinor-too-large', /more than/],
    [{ currency: 'EURO' }, 'currency-unknown', /"EURO" is no ISO 4217 currency/],
    [{ orderNo: null }, 'id-missing', /"orderNo" is empty/],
    [{ buyer: { no: 2 ** 60 } }, 'customer-not-exact', /send it as a text/],
    [{ buyer: { no: { x: 1 } } }, 'customer-not-a-text', /name the field inside/],
    [{ buyer: 'anna' }, 'customer-missing', /no "buyer.no"/],
  ])('that holds %j is refused as %s, naming field and value', (change, short, detail) => {
    expect(reason(change)).toEqual([short, expect.stringMatching(detail)])
  })

  test.each([[[1]], ['text'], [null], [7]])('%j is no object and is refused', value => {
    expect(mapped(value)).toMatchObject({ kind: 'refuse', reason: 'not-an-object' })
  })

  test('whose time is text where seconds are wanted is told what would fit', () => {
    const outcome = mapped({ event: 'used', orderNo: 1, t: '2026-03-01T10:00:00Z' })
    expect(outcome).toMatchObject({
      reason: 'at-not-a-time',
      detail: 'at from t: the text "2026-03-01T10:00:00Z" is no moment in seconds; "unit": "iso" would fit',
    })
  })

  test('whatever its values are is refused, skipped, or a record that the contract’s codec takes', () => {
    const purchase = avroCodec('purchase')
    const value = fc.oneof(fc.jsonValue(), fc.string(), fc.double(), fc.constantFrom('EUR', '€', 12.5, '2026-03-01'))
    const message = fc.record({
      event: fc.constant('paid'),
      orderNo: value,
      line: value,
      buyer: fc.oneof(value, fc.record({ no: value })),
      paidAt: value,
      sku: value,
      total: value,
      currency: value,
      via: value,
    })
    let records = 0
    fc.assert(
      fc.property(message, each => {
        const outcome = mapped({ ...paid, ...each })
        if (outcome.kind === 'record') purchase.encode(outcome.event as never)
        else expect(outcome.kind).toBe('refuse')
      }),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000 }), minor => {
        const outcome = mapped({ ...paid, total: minor / 100 })
        expect(outcome).toMatchObject({ kind: 'record', event: { priceMinor: minor } })
        records++
      }),
    )
    expect(records).toBeGreaterThan(0)
  })
})

test('a constant of nothing is what stands there when nothing is mapped', () => {
  const file = structuredClone(orders)
  const fields = file.sources[0]!.records[0]!.fields as object[]
  fields.push({ to: 'quantity', constant: null }, { to: 'offer', constant: null })
  const outcome = createMapper(readMapping(JSON.stringify(file)).sources[0]!)({ value: paid, key: null, timestamp: 5 })
  expect(outcome).toMatchObject({ kind: 'record', event: { quantity: 1, offer: null } })
})

test('values nested deeper than a stack are refused like any other', () => {
  const deep = parseJson(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)
  expect(mapped(deep)).toMatchObject({ kind: 'refuse', reason: 'not-an-object' })
  for (const name of Object.keys(paid)) expect(mapped({ ...paid, [name]: deep }).kind).not.toBe('record')
})

describe('amounts', () => {
  test.each([
    ['JPY', 1200, 1200],
    ['KWD', '1.234', 1234],
    ['EUR', 1.005, 101],
    ['EUR', 0.29, 29],
    ['EUR', -3, -300],
  ])('%s %j major is %i minor', (currency, total, minor) => {
    expect(mapped({ ...paid, currency, total })).toMatchObject({ event: { priceMinor: minor } })
  })
})

describe('moments', () => {
  test.each([
    ['2026-03-29 01:59:59', '2026-03-29T00:59:59Z'],
    ['2026-03-29 03:00:00', '2026-03-29T01:00:00Z'],
    ['2026-03-29 02:30:00', '2026-03-29T01:30:00Z'],
    ['2026-10-25 02:30:00', '2026-10-25T00:30:00Z'],
    ['2026-10-25 03:00:00', '2026-10-25T02:00:00Z'],
    ['2024-02-29', '2024-02-28T23:00:00Z'],
    ['2026-03-01T10:00:00.1234+05:30', '2026-03-01T04:30:00.123Z'],
    ['2026-03-01 10:00:00+00', '2026-03-01T10:00:00Z'],
    ['2026-03-01T10:00:00z', '2026-03-01T10:00:00Z'],
  ])('%s, in Berlin where it has no offset, is %s', (paidAt, moment) => {
    expect(mapped({ ...paid, paidAt })).toMatchObject({ event: { at: Date.parse(moment) } })
  })
})

test('whole numbers that JSON cannot hold stay apart, as texts', () => {
  expect(parseJson('{"a":12345678901234567891,"b":{"c":[1,1.5]}}')).toEqual({
    a: '12345678901234567891',
    b: { c: [1, 1.5] },
  })
  expect(mapped(parseJson(JSON.stringify(paid).replace('71', '98765432109876543210')))).toMatchObject({
    event: { id: '98765432109876543210/1' },
  })
})

describe('a mapping file', () => {
  type Json = { [name: string]: Json } & Json[]
  const problems = (change: (file: Json) => void): string => {
    const file = structuredClone(orders) as unknown as Json
    change(file)
    try {
      readMapping(JSON.stringify(file))
    } catch (error) {
      return (error as Error).message
    }
    return ''
  }
  const source = (file: Json) => file['sources']![0]!
  const field = (file: Json, index: number) =>
    source(file)['records']![0]!['fields']![index]! as Record<string, unknown>

  test.each<[string, RegExp, (file: Json) => void]>([
    [
      'an unknown target',
      /fields\[3\]\.to: "itm" is no field of the record; did you mean item\?/,
      f => {
        field(f, 3)['to'] = 'itm'
      },
    ],
    [
      'two fields for one target',
      /records\[0\]: two fields give "item": sku and total/,
      f => {
        field(f, 4)['to'] = 'item'
      },
    ],
    [
      'a target that nothing gives',
      /nothing gives "customer", which every purchase needs/,
      f => {
        field(f, 1)['to'] = 'offer'
      },
    ],
    [
      'an unknown unit',
      /\(to at\)\.unit: wanted iso, seconds.*found "second"; did you mean seconds\?/,
      f => {
        field(f, 2)['unit'] = 'second'
        delete field(f, 2)['zone']
      },
    ],
    [
      'a missing unit',
      /\(to priceMinor\): "unit" is missing: one of minor, major/,
      f => {
        delete field(f, 4)['unit']
      },
    ],
    [
      'an unknown zone',
      /"Europe\/Berln" is no IANA time zone/,
      f => {
        field(f, 2)['zone'] = 'Europe/Berln'
      },
    ],
    [
      'an unknown currency',
      /"EUX" is no ISO 4217 currency; did you mean EUR\?/,
      f => {
        field(f, 5)['values'] = { '€': 'EUX' }
      },
    ],
    [
      'an unknown attribute',
      /"form" is not known here; did you mean from\?/,
      f => {
        field(f, 3)['form'] = 'sku'
      },
    ],
    [
      'neither field nor constant',
      /wanted either "from" or "constant"/,
      f => {
        delete field(f, 3)['from']
      },
    ],
    [
      'one id for all',
      /one id for every message/,
      f => {
        delete field(f, 0)['from']
        field(f, 0)['constant'] = 'x'
      },
    ],
    [
      'a number that its field does not hold',
      /quantity\).constant: 2147483648 is more than the field holds/,
      f => {
        ;(source(f)['records']![0]!['fields'] as unknown[]).push({ to: 'quantity', constant: 2 ** 31 })
      },
    ],
    [
      'a schema that is none',
      /schema: .*nothing/,
      f => {
        Object.assign(source(f), { format: 'avro-plain', schema: { type: 'nothing' } })
      },
    ],
    [
      'an unknown part of a message',
      /"\$ky" is nothing a message has beside its fields; did you mean \$key\?/,
      f => {
        field(f, 1)['from'] = '$ky'
      },
    ],
    [
      'an unknown record',
      /record: wanted purchase,.*"purchases"; did you mean purchase\?/,
      f => {
        ;(source(f)['records']![0] as Record<string, unknown>)['record'] = 'purchases'
      },
    ],
    [
      'an unknown format',
      /format: wanted json, avro, avro-plain, found "yaml"/,
      f => {
        ;(source(f) as Record<string, unknown>)['format'] = 'yaml'
      },
    ],
    [
      'a value the contract does not have',
      /values\.used: wanted data, voice, text, found "dta"; did you mean data\?/,
      f => {
        ;(source(f)['records']![1]!['fields']![3] as Record<string, unknown>)['values'] = { used: 'dta' }
      },
    ],
    [
      'a topic twice',
      /"shop-orders" is there twice/,
      f => {
        f['sources']!.push(source(f))
      },
    ],
    [
      'records nobody reaches',
      /takes every message, so what follows it takes none/,
      f => {
        delete (source(f)['records']![0] as Record<string, unknown>)['when']
      },
    ],
  ])('with %s is refused, naming the place', (_what, message, change) => {
    expect(problems(change)).toMatch(message)
  })

  test('with several faults names them all', () => {
    expect(
      problems(file => {
        field(file, 3)['to'] = 'itm'
        field(file, 2)['zone'] = 'Mars'
      }).split('\n').length,
    ).toBeGreaterThanOrEqual(3)
  })

  test('that is no JSON is refused', () => {
    expect(() => readMapping('{')).toThrow(/a mapping is JSON, and this is not/)
  })
})
