import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fit, type Kind, largestBytes, localesFor, money, patternProblems, render, utf8Bytes } from '../src/index.ts'

const known = {
  item: { is: 'text', bytes: 80 },
  price: { is: 'text', bytes: 40 },
  gb: { is: 'number', bytes: 20 },
  until: { is: 'moment', bytes: 80 },
} as const satisfies Record<string, Kind>

const customer = { locale: 'de-AT', zone: 'Europe/Vienna', fallback: 'en' }
const until = new Date('2026-03-29T00:30:00Z')
const values = (locale: string) => ({ item: 'Smart 10', price: money(1699, 'EUR', locale), gb: 1, until })

describe('the chain of locales', () => {
  test.each([
    ['zh-Hant-TW', ['zh-Hant-TW', 'zh-Hant', 'zh', 'en']],
    ['de_AT', ['de-AT', 'de', 'en']],
    ['sr-Latn-RS-u-nu-latn', ['sr-Latn-RS-u-nu-latn', 'sr-Latn-RS-u-nu', 'sr-Latn-RS', 'sr-Latn', 'sr', 'en']],
    ['en-GB', ['en-GB', 'en']],
    ['no locale at all', ['en']],
    ['', ['en']],
  ])('%s', (locale, wanted) => {
    expect(localesFor(locale, 'en')).toEqual(wanted)
  })
})

describe('a rendered message', () => {
  const texts = {
    en: '{gb, plural, one {# GB more} other {# GB more}} with {item} for {price}, until {until, date, short}',
    de: '{gb, plural, one {Ein GB} other {# GB}} mehr mit {item} für {price}, bis {until, time, short}',
  }

  test('is in the nearest locale, with money, plural and the hour of the customer', () => {
    expect(render(texts, customer, values)).toEqual({
      text: 'Ein GB mehr mit Smart 10 für 16,99\u00a0€, bis 01:30',
      locale: 'de',
    })
  })

  test('falls back where the locale is missing or none', () => {
    expect(render(texts, { ...customer, locale: 'fi' }, values)?.text).toBe(
      '1 GB more with Smart 10 for €16.99, until 3/29/26',
    )
    expect(render(texts, { ...customer, locale: '??' }, values)?.locale).toBe('en')
  })

  test('is none where nobody wrote one', () => {
    expect(render({ de: 'Hallo' }, { ...customer, locale: 'fi' }, values)).toBeNull()
  })

  test('knows the zone on both sides of a change of the clock', () => {
    const at = (moment: string) =>
      render({ de: '{until, time, short}' }, customer, () => ({ until: new Date(moment) }))!.text
    expect([at('2026-03-29T00:59:00Z'), at('2026-03-29T01:01:00Z')]).toEqual(['01:59', '03:01'])
  })

  test('shows moments in UTC where the zone is unknown', () => {
    const shown = render({ en: '{until, time, short}' }, { ...customer, locale: 'en', zone: 'Mars/Base' }, values)
    expect(shown?.text).toMatch(/^12:30/)
  })

  test('reads a tag as text', () => {
    expect(render({ en: '<b>{item}</b>' }, { ...customer, locale: 'en' }, values)?.text).toBe('<b>Smart 10</b>')
  })
})

test('money has the decimals of its currency', () => {
  expect(
    [money(1699, 'EUR', 'en'), money(1699, 'JPY', 'en'), money(1699, 'KWD', 'en'), money(1699, 'euro', 'en')].map(
      plain,
    ),
  ).toEqual(['€16.99', '¥1,699', 'KWD 1.699', '16.99 euro'])
})

describe('a pattern', () => {
  test.each([
    ['Hello {item}', []],
    ['{gb, plural, one {# GB} other {# GB}}', []],
    ['Hello {name}', ['names name, which no offer has (it has item, price, gb, until)']],
    ['{item, plural, other {#}}', ['takes item as a number, it is a text']],
    ['{gb, date}', ['takes gb as a moment, it is a number']],
    ['{gb, plural, one {x}}', ['is no ICU message: missing other clause']],
    ['{gb', ['is no ICU message: expect argument closing brace']],
    ['x'.repeat(4001), ['is 4001 characters long, 4000 are allowed']],
    [`${'{item, select, other {'.repeat(8)}x${'}}'.repeat(8)}`, ['nests choices 7 deep, 6 are allowed']],
  ])('%.40s', (pattern, problems) => {
    expect(patternProblems(pattern, 'en', known)).toEqual(problems)
  })

  test('is never longer than it says, whatever is put in', () => {
    const piece = fc.constantFrom(
      ...['Grüße ', '👩‍👩‍👧 ', '{item}', '{price}', '{gb}', '{until, date, long}', '{until, time, full}'],
      ...['{gb, plural, =0 {nothing} one {# GB} other {# gigabytes}}', "{item, select, x {'{'} other {{item}!}}"],
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        fc.constantFrom('en', 'de', 'ar', 'hi'),
        fc.string({ unit: 'grapheme', maxLength: 20 }),
        fc.integer({ min: 0, max: 1_000_000 }),
        (pieces, locale, item, gb) => {
          const pattern = pieces.join('')
          const given = { item: fit(item, 80), price: money(gb, 'EUR', locale), gb, until }
          const { text } = render({ [locale]: pattern }, { ...customer, locale }, () => given)!
          expect(patternProblems(pattern, locale, known)).toEqual([])
          expect(utf8Bytes(text)).toBeLessThanOrEqual(largestBytes(pattern, locale, known))
        },
      ),
    )
  })

  test('counts the longest branch', () => {
    expect(largestBytes('{gb, plural, one {#} other {ten more}}!', 'en', known)).toBe(21)
  })
})

describe('a text cut to size', () => {
  test('stays as it is where it fits', () => {
    expect(fit('Grüße', 7)).toBe('Grüße')
  })

  test('is cut between graphemes', () => {
    const family = '👩‍👩‍👧'
    expect(fit(`Hi ${family}${family}`, 3 + utf8Bytes(family) + 3)).toBe(`Hi ${family}…`)
    expect(fit(`${family}${family}`, utf8Bytes(family))).toBe('')
  })

  test('never takes more bytes than it may', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 40 }), (text, bytes) => {
        expect(utf8Bytes(fit(text, bytes))).toBeLessThanOrEqual(bytes)
      }),
    )
  })
})

const plain = (text: string) => text.replaceAll('\u00a0', ' ')
