/** What the world's people and prices are drawn from. A fuller world changes numbers here, not the shape. */
export type Parameters = {
  /** Log of the monthly data need in GB, and how much a month strays from it. */
  readonly logNeedMean: number
  readonly logNeedSd: number
  readonly monthNoiseSd: number
  /** Monthly income in minor units, lognormal. */
  readonly incomeMedianMinor: number
  readonly incomeSd: number
  /** Price sensitivity is lognormal(0, this). */
  readonly sensitivitySd: number
  /** Utility of spending the whole income on the bill, at sensitivity 1. */
  readonly billWeight: number
  /** Utility of one more log-GB of quota. */
  readonly quotaWeight: number
  readonly flagWeight: number
  readonly tasteWeight: number
  readonly inertiaMean: number
  readonly inertiaSd: number
  /** Share of customers that reconsider their plan in a month. */
  readonly reconsiderShare: number
  /** Probability that an offer is attended to, median over customers, before fatigue. */
  readonly attention: number
  readonly attentionSd: number
  /** Softness of the answer to an offer. */
  readonly temperature: number
  /** Of attended, unaccepted offers: the share that is explicitly rejected. */
  readonly rejectShare: number
  /** Share of customers who buy a package when the quota runs out, at sensitivity 1. */
  readonly packageShare: number
  /** Share of package purchases that are taken back. */
  readonly retractShare: number
  readonly eventsPerDay: {
    readonly data: number
    readonly voice: number
    readonly text: number
    readonly app: number
    readonly interaction: number
  }
  readonly consentShare: number
}

const standard: Parameters = {
  logNeedMean: 1.6,
  logNeedSd: 1.0,
  monthNoiseSd: 0.45,
  incomeMedianMinor: 240_000,
  incomeSd: 0.5,
  sensitivitySd: 0.4,
  billWeight: 110,
  quotaWeight: 0.6,
  flagWeight: 1.2,
  tasteWeight: 0.35,
  inertiaMean: 1,
  inertiaSd: 0.5,
  reconsiderShare: 0.07,
  attention: 0.006,
  attentionSd: 0.5,
  temperature: 0.4,
  rejectShare: 0.19,
  packageShare: 0.5,
  retractShare: 0.01,
  eventsPerDay: { data: 6, voice: 2, text: 1.5, app: 0.5, interaction: 0.01 },
  consentShare: 0.85,
}

/** `lively` exaggerates attention so that a short demo shows every kind of answer; it is no claim about anybody. */
export const presets = {
  standard,
  hard: { ...standard, attention: 0.0015 },
  lively: { ...standard, attention: 0.35, attentionSd: 0.3 },
} as const satisfies Record<string, Parameters>

export type Preset = keyof typeof presets
