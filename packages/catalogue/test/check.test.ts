import { type CatalogueItem, defaults, type PlaybookRecord } from '@offerstream/contracts'
import { describe, expect, it } from 'vitest'
import { type Asking, checkRecord, compileRule, nearest, textFor } from '../src/index.ts'
import { plan, playbookOf, samples } from './records.ts'

const features = ['data_mb_30d', 'purchases_90d']
const check = (body: PlaybookRecord['body'], playbook = playbookOf(plan)) =>
  checkRecord({ at: 0, body }, features, playbook)
const when = (field: string, number: number | null, text: string | null = null) => ({
  ...samples.rule,
  when: [{ ...defaults.Predicate, subject: 'feature' as const, field, operator: 'gt' as const, number, text }],
})

describe.each(Object.entries(samples))('a record of type %s', (_type, body) => {
  it('is taken when nothing is wrong with it', () => expect(check(body)).toEqual([]))
  it('is refused without a name', () => expect(check({ ...body, name: ' ' } as never).join()).toContain('name'))
})

it.each<[string, PlaybookRecord['body'], string]>([
  ['a negative price', { ...plan, priceMinor: -5 }, 'item plan-m: priceMinor is -5, wanted more than 0'],
  [
    'an offer that goes without consent',
    { ...plan, needsConsent: false },
    'item plan-m: needsConsent is false, only a mandatory or transactional item goes without',
  ],
  ['a price of zero', { ...plan, priceMinor: 0 }, 'item plan-m: priceMinor is 0, wanted more than 0'],
  ['another currency', { ...plan, currency: 'USD' }, 'item plan-m: currency is USD, the catalogue is in EUR'],
  ['no currency', { ...plan, currency: 'euro' }, 'item plan-m: currency is euro, wanted three capital letters'],
  [
    'an end before its beginning',
    { ...plan, availableFrom: 9, availableTo: 8 },
    'item plan-m: availableTo is not after availableFrom',
  ],
  ['a link over http', { ...plan, link: 'http://example.org/' }, 'item plan-m: link begins with http:, wanted https:'],
  [
    'a link to a script',
    { ...plan, link: 'javascript:alert(1)' },
    'item plan-m: link begins with javascript:, wanted https:',
  ],
  [
    'a link with a password',
    { ...plan, link: 'https://a:b@example.org/' },
    'item plan-m: link holds a user name or password',
  ],
  ['a link that is none', { ...plan, link: 'example.org' }, 'item plan-m: link is no address'],
  ['a text without English', { ...plan, text: { de: 'Zehn' } }, 'item plan-m: text has no en to fall back on'],
  [
    'an unknown feature',
    when('data_mb_3d', 1),
    'rule no-travel-for-students: when: unknown feature data_mb_3d, nearest is data_mb_30d',
  ],
  [
    'a rule for an unknown item',
    {
      ...samples.rule,
      when: [{ ...defaults.Predicate, subject: 'item', field: 'name', operator: 'eq', text: 'plan-n' }],
    },
    'rule no-travel-for-students: when: item plan-n is unknown, nearest is plan-m',
  ],
  [
    'a number without a number',
    when('data_mb_30d', null, 'much'),
    'rule no-travel-for-students: when: data_mb_30d is compared with a number, and only with one',
  ],
  [
    'a rule that refuses everything',
    { ...samples.rule, when: [] },
    'rule no-travel-for-students: when is empty: it would refuse everything, use a kill switch',
  ],
  [
    'an unknown item',
    { ...samples.lever, item: 'plan-n' },
    'lever push-plan-m: item plan-n is unknown, nearest is plan-m',
  ],
  [
    'shares that do not add up',
    {
      ...samples.experiment,
      arms: [
        { name: 'a', share: 0.3, policy: 'champion' },
        { name: 'b', share: 0.6, policy: 'champion' },
      ],
    },
    "experiment levers: share: the arms' shares add up to 0.9, wanted 1",
  ],
  ['a share above one', { ...samples.model, share: 2 }, 'model plan-ranker: share is 2, wanted 0 to 1'],
  [
    'a version that climbs out of its folder',
    { ...samples.model, version: '../1' },
    "model plan-ranker: version is ../1, not a folder's name",
  ],
  [
    'an unknown category',
    { ...samples.budget, category: 'standart' },
    'budget november: category standart is unknown, nearest is standard',
  ],
  [
    'a target that stops nothing',
    { ...samples.kill_switch, target: 'plan-m' },
    'kill_switch all: target is plan-m, scope global has none',
  ],
  [
    'a kill switch without target',
    { ...samples.kill_switch, scope: 'item' },
    'kill_switch all: target is missing, scope item needs one',
  ],
  [
    'an hour past midnight',
    { ...samples.contact_policy, quietToHour: 24 },
    'contact_policy default: quietToHour is 24, wanted 0 to 23',
  ],
  [
    'a pace of nothing',
    { ...samples.contact_policy, campaignOffersPerMinute: { spring: 0 } } as PlaybookRecord['body'],
    'contact_policy default: campaignOffersPerMinute of spring is 0, wanted 1 or more; a kill switch stops one',
  ],
  [
    'a spread that could end in the next quiet hours',
    { ...samples.contact_policy, releaseSpreadMinutes: 61 },
    'contact_policy default: releaseSpreadMinutes is 61, wanted 0 to 60',
  ],
  [
    'a cap below nothing',
    { ...samples.contact_policy, offersPerChannelPerWeek: { push: -1 } } as PlaybookRecord['body'],
    'contact_policy default: offersPerChannelPerWeek of push is -1, wanted 0 or more',
  ],
  [
    'another contact policy',
    { ...samples.contact_policy, name: 'gentle' },
    'contact_policy gentle: name is gentle, wanted default',
  ],
])('%s is refused with the field named', (_what, body, problem) => expect(check(body)).toEqual([problem]))

