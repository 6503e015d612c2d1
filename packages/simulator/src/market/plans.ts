/** A plan of the market. Prices are of month 0 and rise; months are counted from the start of the world. */
export type MarketPlan = {
  readonly name: string
  /** The id it goes by from `renamedFrom` on. */
  readonly laterName: string | null
  readonly renamedFrom: number
  readonly basePriceMinor: number
  /** 250 stands for unlimited, which has no overage. */
  readonly quotaGb: number
  readonly minutes: number | null
  readonly streaming: 0 | 1
  readonly roaming: 0 | 1
  readonly validityDays: number
  /** What taste answers to; nobody observes it. */
  readonly style: readonly [number, number, number]
  /** First month on sale, and the first no longer. */
  readonly launched: number
  readonly withdrawn: number
}

export const never = 1 << 30
/** Overage, minor units per GB in month 0. */
export const overageMinorPerGb = 400
export const monthlyInflation = 1.03

const plan = (
  name: string,
  basePriceMinor: number,
  quotaGb: number,
  minutes: number | null,
  flags: '' | 's' | 'r' | 'sr',
  style: readonly [number, number, number],
  change: Partial<Pick<MarketPlan, 'laterName' | 'renamedFrom' | 'launched' | 'withdrawn'>> = {},
): MarketPlan => ({
  name,
  laterName: null,
  renamedFrom: never,
  basePriceMinor,
  quotaGb,
  minutes,
  streaming: flags.includes('s') ? 1 : 0,
  roaming: flags.includes('r') ? 1 : 0,
  validityDays: 30,
  style,
  launched: 0,
  withdrawn: never,
  ...change,
})

/** Fifteen at the start; two come, one goes, and two go by another id from some month on. In order of price. */
export const marketPlans: readonly MarketPlan[] = [
  plan('start-1', 599, 1, 100, '', [-0.9, 0.3, -0.2]),
  plan('start-2', 799, 2, 200, '', [-0.6, -0.5, 0.4]),
  plan('start-4', 999, 4, 300, '', [-0.3, 0.7, -0.6]),
  plan('smart-6', 1299, 6, 400, '', [0.5, -0.4, -0.3], { laterName: 'smart-6-2', renamedFrom: 5 }),
  plan('travel-8', 1599, 8, 400, 'r', [-0.2, 0.9, 0.6]),
  plan('smart-10', 1699, 10, 600, '', [0.4, 0.1, -0.8]),
  plan('stream-12', 1999, 12, 600, 's', [0.8, -0.2, 0.5]),
  plan('smart-15', 2199, 15, 1000, '', [-0.5, 0.6, 0.1], { withdrawn: 6 }),
  plan('young-16', 2299, 16, 500, 's', [0.6, 0.9, -0.3], { launched: 4 }),
  plan('travel-18', 2699, 18, 1000, 'r', [0.1, -0.8, 0.7]),
  plan('stream-20', 2799, 20, null, 's', [0.9, 0.4, -0.1], { laterName: 'stream-20-2', renamedFrom: 9 }),
  plan('flex-25', 2999, 25, null, '', [-0.7, -0.3, 0.2]),
  plan('stream-35', 3699, 35, null, 's', [0.2, 0.5, 0.9]),
  plan('flex-50', 4199, 50, null, '', [0.6, -0.9, -0.4]),
  plan('max-80', 5499, 80, null, 'sr', [-0.1, 0.2, 0.8]),
  plan('world-100', 5999, 100, null, 'r', [-0.4, -0.6, -0.7], { launched: 8 }),
  plan('max-unlimited', 6999, 250, null, 'sr', [0.7, 0.8, -0.5]),
]

export const unlimitedGb = 250

/** Index of prices and incomes in a month. */
export const indexOf = (month: number): number => monthlyInflation ** month

/** Minor units; a third of the plans is repriced in each month, by three months' inflation. */
export function planPrice(plan: number, month: number): number {
  const repriced = month - ((((month + plan) % 3) + 3) % 3)
  return Math.round(marketPlans[plan]!.basePriceMinor * indexOf(repriced))
}

export const onSale = (plan: number, month: number): boolean =>
  marketPlans[plan]!.launched <= month && month < marketPlans[plan]!.withdrawn
