import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { avroCodec, type Purchase, type Usage } from '@offerstream/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DatasetName, datasets, type SourceRecord } from '../src/index.ts'

const fixtures = join(import.meta.dirname, 'fixtures')
let scratch = ''
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'datasets-'))
})
afterAll(() => rmSync(scratch, { recursive: true }))

const records = (name: DatasetName, dir = join(fixtures, name)): Promise<SourceRecord[]> =>
  Array.fromAsync(datasets[name].records(dir))

const usages = (all: readonly SourceRecord[]): Usage[] => all.flatMap(r => (r.topic === 'usage' ? [r.value] : []))
const purchases = (all: readonly SourceRecord[]): Purchase[] =>
  all.flatMap(r => (r.topic === 'purchases' && r.value.type === 'purchase' ? [r.value] : []))

const codecs = {
  purchases: avroCodec('purchase'),
  usage: avroCodec('usage'),
  engagements: avroCodec('engagement'),
  customers: avroCodec('customer'),
}

describe.each(Object.values(datasets))('every data set: $name', ({ name, playbook, customers }) => {
  test('records come in order of time, fit their schemas and are the same each time', async () => {
    const all = await records(name as DatasetName)
    expect(all.length).toBeGreaterThan(5)
    expect(all.every(({ value }, i) => i === 0 || value.at >= all[i - 1]!.value.at)).toBe(true)
    for (const { topic, value } of all) {
      const codec = codecs[topic] as ReturnType<typeof avroCodec<'usage'>>
      expect(codec.decode(codec.encode(value as Usage))).toEqual(value)
    }
    expect(await records(name as DatasetName)).toEqual(all)
  })

  test('a profile comes before what happens to its customer', async () => {
    const known = new Set<string>()
    for (const { topic, value } of await records(name as DatasetName)) {
      if (topic === 'customers') known.add(value.customer)
      expect(known).toContain(value.customer)
    }
  })

  test('compressed files say the same', async () => {
    const dir = join(scratch, `${name}-gz`)
    mkdirSync(dir)
    for (const file of readdirSync(join(fixtures, name)))
      writeFileSync(join(dir, `${file}.gz`), gzipSync(readFileSync(join(fixtures, name, file))))
    expect(await records(name as DatasetName, dir)).toEqual(await records(name as DatasetName))
  })

  test('catalogue items fit their schema', async () => {
    const codec = avroCodec('playbook')
    const items = await playbook(join(fixtures, name))
    expect(items.length).toBeGreaterThan(0)
    for (const item of items) expect(codec.decode(codec.encode(item))).toEqual(item)
  })

  test('consent and devices are assumed only when asked for', async () => {
    for (const customer of await Array.fromAsync(customers(join(fixtures, name))))
      expect(customer).toMatchObject({ consent: {}, devices: [] })
    for (const customer of await Array.fromAsync(customers(join(fixtures, name), { assumeConsent: true })))
      expect(customer).toMatchObject({ consent: { push: true }, devices: [`${customer.customer}-1`] })
  })

  test('a missing file is named, with what is there instead', async () => {
    for (const file of readdirSync(join(fixtures, name))) {
      const dir = join(scratch, `${name}-without-${file}`)
      cpSync(join(fixtures, name), dir, { recursive: true })
      rmSync(join(dir, file))
      writeFileSync(join(dir, 'notes.txt'), '')
      const reading = Promise.all([Array.fromAsync(datasets[name as DatasetName].records(dir)), playbook(dir)])
      await expect(reading).rejects.toThrow(new RegExp(`${name} wants ${file} or ${file}.gz in .*notes.txt`))
    }
    await expect(records(name as DatasetName, join(scratch, 'nowhere'))).rejects.toThrow(/nowhere cannot be listed/)
  })
})

