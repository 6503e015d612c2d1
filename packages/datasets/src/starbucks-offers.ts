import { type CatalogueItem, defaults, type Engagement, type Purchase } from '@offerstream/contracts'
import { ageBandOf, customerOf, type Dataset, type SourceRecord } from './dataset.ts'
import { readJsonLines } from './files.ts'
import { decisionOf, sendId } from './starbucks-offers-decisions.ts'
import { type TranscriptRow, transcriptRow } from './starbucks-offers-transcript.ts'

const name = 'starbucks-offers'
const hour = 60 * 60 * 1000
/** Hour 0. The set has no calendar; this is the day after the newest customer joined. */
const start = Date.UTC(2018, 6, 27)

/** Thirty days of an app's rewards: offers received, viewed and completed, and what was spent. */
export const starbucksOffers: Dataset = {
  name,
  description: 'offers of a rewards app: 306,534 events of 17,000 customers in 30 days, 10 offers sent at random',
  async playbook(dir) {
    const offers = await Array.fromAsync(readJsonLines(dir, name, 'portfolio.json'), offerItem)
    return offers.map(body => ({ at: start, body }))
  },
  async *customers(dir, options) {
    for await (const { value, where } of readJsonLines(dir, name, 'profile.json')) {
      const { id, age, became_member_on: since } = value as Record<string, unknown>
      if (typeof id !== 'string' || typeof age !== 'number' || !/^\d{8}$/.test(String(since)))
        throw new Error(`${where}: wanted id, age and became_member_on, found ${JSON.stringify(value)}`)
      const [year, month, day] = [String(since).slice(0, 4), String(since).slice(4, 6), String(since).slice(6)]
      yield customerOf(
        {
          customer: id,
          at: start,
          customerSince: Date.UTC(Number(year), Number(month) - 1, Number(day)),
          // 118 stands for no answer.
          ageBand: age === 118 ? null : ageBandOf(age),
        },
        options,
      )
    }
  },
  async *records(dir, options) {
    for await (const value of starbucksOffers.customers(dir, options)) yield { topic: 'customers', value }
    for (const { record } of timed(await transcriptOf(dir))) yield record
  },
  async *decisions(dir) {
    const offers = (await starbucksOffers.playbook(dir)).flatMap(({ body }) =>
      body.type === 'item' ? [{ name: body.name, days: body.validityDays! }] : [],
    )
    const sequences = new Map<string, number>()
    const seen = new Set<string>()
    for (const { row, record } of timed(await transcriptOf(dir))) {
      if (row.event !== 'offer received' || seen.has(record.value.id)) continue
      seen.add(record.value.id)
      const sequence = (sequences.get(row.person) ?? 0) + 1
      sequences.set(row.person, sequence)
      yield decisionOf(row, start + row.hours * hour, sequence, offers)
    }
  },
}

const transcriptOf = (dir: string): Promise<TranscriptRow[]> =>
  Array.fromAsync(readJsonLines(dir, name, 'transcript.jsonl'), transcriptRow)

/** A record with the row it came from. */
type Timed = { readonly row: TranscriptRow; readonly record: SourceRecord }

/**
 * The set counts whole hours. Events keep the order of the file within their hour, spread evenly over it, so that no two
 * share an instant; the hour itself stays readable. An exact repeat of a row is the same event at the same time.
 */
function* timed(rows: readonly TranscriptRow[]): Generator<Timed> {
  const sorted = rows.toSorted((a, b) => a.hours - b.hours)
  const sends = new Map<string, string>()
  let from = 0
  while (from < sorted.length) {
    const { hours } = sorted[from]!
    let to = from
    while (to < sorted.length && sorted[to]!.hours === hours) to++
    const seen = new Map<string, number>()
    const records: Timed[] = []
    for (let i = from; i < to; i++) {
      const row = sorted[i]!
      const id =
        row.event === 'offer received'
          ? sendId(row)
          : `${row.event.split(' ').at(-1)!}/${row.person}/${row.offer === '' ? '' : `${row.offer}/`}${hours}`
      const at = seen.get(id) ?? start + hours * hour + Math.floor(((i - from) / (to - from)) * hour)
      seen.set(id, at)
      if (row.event === 'offer received') sends.set(`${row.person}/${row.offer}`, id)
      records.push({ row, record: recordOf(row, id, at, sends.get(`${row.person}/${row.offer}`) ?? null) })
    }
    yield* records.sort((a, b) => a.record.value.at - b.record.value.at)
    from = to
  }
}

/** `offer` is the newest sending of that offer to that customer, which the set itself does not say. */
function recordOf(row: TranscriptRow, id: string, at: number, offer: string | null): SourceRecord {
  switch (row.event) {
    case 'offer received':
      return { topic: 'engagements', value: engagement(row, id, at, 'displayed', id) }
    case 'offer viewed':
      return { topic: 'engagements', value: engagement(row, id, at, 'opened', offer) }
    case 'offer completed':
      // The money stands on the transaction of the same hour.
      return { topic: 'purchases', value: purchase(row, id, at, row.offer, 0, offer) }
    case 'transaction':
      return { topic: 'purchases', value: purchase(row, id, at, 'order', Math.round(row.amount * 100), null) }
  }
}

const engagement = (
  row: TranscriptRow,
  id: string,
  at: number,
  kind: Engagement['kind'],
  offer: string | null,
): Engagement => ({
  type: 'engagement',
  id,
  customer: row.person,
  at,
  kind,
  // An offer goes out on two to four channels at once.
  surface: 'other',
  offer,
  item: row.offer,
  interaction: null,
})

const purchase = (
  row: TranscriptRow,
  id: string,
  at: number,
  item: string,
  priceMinor: number,
  offer: string | null,
): Purchase => ({
  type: 'purchase',
  id,
  customer: row.person,
  at,
  item,
  quantity: 1,
  priceMinor,
  currency: 'USD',
  channel: 'unknown',
  offer,
})

function offerItem({ value, where }: { readonly value: unknown; readonly where: string }): CatalogueItem {
  const { id, offer_type: type, difficulty, reward, duration, channels } = value as Record<string, unknown>
  if (
    typeof id !== 'string' ||
    typeof type !== 'string' ||
    typeof difficulty !== 'number' ||
    typeof reward !== 'number' ||
    typeof duration !== 'number' ||
    !Array.isArray(channels)
  )
    throw new Error(
      `${where}: wanted id, offer_type, difficulty, reward, duration, channels, found ${JSON.stringify(value)}`,
    )
  const informs = type === 'informational'
  return {
    ...defaults.CatalogueItem,
    name: id,
    kind: informs ? 'sale' : 'discount',
    // What must be spent to earn the reward.
    priceMinor: difficulty * 100,
    currency: 'USD',
    marginMinor: Math.round(difficulty * 100 * assumedMargin) - reward * 100,
    serviceType: 'retail',
    validityDays: duration,
    category: type,
    text: {
      en: informs ? 'Something new to try' : `Spend $${difficulty} within ${duration} days, get $${reward} back`,
    },
    channels: (channels as string[]).map(channel => (channel === 'mobile' ? 'push' : channel)),
  }
}

/** The set does not say what an order earns. */
const assumedMargin = 0.7
