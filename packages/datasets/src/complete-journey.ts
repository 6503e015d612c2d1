import { type CatalogueItem, type Customer, defaults, type Purchase } from '@offerstream/contracts'
import { byTime, customerOf, type Dataset, type DatasetOptions, type SourceRecord } from './dataset.ts'
import { numberOf, readRows, timeOf } from './files.ts'

const name = 'complete-journey'
const start = Date.UTC(2017, 0, 1)

/** A 5 % sample of the shopping of 2,377 US households in 2017. */
export const completeJourney: Dataset = {
  name,
  description: 'retail purchases of 2017: 75,000 lines of 2,377 households, by product category',
  async playbook(dir) {
    const products = await readProducts(dir)
    const lists = new Map<string, { department: string; prices: number[] }>()
    for await (const { product, listMinor } of readLines(dir)) {
      const known = products.get(product)
      if (known === undefined) continue
      const list = lists.get(known.item)
      if (list === undefined) lists.set(known.item, { department: known.department, prices: [listMinor] })
      else list.prices.push(listMinor)
    }
    return [...lists]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([item, { department, prices }]) => ({ at: start, body: categoryItem(item, department, median(prices)) }))
  },
  async *customers(dir, options) {
    const households = new Set<string>()
    for await (const { household } of readLines(dir)) households.add(household)
    yield* profiles(await readAges(dir), households, options)
  },
  async *records(dir, options) {
    const products = await readProducts(dir)
    const records: SourceRecord[] = []
    const households = new Set<string>()
    for await (const line of readLines(dir)) {
      households.add(line.household)
      // Nothing handed over and nothing paid: a coupon slip or a correction, not a purchase.
      if (line.quantity === 0 && line.paidMinor === 0) {
        options?.onLeftOut?.('no-quantity-no-money')
        continue
      }
      records.push({ topic: 'purchases', value: purchaseOf(line, products.get(line.product)?.item) })
    }
    for (const value of profiles(await readAges(dir), households, options)) yield { topic: 'customers', value }
    yield* records.sort(byTime)
  },
}

type Line = {
  readonly household: string
  readonly basket: string
  readonly product: string
  readonly at: number
  readonly quantity: number
  readonly paidMinor: number
  /** Before the shop's and the coupon's discounts. */
  readonly listMinor: number
}

async function* readLines(dir: string): AsyncGenerator<Line> {
  for await (const row of readRows(dir, name, 'transactions_sample.csv', [
    'household_id',
    'basket_id',
    'product_id',
    'quantity',
    'sales_value',
    'retail_disc',
    'coupon_match_disc',
    'transaction_timestamp',
  ])) {
    const paid = numberOf(row, 'sales_value')
    const quantity = numberOf(row, 'quantity')
    if (!Number.isInteger(quantity) || quantity < 0)
      throw new Error(`${row.where}: quantity is ${quantity}, wanted 0, 1, 2, …`)
    yield {
      household: row.values.household_id,
      basket: row.values.basket_id,
      product: row.values.product_id,
      at: timeOf(row, 'transaction_timestamp'),
      quantity,
      paidMinor: Math.round(paid * 100),
      listMinor: Math.round((paid + numberOf(row, 'retail_disc') + numberOf(row, 'coupon_match_disc')) * 100),
    }
  }
}

const purchaseOf = (line: Line, item: string | undefined): Purchase => ({
  type: 'purchase',
  // A basket names a product once.
  id: `${line.basket}/${line.product}`,
  customer: line.household,
  at: line.at,
  // A product that products.csv does not list stays itself, unknown to the catalogue.
  item: item ?? `product-${line.product}`,
  // Money without quantity is one of something.
  quantity: Math.max(1, line.quantity),
  priceMinor: line.paidMinor,
  currency: 'USD',
  channel: 'shop',
  offer: null,
})

/** Item and department by product. The item is the category: 92,331 products are no catalogue to offer from. */
async function readProducts(dir: string): Promise<Map<string, { item: string; department: string }>> {
  const products = new Map<string, { item: string; department: string }>()
  const shared = new Map<string, { item: string; department: string }>()
  for await (const { values } of readRows(dir, name, 'products.csv', [
    'product_id',
    'department',
    'product_category',
  ])) {
    const category = slug(values.product_category === '' ? values.department : values.product_category)
    const key = `${category} ${values.department}`
    let item = shared.get(key)
    if (item === undefined) {
      item = { item: category, department: slug(values.department) }
      shared.set(key, item)
    }
    products.set(values.product_id, item)
  }
  return products
}

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')

async function readAges(dir: string): Promise<Map<string, string>> {
  const ages = new Map<string, string>()
  for await (const { values } of readRows(dir, name, 'demographics.csv', ['household_id', 'age']))
    ages.set(values.household_id, values.age)
  return ages
}

function* profiles(
  ages: ReadonlyMap<string, string>,
  households: ReadonlySet<string>,
  options: DatasetOptions | undefined,
): Generator<Customer> {
  for (const customer of [...households].sort()) {
    const age = ages.get(customer)
    yield customerOf({ customer, at: start, ageBand: age === undefined || age === '' ? null : age }, options)
  }
}

const categoryItem = (item: string, department: string, priceMinor: number): CatalogueItem => ({
  ...defaults.CatalogueItem,
  name: item,
  kind: 'package',
  priceMinor,
  currency: 'USD',
  marginMinor: Math.round(priceMinor * assumedMargin),
  serviceType: 'retail',
  category: department,
  text: { en: `Have a look at ${item.replaceAll('-', ' ')}` },
})

/** The set does not say what a line earns. */
const assumedMargin = 0.25

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}
