import { billOf, itemsAt, type MonthlyUse, type Playbook } from '@offerstream/catalogue'
import type { CatalogueItem, FeatureUpdate, Rejection } from '@offerstream/contracts'
import { monthlyNeed, type Need, overageBeyond } from './need.ts'
import { placeOf } from './place.ts'

/**
 * What a customer and an item look like together. Money only ever stands in relation to money: multiplying every price,
 * charge and bill by one number changes nothing. Missing is NaN, nothing is infinite.
 */
export const pairFeatures = {
  price_to_charge: { says: 'log of price ÷ current charge', of: p => logRatio(p.item.priceMinor, p.chargeMinor) },
  price_to_outlay: {
    says: 'log of price ÷ (current charge + overage of 30 days)',
    of: p => logRatio(p.item.priceMinor, p.chargeMinor * (1 + zeroIfMissing(p.overageToCharge))),
  },
  price_percentile: {
    says: 'share of the items of its kind on sale that cost less',
    of: p => (p.ladder.length < 2 ? Number.NaN : below(p.ladder, p.item.priceMinor) / (p.ladder.length - 1)),
  },
  ladder_steps: {
    says: 'steps up the ladder of plans from the current charge, as a share of the ladder',
    of: p =>
      p.ladder.length < 2 || !(p.chargeMinor > 0)
        ? Number.NaN
        : (below(p.ladder, p.item.priceMinor) - below(p.ladder, p.chargeMinor)) / (p.ladder.length - 1),
  },
  bill_change: {
    says: '(expected bill − current bill) ÷ current charge, at the use of the last 30 days',
    of: p => relative(billOf(p.item, p.use) - p.billMinor, p.chargeMinor),
  },
  bill_to_bill: {
    says: 'log of expected bill ÷ current bill, at the use of the last 30 days',
    of: p => logRatio(billOf(p.item, p.use), p.billMinor),
  },
  overage_change: {
    says: '(overage expected − overage under the current plan) ÷ current charge',
    of: p => relative(overage(p.item, p.use) - (p.billMinor - (p.current?.priceMinor ?? p.chargeMinor)), p.chargeMinor),
  },
  quota_to_use: {
    says: 'log of data included ÷ data used in 30 days',
    of: p => allowanceRatio(p.item.quotaKb, p.use.dataKb),
  },
  quota_to_recent_use: {
    says: 'log of data included ÷ 30 days at the pace of the last 7',
    of: p => allowanceRatio(p.item.quotaKb, p.recentDataKb),
  },
  quota_to_current: {
    says: 'log of data included ÷ data included now',
    of: p => (p.current === null ? Number.NaN : allowanceRatio(p.item.quotaKb, included(p.current.quotaKb))),
  },
  shortfall: { says: 'share of the data used in 30 days beyond the quota', of: p => shortfall(p.item, p.use.dataKb) },
  shortfall_change: {
    says: 'shortfall less the shortfall under the current plan',
    of: p => (p.current === null ? Number.NaN : shortfall(p.item, p.use.dataKb) - shortfall(p.current, p.use.dataKb)),
  },
  minutes_to_use: {
    says: 'log of minutes included ÷ minutes used in 30 days',
    of: p => allowanceRatio(p.item.minutes, p.use.minutes),
  },
  same_category: {
    says: '1 where the current plan is of the same category',
    of: p => (p.current === null ? Number.NaN : Number(p.current.category === p.item.category)),
  },
  rejected_before: {
    says: '1 where the customer rejected this very item',
    of: p => Number(p.rejections.some(rejection => rejection.item === p.item.name)),
  },
  rejected_cheaper: {
    says: '1 where the customer rejected an item that costs no more',
    of: p =>
      Number(
        p.rejections.some(({ item }) => (p.playbook.items.get(item)?.priceMinor ?? Infinity) <= p.item.priceMinor),
      ),
  },
  price_to_spend: {
    says: 'log of price ÷ (charge + overage and purchases of 3 months, a month)',
    of: p => logRatio(p.item.priceMinor, p.spendMinor),
  },
  price_to_current: {
    says: 'log of price ÷ price of the current plan today',
    of: p => logRatio(p.item.priceMinor, p.paysMinor),
  },
  current_percentile: {
    says: 'share of the items of its kind on sale that cost less than the current plan',
    of: p =>
      p.ladder.length < 2 || !(p.paysMinor > 0) ? Number.NaN : below(p.ladder, p.paysMinor) / (p.ladder.length - 1),
  },
  own_price_change: {
    says: 'log of the current plan’s price today ÷ the charge agreed on',
    of: p => logRatio(p.current?.priceMinor ?? Number.NaN, p.chargeMinor),
  },
  expected_bill_change: {
    says: '(mean bill − mean bill under the current plan) ÷ current price, over the months the need may bring',
    of: p => relative(p.item.priceMinor + p.meanOverageMinor - p.meanBillMinor, p.paysMinor),
  },
  expected_bill_to_bill: {
    says: 'log of mean bill ÷ mean bill under the current plan, over the months the need may bring',
    of: p => logRatio(p.item.priceMinor + p.meanOverageMinor, p.meanBillMinor),
  },
  expected_overage: {
    says: 'mean overage under the plan ÷ current price, over the months the need may bring',
    of: p => (p.need === null ? Number.NaN : relative(p.meanOverageMinor, p.paysMinor)),
  },
  bill_change_3m: {
    says: '(expected bill − bill under the current plan) ÷ current price, at the use of the last 3 months, a month',
    of: p => billChangeAt(p, p.dataKb3m),
  },
  bill_change_12m: {
    says: 'the same at the use of the last 12 months, a month',
    of: p => billChangeAt(p, p.dataKb12m),
  },
  peak_bill_change: {
    says: 'the same at the use of the peak month of 12',
    of: p => billChangeAt(p, p.peakKb),
  },
  quota_to_need: {
    says: 'log of data included ÷ median monthly need',
    of: p => (p.need === null ? Number.NaN : allowanceRatio(p.item.quotaKb, p.need.dataKb)),
  },
  quota_to_peak: {
    says: 'log of data included ÷ data used in the peak month of 12',
    of: p => allowanceRatio(p.item.quotaKb, p.peakKb),
  },
  data_within_to_current: {
    says: 'log of (1 + data included up to twice the need ÷ need) − the same under the current plan',
    of: p => (p.current === null ? Number.NaN : within(p.item, p.need) - within(p.current, p.need)),
  },
  quota_step: {
    says: 'log of (1 GB + data included) ÷ (1 GB + data included now), unlimited as 250 GB',
    of: p => (p.current === null ? Number.NaN : logQuota(p.item) - logQuota(p.current)),
  },
  minutes_to_current: {
    says: 'log of minutes included ÷ minutes included now',
    of: p => (p.current === null ? Number.NaN : allowanceRatio(p.item.minutes, included(p.current.minutes))),
  },
  streaming: { says: '1 where streaming is included', of: p => has(p.item, 'streaming') },
  streaming_step: {
    says: '1 where streaming is included and is not now, −1 the other way about',
    of: p => (p.current === null ? Number.NaN : has(p.item, 'streaming') - has(p.current, 'streaming')),
  },
  streaming_match: {
    says: 'streaming packages of 12 months, where streaming is included',
    of: p => has(p.item, 'streaming') * zeroIfMissing(p.streamingPackages),
  },
  roaming: { says: '1 where roaming is included', of: p => has(p.item, 'travel') },
  roaming_step: {
    says: '1 where roaming is included and is not now, −1 the other way about',
    of: p => (p.current === null ? Number.NaN : has(p.item, 'travel') - has(p.current, 'travel')),
  },
  roaming_match: {
    says: 'share of data used abroad in 12 months, where roaming is included',
    of: p => has(p.item, 'travel') * zeroIfMissing(p.roamingShare),
  },
  rejected_alike: {
    says: 'likeness to the rejected item most like it, exp(−|log of price ÷ its price|); 0 where nothing was rejected',
    of: p => p.rejections.reduce((most, { item }) => Math.max(most, alike(p.item, p.playbook.items.get(item))), 0),
  },
} as const satisfies Record<string, PairFeature>

