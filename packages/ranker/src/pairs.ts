import { billOf, itemsAt, type MonthlyUse, type Playbook } from '@offerstream/catalogue'
import type { CatalogueItem, FeatureUpdate, Rejection } from '@offerstream/contracts'
import { type FeatureName, names } from '@offerstream/features'

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
  readonly rejections: readonly Rejection[]
  /** Prices of the plans on sale, rising. */
  readonly ladder: readonly number[]
}
type Pair = PairContext & { readonly item: CatalogueItem }

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
  return {
    playbook,
    current,
    chargeMinor,
    billMinor: current === null ? chargeMinor * (1 + zeroIfMissing(overageToCharge)) : billOf(current, use),
    overageToCharge,
    use,
    recentDataKb: vector[data7]! * 1024 * (30 / 7),
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
      playbook: context.playbook,
      current: context.current,
      chargeMinor: context.chargeMinor,
      billMinor: context.billMinor,
      overageToCharge: context.overageToCharge,
      use: context.use,
      recentDataKb: context.recentDataKb,
      rejections: context.rejections,
      ladder: context.ladder,
    }
    for (let index = 0; index < values.length; index++) rows[next++] = values[index]!(pair)
  }
  return rows
}

const at = (name: FeatureName): number => names.indexOf(name)
const data7 = at('data_mb_7d')
const data30 = at('data_mb_30d')
const minutes30 = at('voice_minutes_30d')
const texts30 = at('texts_30d')
const overage30 = at('overage_to_charge_30d')

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
const shortfall = (item: CatalogueItem, dataKb: number): number =>
  dataKb > 0 ? Math.max(0, dataKb - included(item.quotaKb)) / dataKb : Number.NaN

/** How many of the rising prices lie below one. */
function below(ladder: readonly number[], priceMinor: number): number {
  let count = 0
  while (count < ladder.length && ladder[count]! < priceMinor) count++
  return count
}