it('canaries of one model cannot have more customers than there are', () => {
  const canary = (version: string, share: number) => ({ ...samples.model, version, stage: 'canary' as const, share })
  const playbook = playbookOf(plan, canary('2', 0.7))
  expect(check(canary('3', 0.3), playbook)).toEqual([])
  expect(check(canary('2', 0.9), playbook)).toEqual([])
  expect(check(canary('3', 0.4), playbook)).toEqual([
    'model plan-ranker: share: canaries of plan-ranker add up to 1.1 with 2, wanted 1 at most',
  ])
})

it('an unknown trigger is refused, however deep, where the triggers are known', () => {
  const asks = (text: string) => ({ ...samples.rule.when[0]!, subject: 'trigger' as const, field: 'kind', text })
  const group = { ...samples.rule.when[0]!, subject: 'group' as const, field: '', operator: 'any' as const, text: null }
  const rule = { ...samples.rule, when: [{ ...group, of: [asks('purchase'), asks('purchse')] }] }
  const triggers = ['purchase', 'allowance-used']
  expect(checkRecord({ at: 0, body: rule }, features, playbookOf(plan), triggers)).toEqual([
    'rule no-travel-for-students: when: trigger purchse is unknown, nearest is purchase',
  ])
  expect(check(rule)).toEqual([])
})