describe('megaline', () => {
  const dir = join(fixtures, 'megaline')

  test('minutes become seconds, megabytes kilobytes; calls and sessions of nothing are kept', async () => {
    const all = usages(await records('megaline'))
    const of = (id: string) => all.find(usage => usage.id === id)
    expect(all).toHaveLength(13)
    expect(of('call/7_1')).toMatchObject({ kind: 'voice', seconds: 541, dataKb: 0, texts: 0 })
    expect(of('call/7_2')).toMatchObject({ kind: 'voice', seconds: 0 })
    expect(of('data/7_1')).toMatchObject({ kind: 'data', dataKb: 2_048_512 })
    expect(of('data/7_2')).toMatchObject({ kind: 'data', dataKb: 0 })
    expect(of('text/7_3')).toMatchObject({ kind: 'text', texts: 1 })
  })

  test('a day gets a time between 7 and 23 that hangs on the id', async () => {
    const all = usages(await records('megaline'))
    const call = all.find(usage => usage.id === 'call/7_3')!
    expect(new Date(call.at).toISOString()).toMatch(/^2020-02-13T/)
    for (const { at } of all) {
      expect(new Date(at).getUTCHours()).toBeGreaterThanOrEqual(7)
      expect(new Date(at).getUTCHours()).toBeLessThan(23)
    }
    expect(new Set(all.map(({ at }) => at % 86_400_000)).size).toBe(all.length)
  })

  test('what the events of a month add is the bill beyond the plan', async () => {
    const all = usages(await records('megaline'))
    const beyond = (customer: string, month: string, kind: Usage['kind']): number =>
      all
        .filter(u => u.customer === customer && u.kind === kind && new Date(u.at).toISOString().startsWith(month))
        .reduce((sum, u) => sum + u.overageMinor, 0)
    // 10 + 0 + 3 begun minutes of 10 included, at 4 cents.
    expect(beyond('7', '2020-02', 'voice')).toBe(12)
    // Three texts, two included, at 5 cents.
    expect(beyond('7', '2020-02', 'text')).toBe(5)
    // 3200.75 MB of 2048: two begun gigabytes at 8 dollars.
    expect(beyond('7', '2020-02', 'data')).toBe(1600)
    expect(beyond('7', '2020-03', 'voice')).toBe(0)
    expect(beyond('8', '2020-03', 'voice')).toBe(0)
  })

  test('plans carry allowances and overage in cents and kilobytes', async () => {
    const [river] = await datasets.megaline.playbook(dir)
    expect(river!.body).toMatchObject({
      name: 'river',
      kind: 'plan',
      priceMinor: 1500,
      quotaKb: 2 * 1024 * 1024,
      minutes: 10,
      texts: 2,
      overageMinorPerGb: 800,
      overageMinorPerMinute: 4,
      overageMinorPerText: 5,
    })
  })

  test('customers carry plan, charge, age band and the day they joined; churn dates are left alone', async () => {
    const [young, old] = await Array.fromAsync(datasets.megaline.customers(dir))
    const joined = Date.UTC(2020, 1, 10)
    expect(young).toMatchObject({
      customer: '7',
      plan: 'river',
      monthlyChargeMinor: 1500,
      ageBand: '18-24',
      at: joined,
    })
    expect(old).toMatchObject({ customer: '8', plan: 'ocean', ageBand: '65+' })
    expect((await records('megaline')).filter(r => r.value.customer === '8').map(r => r.value.id)).toEqual([
      'profile/8',
      'call/8_1',
    ])
  })

  const altered = (file: string, change: (text: string) => string): string => {
    const to = mkdtempSync(join(scratch, 'altered-'))
    cpSync(dir, to, { recursive: true })
    writeFileSync(join(to, file), change(readFileSync(join(dir, file), 'utf8')))
    return to
  }

  test.each([
    [
      'a word for a number',
      'megaline_calls.csv',
      '9.01',
      'long',
      /megaline_calls.csv, row 2: duration is "long", wanted a number/,
    ],
    ['no number', 'megaline_calls.csv', '9.01', '', /row 2: duration is "", wanted a number/],
    [
      'a bad date',
      'megaline_messages.csv',
      '2020-02-15',
      '15.2.2020',
      /row 3: message_date is "15.2.2020", wanted a date/,
    ],
    [
      'a lost column',
      'megaline_users.csv',
      'reg_date',
      'since',
      /megaline_users.csv.*columns reg_date are wanted.*since/,
    ],
    ['a row cut short', 'megaline_internet.csv', ',0.0', '', /megaline_internet.csv cannot be read/],
    ['a plan nobody sells', 'megaline_users.csv', 'ocean', 'lake', /row 2: plan is lake, wanted one of river, ocean/],
    ['a user nobody knows', 'megaline_calls.csv', '8_1,8', '8_1,9', /call\/8_1 is of user 9/],
  ])('%s is named by file and row', async (_, file, from, to, message) => {
    const dir = altered(file, text => text.replace(from, to))
    await expect(records('megaline', dir)).rejects.toThrow(message)
  })

  test('a compressed file that breaks off is an error, not an end', async () => {
    const dir = altered('megaline_calls.csv', text => text)
    const whole = gzipSync(readFileSync(join(dir, 'megaline_calls.csv')))
    rmSync(join(dir, 'megaline_calls.csv'))
    writeFileSync(join(dir, 'megaline_calls.csv.gz'), whole)
    truncateSync(join(dir, 'megaline_calls.csv.gz'), whole.length - 12)
    await expect(records('megaline', dir)).rejects.toThrow(/megaline_calls.csv.gz cannot be read/)
  })
})

