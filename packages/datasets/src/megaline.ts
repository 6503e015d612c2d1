import { createHash } from 'node:crypto'
import { type CatalogueItem, type Customer, defaults, type PlaybookRecord, type Usage } from '@offerstream/contracts'
import { ageBandOf, byTime, customerOf, type Dataset, type DatasetOptions, type SourceRecord } from './dataset.ts'
import { numberOf, readRows, timeOf } from './files.ts'

const name = 'megaline'
const hour = 60 * 60 * 1000
const kbPerMb = 1024
const kbPerGb = 1024 * 1024

/** Calls, texts and data sessions of 500 customers of a fictional operator in 2018, with two plans. */
export const megaline: Dataset = {
  name,
  description: 'telecom usage of 2018: 137,735 calls, 76,051 texts, 104,825 data sessions, 500 customers, 2 plans',
  async playbook(dir) {
    return (await readPlans(dir)).map((body): PlaybookRecord => ({ at: Date.UTC(2018, 0, 1), body }))
  },
  async *customers(dir, options) {
    for await (const { profile } of readCustomers(dir, options)) yield profile
  },
  async *records(dir, options) {
    const records: SourceRecord[] = []
    const planOf = new Map<string, CatalogueItem>()
    for await (const { profile, plan } of readCustomers(dir, options)) {
      planOf.set(profile.customer, plan)
      records.push({ topic: 'customers', value: profile })
    }
    for await (const value of readUsage(dir)) records.push({ topic: 'usage', value })
    yield* charged(records.sort(byTime), planOf)
  },
}

async function* readUsage(dir: string): AsyncGenerator<Usage> {
  for await (const row of readRows(dir, name, 'megaline_calls.csv', ['id', 'user_id', 'call_date', 'duration']))
    yield usage(`call/${row.values.id}`, row.values.user_id, timeOf(row, 'call_date'), {
      kind: 'voice',
      // Minutes with two decimals; a call of no length was not answered, and is kept.
      seconds: Math.round(numberOf(row, 'duration') * 60),
    })
  for await (const row of readRows(dir, name, 'megaline_messages.csv', ['id', 'user_id', 'message_date']))
    yield usage(`text/${row.values.id}`, row.values.user_id, timeOf(row, 'message_date'), { kind: 'text', texts: 1 })
  for await (const row of readRows(dir, name, 'megaline_internet.csv', ['id', 'user_id', 'session_date', 'mb_used']))
    yield usage(`data/${row.values.id}`, row.values.user_id, timeOf(row, 'session_date'), {
      kind: 'data',
      // A session of 0.0 MB happened too, and is kept.
      dataKb: Math.round(numberOf(row, 'mb_used') * kbPerMb),
    })
}

const usage = (
  id: string,
  customer: string,
  day: number,
  used: Pick<Usage, 'kind'> & Partial<Pick<Usage, 'dataKb' | 'seconds' | 'texts'>>,
): Usage => ({
  type: 'usage',
  id,
  customer,
  at: day + timeOfDay(id),
  dataKb: 0,
  seconds: 0,
  texts: 0,
  overageMinor: 0,
  roaming: false,
  ...used,
})

/** The files give days only: the hour is even between 7 and 23, and hangs on the id alone. */
const timeOfDay = (id: string): number =>
  7 * hour + Math.floor((createHash('sha1').update(id).digest().readUInt32BE(0) / 2 ** 32) * 16 * hour)

/**
 * Puts on each event what it adds to the bill, so that a month's events add up to it: calls count by begun minutes,
 * data by begun gigabytes of the month's total, texts one by one, all beyond the plan's allowance by calendar month.
 */
