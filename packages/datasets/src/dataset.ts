import {
  type Customer,
  type Decision,
  defaults,
  type Engagement,
  type PlaybookRecord,
  type Purchase,
  type Usage,
} from '@offerstream/contracts'

/** A record and the topic it belongs on. */
export type SourceRecord =
  | { readonly topic: 'purchases'; readonly value: Purchase }
  | { readonly topic: 'usage'; readonly value: Usage }
  | { readonly topic: 'engagements'; readonly value: Engagement }
  | { readonly topic: 'customers'; readonly value: Customer }

export type DatasetOptions = {
  /**
   * The sets know nothing of consent or devices, and a missing consent means no. A demo may assume both: every customer
   * then allows pushes and has one device, `<customer>-1`.
   */
  readonly assumeConsent?: boolean
  /** Told of every row that is not streamed, with a short fixed reason. */
  readonly onLeftOut?: (reason: string) => void
}

/** A real data set, read from the directory that holds its files. */
export type Dataset = {
  readonly name: string
  /** In a line: what it is and how large. */
  readonly description: string
  /** The catalogue it implies. */
  playbook(dir: string): Promise<PlaybookRecord[]>
  customers(dir: string, options?: DatasetOptions): AsyncIterable<Customer>
  /** Customers and events in order of time, a profile before what happens to its customer. Sorted in memory. */
  records(dir: string, options?: DatasetOptions): AsyncIterable<SourceRecord>
  /** Offers that were made, as the decisions behind them, in order of time; only where their propensities are known. */
  decisions?(dir: string): AsyncIterable<Decision>
}

/** A profile with what the sets leave out. */
export function customerOf(
  known: Pick<Customer, 'customer' | 'at'> & Partial<Customer>,
  options: DatasetOptions | undefined,
): Customer {
  const assumed = options?.assumeConsent === true
  return {
    ...defaults.Customer,
    id: `profile/${known.customer}`,
    consent: assumed ? { push: true } : {},
    devices: assumed ? [`${known.customer}-1`] : [],
    ...known,
  }
}

export function ageBandOf(age: number): string {
  const from = [65, 55, 45, 35, 25, 18].find(limit => age >= limit)
  return from === undefined ? '0-17' : from === 65 ? '65+' : from === 18 ? '18-24' : `${from}-${from + 9}`
}

/** At equal times profiles come first and ids decide, so that the result hangs on no file's order. */
export function byTime(a: SourceRecord, b: SourceRecord): number {
  return (
    a.value.at - b.value.at ||
    Number(b.topic === 'customers') - Number(a.topic === 'customers') ||
    (a.value.id < b.value.id ? -1 : a.value.id > b.value.id ? 1 : 0)
  )
}