export type PairName = keyof typeof pairFeatures
export const pairNames = Object.keys(pairFeatures) as readonly PairName[]

type PairFeature = { readonly says: string; readonly of: (pair: Pair) => number }

/** One customer as pair features see them. */
export type PairContext = {
  readonly playbook: Playbook
  readonly current: CatalogueItem | null
  /** NaN where nobody knows. */
  readonly chargeMinor: number
  /** Of the last 30 days, under the current plan. */
  readonly billMinor: number
  readonly overageToCharge: number
  readonly use: MonthlyUse
  /** A month's data at the pace of the last week. */
  readonly recentDataKb: number
  /** Price of the current plan today, the charge where the plan is unknown. */
  readonly paysMinor: number
  /** Charge, overage and purchases, a month. */
  readonly spendMinor: number
  /** What monthly use is drawn from; null where nobody knows. */
  readonly need: Need | null
  /** Under the current plan, over the months the need may bring. */
  readonly meanBillMinor: number
  readonly dataKb3m: number
  readonly dataKb12m: number
  readonly peakKb: number
  readonly streamingPackages: number
  readonly roamingShare: number
  readonly rejections: readonly Rejection[]
  /** Prices of the plans on sale, rising. */
  readonly ladder: readonly number[]
}
type Pair = PairContext & {
  readonly item: CatalogueItem
  /** Under the item, over the months the need may bring. */
  readonly meanOverageMinor: number
}