function* charged(
  records: readonly SourceRecord[],
  planOf: ReadonlyMap<string, CatalogueItem>,
): Generator<SourceRecord> {
  const months = new Map<string, { month: string; kb: number; minutes: number; texts: number; bill: number }>()
  for (const record of records) {
    if (record.topic !== 'usage') {
      yield record
      continue
    }
    const { customer, at, dataKb, seconds, texts } = record.value
    const plan = planOf.get(customer)
    if (plan === undefined)
      throw new Error(`${name}: event ${record.value.id} is of user ${customer}, whom megaline_users.csv does not list`)
    const month = new Date(at).toISOString().slice(0, 7)
    let sums = months.get(customer)
    if (sums?.month !== month) {
      sums = { month, kb: 0, minutes: 0, texts: 0, bill: 0 }
      months.set(customer, sums)
    }
    sums.kb += dataKb
    sums.minutes += Math.ceil(seconds / 60)
    sums.texts += texts
    const bill =
      Math.ceil(Math.max(0, sums.kb - plan.quotaKb!) / kbPerGb) * plan.overageMinorPerGb +
      Math.max(0, sums.minutes - plan.minutes!) * plan.overageMinorPerMinute +
      Math.max(0, sums.texts - plan.texts!) * plan.overageMinorPerText
    const overageMinor = bill - sums.bill
    sums.bill = bill
    yield overageMinor === 0 ? record : { topic: 'usage', value: { ...record.value, overageMinor } }
  }
}

/** The files' `churn_date` is left alone: 30 of the 34 customers who have one go on using after it. */
async function* readCustomers(
  dir: string,
  options: DatasetOptions | undefined,
): AsyncGenerator<{ profile: Customer; plan: CatalogueItem }> {
  const plans = new Map((await readPlans(dir)).map(plan => [plan.name, plan]))
  for await (const row of readRows(dir, name, 'megaline_users.csv', ['user_id', 'age', 'reg_date', 'plan'])) {
    const plan = plans.get(row.values.plan)
    if (plan === undefined)
      throw new Error(`${row.where}: plan is ${row.values.plan}, wanted one of ${[...plans.keys()].join(', ')}`)
    const since = timeOf(row, 'reg_date')
    const profile = customerOf(
      {
        customer: row.values.user_id,
        at: since,
        plan: plan.name,
        customerSince: since,
        monthlyChargeMinor: plan.priceMinor,
        ageBand: ageBandOf(numberOf(row, 'age')),
        brand: name,
      },
      options,
    )
    yield { profile, plan }
  }
}

async function readPlans(dir: string): Promise<CatalogueItem[]> {
  const plans: CatalogueItem[] = []
  for await (const row of readRows(dir, name, 'megaline_plans.csv', [
    'plan_name',
    'usd_monthly_pay',
    'mb_per_month_included',
    'minutes_included',
    'messages_included',
    'usd_per_gb',
    'usd_per_minute',
    'usd_per_message',
  ])) {
    const cents = (column: 'usd_monthly_pay' | 'usd_per_gb' | 'usd_per_minute' | 'usd_per_message'): number =>
      Math.round(numberOf(row, column) * 100)
    const priceMinor = cents('usd_monthly_pay')
    const gb = numberOf(row, 'mb_per_month_included') / 1024
    plans.push({
      ...defaults.CatalogueItem,
      name: row.values.plan_name,
      kind: 'plan',
      priceMinor,
      currency: 'USD',
      marginMinor: Math.round(priceMinor * assumedMargin),
      quotaKb: Math.round(gb * kbPerGb),
      minutes: numberOf(row, 'minutes_included'),
      texts: numberOf(row, 'messages_included'),
      overageMinorPerGb: cents('usd_per_gb'),
      overageMinorPerMinute: cents('usd_per_minute'),
      overageMinorPerText: cents('usd_per_message'),
      serviceType: 'mobile-data',
      recurring: true,
      validityDays: 30,
      category: 'plan',
      brand: name,
      text: {
        en: `${row.values.plan_name}: ${gb} GB, ${row.values.minutes_included} minutes and ${row.values.messages_included} texts for $${(priceMinor / 100).toFixed(2)} a month`,
      },
    })
  }
  return plans
}

/** The set does not say what a plan earns. */
const assumedMargin = 0.45
