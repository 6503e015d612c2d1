/** The numbers of one market. What differs between presets stands below; everything else is the same in all of them. */
export type MarketParameters = {
  /** Log of the monthly data need, GB: mean and deviation over customers, drift included. */
  readonly logNeedMean: number
  readonly logNeedSd: number
  /** AR(1) of the drift by month: persistence, and its own stationary deviation (part of logNeedSd). */
  readonly driftPersistence: number
  readonly driftSd: number
  /** How much one month strays from the need. */
  readonly monthNoiseSd: number
  /** Share of customers in whose life something changes in a month, and by how much their log need does for good. */
  readonly lifeEventShare: number
  readonly lifeEventSd: number
  /** Monthly income in minor units, lognormal; part of its log variance is the household's. */
  readonly incomeMedianMinor: number
  readonly incomeSd: number
  /** Price sensitivity is lognormal(0, this). */
  readonly sensitivitySd: number
  readonly householdShare: number
  /** Utility of a bill as large as the income, at sensitivity 1. */
  readonly billWeight: number
  readonly quotaWeight: number
  readonly flagWeight: number
  readonly tasteWeight: number
  readonly inertiaMean: number
  readonly inertiaSd: number
  /** Since the first plan was chosen: mean growth of the log need, and deviation of its change. */
  readonly grownSince: number
  readonly changedSince: number
  /** Share of customers who compare their plan with another one, unasked, in a month; deviation of the noise. */
  readonly considerShare: number
  readonly considerNoise: number
  /** Mean probability that an offer is attended to, before fatigue, and deviation of its log. */
  readonly attention: number
  readonly attentionSd: number
  /** Attention is multiplied by exp(−this · load); the load is the offers of late, a share of which fades by month. */
  readonly fatigue: number
  readonly fatigueKept: number
  /** Softness of the answer to an attended offer. */
  readonly temperature: number
  /** An attended offer is accepted with this whatever it is; none outside the null world. */
  readonly acceptance: number | null
  readonly rejectShare: number
  /** Probability per month of leaving, at the competitor's prices, for the average fit. */
  readonly churn: number
  /** Share of package purchases taken back. */
  readonly retractShare: number
  /** Weight of match (category and taste) and of popularity in the opening of a push. */
  readonly matchWeight: number
  readonly popularityWeight: number
  /** Multiplies every elasticity, what stockpilers borrow and the erosion of the reference price. */
  readonly discountEffect: number
  /** 0: every customer draws packages from the one market distribution. */
  readonly classWeight: number
}

const medium: MarketParameters = {
  logNeedMean: 1.6,
  logNeedSd: 1.0,
  driftPersistence: 0.9,
  driftSd: 0.35,
  monthNoiseSd: 0.45,
  lifeEventShare: 0.015,
  lifeEventSd: 0.6,
  incomeMedianMinor: 240_000,
  incomeSd: 0.5,
  sensitivitySd: 0.4,
  householdShare: 0.4,
  billWeight: 110,
  quotaWeight: 0.6,
  flagWeight: 1.2,
  tasteWeight: 0.3,
  inertiaMean: 1,
  inertiaSd: 0.5,
  grownSince: 0.8,
  changedSince: 0.4,
  considerShare: 0.07,
  considerNoise: 1,
  attention: 0.006,
  attentionSd: 0.5,
  fatigue: 0.05,
  fatigueKept: 0.3,
  temperature: 0.21,
  acceptance: null,
  rejectShare: 0.19,
  churn: 0.008,
  retractShare: 0.01,
  matchWeight: 0.28,
  popularityWeight: 1,
  discountEffect: 1,
  classWeight: 1,
}

export const marketPresets = {
  'medium-taste': medium,
  'strong-taste': { ...medium, tasteWeight: 0.56, temperature: 0.25, matchWeight: 0.53 },
  'price-driven': {
    ...medium,
    tasteWeight: 0.12,
    billWeight: 90,
    quotaWeight: 0.8,
    temperature: 0.05,
    matchWeight: 0.14,
  },
  /** Attention is a quarter of the others'. */
  hard: { ...medium, attention: 0.0015 },
  /** No taste and no effect: no choice of offer, sale or discount is better than another. */
  null: {
    ...medium,
    tasteWeight: 0,
    acceptance: 0.083,
    matchWeight: 0,
    popularityWeight: 0,
    discountEffect: 0,
    classWeight: 0,
  },
} as const satisfies Record<string, MarketParameters>

export type MarketPreset = keyof typeof marketPresets