export function pairContext(update: FeatureUpdate, at: number, playbook: Playbook): PairContext {
  const { facts, features: vector } = update
  const current = facts.plan === null ? null : (playbook.items.get(facts.plan) ?? null)
  const chargeMinor = facts.monthlyChargeMinor > 0 ? facts.monthlyChargeMinor : (current?.priceMinor ?? Number.NaN)
  const use = {
    dataKb: vector[data30]! * 1024,
    minutes: vector[minutes30]!,
    texts: vector[texts30]!,
  }
  const overageToCharge = vector[overage30]!
  const paysMinor = current?.priceMinor ?? chargeMinor
  const need = monthlyNeed(vector, facts.customerSince, at)
  return {
    playbook,
    current,
    chargeMinor,
    billMinor: current === null ? chargeMinor * (1 + zeroIfMissing(overageToCharge)) : billOf(current, use),
    overageToCharge,
    use,
    recentDataKb: vector[data7]! * 1024 * (30 / 7),
    paysMinor,
    spendMinor: chargeMinor * (1 + (zeroIfMissing(vector[overage3]!) + zeroIfMissing(vector[spend3]!)) / 3),
    need,
    meanBillMinor: current === null ? Number.NaN : current.priceMinor + meanOverage(current, need),
    dataKb3m: need?.dataKb3m ?? Number.NaN,
    dataKb12m: need?.dataKb12m ?? Number.NaN,
    peakKb: vector[peak12]! * 1024,
    streamingPackages: vector[streaming12]!,
    roamingShare: vector[roaming12]!,
    rejections: facts.rejections,
    ladder: itemsAt(playbook, at, 'plan')
      .map(item => item.priceMinor)
      .sort((a, b) => a - b),
  }
}