describe('a rule', () => {
  const asking = (vector: readonly number[]) =>
    ({ facts: { segment: 'student', bundle: true }, vector }) as unknown as Asking
  const rule = (...predicates: (readonly ['feature' | 'item' | 'customer', string, string, number | string])[]) => {
    const { concerns, holdsFor } = compileRule(
      {
        ...samples.rule,
        when: predicates.map(([subject, field, operator, wanted]) => ({
          ...defaults.Predicate,
          subject,
          field,
          operator: operator as 'eq',
          number: typeof wanted === 'number' ? wanted : null,
          text: typeof wanted === 'string' ? wanted : null,
        })),
      },
      features,
    )
    return (item: CatalogueItem, asked: Asking) => concerns(asked) && holdsFor(item, asked)
  }
  it('holds when all of its predicates do', () => {
    const both = rule(['customer', 'segment', 'eq', 'student'], ['feature', 'purchases_90d', 'ge', 2])
    expect(both(plan, asking([0, 2]))).toBe(true)
    expect(both(plan, asking([0, 1]))).toBe(false)
  })
  it.each(['lt', 'le', 'eq', 'ne', 'ge', 'gt'])('with %s does not hold for a missing value', operator => {
    expect(rule(['feature', 'data_mb_30d', operator, 1])(plan, asking([Number.NaN, 0]))).toBe(false)
    expect(rule(['item', 'quotaKb', operator, 1])({ ...plan, quotaKb: null }, asking([0, 0]))).toBe(false)
  })
  it('compares a boolean as 0 or 1', () => {
    expect(rule(['customer', 'bundle', 'eq', 1])(plan, asking([]))).toBe(true)
    expect(rule(['item', 'recurring', 'eq', 0])(plan, asking([]))).toBe(false)
  })
  it('that names nothing known cannot be compiled', () =>
    expect(() => rule(['item', 'prise', 'gt', 1])).toThrow('unknown item prise'))
})

it('a nearest name is one that is alike, or none', () => {
  expect(nearest('data_mb_3d', features)).toBe('data_mb_30d')
  expect(nearest('zz', features)).toBeNull()
})

const item = (change: Partial<CatalogueItem>): CatalogueItem => ({ ...plan, ...change })

describe('texts of an item', () => {
  const withText = (text: Record<string, string>) =>
    checkRecord({ at: 0, body: item({ quotaKb: 2 * 1_048_576, validityDays: null, text }) }, [])

  it.each<[Record<string, string>, string[]]>([
    [{ en: '{gb, plural, one {# GB} other {# GB}} for {price} until {until, date, short}' }, []],
    [{ en: 'a', 'de-AT': 'b', zh: 'c' }, []],
    [{ en: '{days, number} days' }, ['text en: names days, which no offer has']],
    [{ en: 'Hello {name}' }, ['text en: names name, which no offer has']],
    [{ en: '{price' }, ['text en: is no ICU message']],
    [{ en: '{price, plural, other {#}}' }, ['text en: takes price as a number, it is a text']],
    [{ en: 'a', de_at: 'b' }, ['text de_at: is no BCP 47 locale, wanted de-AT']],
    [{ en: 'a', '??': 'b' }, ['text ??: is no BCP 47 locale']],
    [{ en: '👩‍👩‍👧'.repeat(60) }, ['text en: can be 1080 bytes long, 1024 are allowed']],
    [{ en: 'a\u0007b' }, ['text en: has control characters']],
    [{ en: 'a\n\tb' }, []],
    [{ de: 'a' }, ['text has no en to fall back on']],
  ])('%j', (text, problems) => {
    const found = withText(text)
    expect(found.length).toBe(problems.length)
    for (const [index, problem] of problems.entries()) expect(found[index]).toContain(problem)
  })

  it('are filled in for the customer', () => {
    const text = {
      en: '{gb, plural, one {# GB} other {# GB}} for {price} until {until, time, short}',
      de: '{gb, number} GB für {price}',
    }
    const pack = item({ quotaKb: 1_048_576, priceMinor: 599, currency: 'EUR', text })
    const until = Date.parse('2026-06-02T12:00:00Z')
    expect(textFor(pack, 'en', 'Europe/Berlin', until).replace(/\s/g, ' ')).toBe('1 GB for €5.99 until 2:00 PM')
    expect(textFor(pack, 'de-CH', 'Europe/Berlin', until).replace(/\s/g, ' ')).toBe('1 GB für 5,99 €')
    expect(textFor(item({ name: 'pack', text: {} }), 'de', 'UTC', until)).toBe('pack')
  })
})