describe('complete-journey', () => {
  const dir = join(fixtures, 'complete-journey')

  test('a line is a purchase of its category, named by basket and product', async () => {
    const all = purchases(await records('complete-journey'))
    expect(all.map(p => [p.id, p.customer, p.item, p.quantity, p.priceMinor])).toEqual([
      ['900/1001', '21', 'coffee-tea', 1, 300],
      ['901/1001', '22', 'coffee-tea', 1, 250],
      ['901/1002', '22', 'frzn-ice', 2, 499],
      // Paid for without a quantity; a category-less product goes by its department.
      ['903/1003', '23', 'miscellaneous', 1, 120],
      // Not among the products.
      ['903/9999', '23', 'product-9999', 8700, 2140],
    ])
    expect(new Date(all[0]!.at).toISOString()).toBe('2017-01-09T08:15:30.000Z')
  })

  test('a line without quantity and money is left out, and said so', async () => {
    const reasons: string[] = []
    await Array.fromAsync(datasets['complete-journey'].records(dir, { onLeftOut: reason => reasons.push(reason) }))
    expect(reasons).toEqual(['no-quantity-no-money'])
  })

  test('categories that were bought are the catalogue, at the middle of their undiscounted lines', async () => {
    const items = await datasets['complete-journey'].playbook(dir)
    expect(items.map(({ body }) => body.type === 'item' && [body.name, body.category, body.priceMinor])).toEqual([
      ['coffee-tea', 'grocery', 300],
      ['frzn-ice', 'grocery', 600],
      ['miscellaneous', 'miscellaneous', 120],
    ])
  })

  test('every household has a profile, its age where it is known', async () => {
    const profiles = await Array.fromAsync(datasets['complete-journey'].customers(dir))
    expect(profiles.map(p => [p.customer, p.ageBand])).toEqual([
      ['21', null],
      ['22', '45-54'],
      ['23', null],
    ])
  })
})

describe('starbucks-offers', () => {
  const dir = join(fixtures, 'starbucks-offers')
  const start = Date.UTC(2018, 6, 27)

  test('received is displayed, viewed is opened, completed is bought, spending is an order', async () => {
    const all = await records('starbucks-offers')
    expect(
      all
        .filter(({ topic }) => topic !== 'customers')
        .map(({ value: v }) =>
          'kind' in v ? [v.customer, v.kind] : 'item' in v ? [v.customer, v.item, v.priceMinor] : [],
        ),
    ).toEqual([
      ['ann', 'displayed'],
      ['bob', 'displayed'],
      ['ann', 'opened'],
      ['ann', 'order', 935],
      ['ann', 'offer-b', 0],
      ['ann', 'offer-b', 0],
      ['bob', 'order', 110],
      ['ann', 'displayed'],
      ['ann', 'opened'],
    ])
  })

  test('a repeated row is the same event again, at the same time', async () => {
    const [once, again] = purchases(await records('starbucks-offers')).filter(p => p.item === 'offer-b')
    expect(again).toEqual(once)
  })

  test('events keep the hour, and share no instant unless they are the same event', async () => {
    const all = (await records('starbucks-offers')).filter(({ topic }) => topic !== 'customers')
    expect(all.map(({ value }) => Math.floor((value.at - start) / 3_600_000))).toEqual([0, 0, 6, 6, 6, 6, 6, 168, 174])
    expect(new Set(all.map(({ value }) => value.at)).size).toBe(new Set(all.map(({ value }) => value.id)).size)
  })

  test('a view or completion answers the newest sending of that offer', async () => {
    const answers = (await records('starbucks-offers')).flatMap(({ value }) =>
      'offer' in value && value.offer !== null ? [value.offer] : [],
    )
    const first = 'received/ann/offer-b/0'
    const second = 'received/ann/offer-b/168'
    expect(answers).toEqual([first, 'received/bob/offer-i/0', first, first, first, second, second])
  })

  test('age 118 is no age; both kinds of offer are items', async () => {
    const [ann, bob] = await Array.fromAsync(datasets['starbucks-offers'].customers(dir))
    expect(ann).toMatchObject({ ageBand: null, customerSince: Date.UTC(2017, 2, 2) })
    expect(bob).toMatchObject({ ageBand: '35-44' })
    const items = await datasets['starbucks-offers'].playbook(dir)
    expect(items.map(({ body }) => body)).toMatchObject([
      {
        name: 'offer-b',
        kind: 'discount',
        priceMinor: 800,
        marginMinor: 160,
        channels: ['web', 'email', 'push'],
        validityDays: 5,
      },
      { name: 'offer-i', kind: 'sale', priceMinor: 0, marginMinor: 0 },
    ])
  })

  test.each([
    ['broken JSON', '"time":174}', '"time":', /transcript.jsonl, line 10, cannot be read/],
    ['an unknown event', 'offer viewed', 'offer burnt', /line 3: wanted person, a known event/],
    ['an offer without a name', '{"offer id":"offer-i"}', '{}', /line 2: wanted person/],
  ])('%s is named by file and line', async (_, from, to, message) => {
    const broken = mkdtempSync(join(scratch, 'broken-'))
    cpSync(dir, broken, { recursive: true })
    const text = readFileSync(join(dir, 'transcript.jsonl'), 'utf8')
    writeFileSync(join(broken, 'transcript.jsonl'), text.replace(from, to))
    await expect(records('starbucks-offers', broken)).rejects.toThrow(message)
  })
})