/** The pair features named, for every item, row after row. */
export function pairsOf(
  context: PairContext,
  items: readonly CatalogueItem[],
  wanted: readonly PairName[],
): Float32Array {
  const rows = new Float32Array(items.length * wanted.length)
  const values = wanted.map(name => (pairFeatures[name] as PairFeature).of)
  let next = 0
  for (const item of items) {
    const pair: Pair = {
      item,
      meanOverageMinor: meanOverage(item, context.need),
      playbook: context.playbook,
      current: context.current,
      chargeMinor: context.chargeMinor,
      billMinor: context.billMinor,
      overageToCharge: context.overageToCharge,
      use: context.use,
      recentDataKb: context.recentDataKb,
      paysMinor: context.paysMinor,
      spendMinor: context.spendMinor,
      need: context.need,
      meanBillMinor: context.meanBillMinor,
      dataKb3m: context.dataKb3m,
      dataKb12m: context.dataKb12m,
      peakKb: context.peakKb,
      streamingPackages: context.streamingPackages,
      roamingShare: context.roamingShare,
      rejections: context.rejections,
      ladder: context.ladder,
    }
    for (let index = 0; index < values.length; index++) rows[next++] = values[index]!(pair)
  }
  return rows
}

const data7 = placeOf('data_mb_7d')
const data30 = placeOf('data_mb_30d')
const minutes30 = placeOf('voice_minutes_30d')
const texts30 = placeOf('texts_30d')
const overage30 = placeOf('overage_to_charge_30d')
const overage3 = placeOf('overage_to_charge_3m')
const spend3 = placeOf('spend_to_charge_3m')
const peak12 = placeOf('data_mb_peak_12m')
const streaming12 = placeOf('streaming_packages_12m')
const roaming12 = placeOf('data_roaming_share_12m')

/** Allowances beyond this many times the use are all the same; an unlimited one is the largest. */
const clip = (x: number): number => Math.max(-4, Math.min(4, x))
const included = (allowance: number | null): number => allowance ?? Infinity
const zeroIfMissing = (x: number): number => (Number.isNaN(x) ? 0 : x)
const relative = (amount: number, to: number): number => (to > 0 ? amount / to : Number.NaN)
/** Use or money of zero says nothing about a ratio. */
const logRatio = (x: number, to: number): number => (x > 0 && to > 0 ? Math.log(x / to) : Number.NaN)
function allowanceRatio(allowance: number | null, to: number): number {
  if (to === Infinity) return allowance === null ? 0 : -4
  return allowance === 0 ? -4 : clip(logRatio(included(allowance), to))
}
const overage = (item: CatalogueItem, use: MonthlyUse): number => billOf(item, use) - item.priceMinor
const meanOverage = (item: CatalogueItem, need: Need | null): number =>
  need === null || item.quotaKb === null
    ? need === null
      ? Number.NaN
      : 0
    : (overageBeyond(item.quotaKb, need) / gbInKb) * item.overageMinorPerGb
const billChangeAt = (p: Pair, dataKb: number): number => {
  if (p.current === null || Number.isNaN(dataKb)) return Number.NaN
  const use = { ...p.use, dataKb }
  return relative(billOf(p.item, use) - billOf(p.current, use), p.paysMinor)
}
const within = (item: CatalogueItem, need: Need | null): number =>
  need === null ? Number.NaN : Math.log1p(Math.min(2, included(item.quotaKb) / need.dataKb))
const logQuota = (item: CatalogueItem): number => Math.log1p(Math.min(250, included(item.quotaKb) / gbInKb))
/** Plans of a category include what it is called after; those of `all-in` everything. */
const has = (item: CatalogueItem, what: 'streaming' | 'travel'): number =>
  Number(item.category === what || item.category === 'all-in')
const alike = (item: CatalogueItem, rejected: CatalogueItem | undefined): number =>
  rejected === undefined || !(rejected.priceMinor > 0 && item.priceMinor > 0)
    ? 0
    : Math.exp(-Math.abs(Math.log(item.priceMinor / rejected.priceMinor)))
const gbInKb = 1024 * 1024
const shortfall = (item: CatalogueItem, dataKb: number): number =>
  dataKb > 0 ? Math.max(0, dataKb - included(item.quotaKb)) / dataKb : Number.NaN

/** How many of the rising prices lie below one. */
function below(ladder: readonly number[], priceMinor: number): number {
  let count = 0
  while (count < ladder.length && ladder[count]! < priceMinor) count++
  return count
}
