// What published decisions say of the versions on trial, and whether a guardrail tripped. Pure: evidence is a function of a
// partition's decisions in their order, and that of all partitions is their sum.
import type { Playbook, Trial } from '@offerstream/catalogue'
import type { Decision, Guardrails, ModelPromotion, ModelUsed } from '@offerstream/contracts'
import { bet, gainAbove, gainOn, isBroken, noWealth, together, type Wealth } from '@offerstream/experiments'
import { isAcceptance, names } from '@offerstream/features'

/** Of one trial. Whole numbers; `own` is the version's share of what happened to it and the champion's customers. */
export type Evidence = {
  /** The playbook version that began the trial. */
  readonly since: number
  /** Decisions that the version was to score, and those of them without a score. */
  readonly decisions: number
  readonly failed: number
  /** Sums over decisions with two scores, in millionths: mean probability and spread, the version's and its baseline's. */
  readonly compared: number
  readonly mean: Pair
  readonly spread: Pair
  /** Decisions, offers, purchases after an offer and rejections, of the version's customers and of the champion's. */
  readonly looked: Pair
  readonly offers: Pair
  readonly accepted: Pair
  readonly rejected: Pair
  /** The first scores, against which those of one customer alone are seen to differ. */
  readonly first: Pair | null
  readonly wealth: { readonly [Name in GuardrailName]: Wealth }
}

type Pair = readonly [own: number, other: number]
type GuardrailName = 'failed' | 'high' | 'low' | 'constant' | 'offersMore' | 'offersLess' | 'accepted' | 'rejected'

const none: Pair = [0, 0]

const emptyEvidence = (since: number): Evidence => ({
  since,
  decisions: 0,
  failed: 0,
  compared: 0,
  mean: none,
  spread: none,
  looked: none,
  offers: none,
  accepted: none,
  rejected: none,
  first: null,
  wealth: {
    failed: noWealth,
    high: noWealth,
    low: noWealth,
    constant: noWealth,
    offersMore: noWealth,
    offersLess: noWealth,
    accepted: noWealth,
    rejected: noWealth,
  },
})

/** The evidence after one more decision, taken by the playbook given; the same where it says nothing of the trial. */
export function observe(
  before: Evidence | undefined,
  decision: Decision,
  { promotion, baseline, since }: Trial,
  playbook: Playbook,
): Evidence | undefined {
  const { guardrails } = promotion
  const serving = decision.models.find(used => used.name === promotion.name && used.stage !== 'shadow')
  if (serving === undefined) return before
  const isOwn = serving.version === promotion.version
  // Of a new champion there are no customers left to compare with, and other canaries' are no comparison.
  if (!isOwn && (promotion.stage === 'champion' || serving.version !== baseline?.version)) return before
  let evidence = before?.since === since.version ? before : emptyEvidence(since.version)
  if (isOwn) evidence = observeScores(evidence, decision, serving, baseline?.version ?? null, guardrails)
  return promotion.stage === 'canary' && baseline !== null
    ? observeAnswers(evidence, decision, isOwn, since.at, promotion, playbook)
    : evidence
}

function observeScores(
  evidence: Evidence,
  { models, candidates }: Decision,
  serving: ModelUsed,
  baseline: string | null,
  guardrails: Guardrails,
): Evidence {
  const isFailed = serving.failed !== null
  const beside = models.find(
    ({ name, version, stage }) => name === serving.name && version === baseline && stage === 'shadow',
  )
  const pairs: Pair[] = []
  if (serving.value !== null && beside?.value != null) pairs.push([serving.value, beside.value])
  for (const [index, other] of (beside?.scores ?? []).entries()) {
    const own = candidates[index]!.score
    if (!isFailed && own !== null && other !== null) pairs.push([own, other])
  }
  if (!isFailed && pairs.length === 0 && beside !== undefined) return evidence
  const { wealth } = evidence
  const seen: Evidence = {
    ...evidence,
    decisions: evidence.decisions + 1,
    failed: evidence.failed + (isFailed ? 1 : 0),
    wealth: { ...wealth, failed: bet(wealth.failed, gainOn(isFailed, guardrails.failedShare)) },
  }
  if (pairs.length === 0) return seen
  const first = evidence.first ?? pairs[0]!
  const mean = meanOf(pairs)
  const spread = spreadOf([...pairs, first])
  return {
    ...seen,
    first,
    compared: evidence.compared + 1,
    mean: plus(evidence.mean, mean),
    spread: plus(evidence.spread, spread),
    wealth: {
      ...seen.wealth,
      high: bet(wealth.high, gainAbove(mean[0], mean[1] * guardrails.meanRatio)),
      low: bet(wealth.low, gainAbove(mean[1], mean[0] * guardrails.meanRatio)),
      constant: bet(wealth.constant, gainAbove(spread[1] * guardrails.spreadShare, spread[0])),
    },
  }
}

/** Where does the next thing that happens belong? By exposure as it was before: what comes out decides nothing of it. */
function observeAnswers(
  evidence: Evidence,
  decision: Decision,
  isOwn: boolean,
  since: number,
  { share, guardrails: { offerRatio, acceptanceRatio, rejectionRatio } }: ModelPromotion,
  playbook: Playbook,
): Evidence {
  let { looked, offers, accepted, rejected, wealth } = evidence
  const { at, history, chosen, reason, update } = decision
  looked = counted(looked, isOwn)
  if (hasAccepted(decision, since, playbook) && isCompared(offers)) {
    const expected = shareOf(offers, share, acceptanceRatio)
    wealth = { ...wealth, accepted: bet(wealth.accepted, gainOn(!isOwn, 1 - expected)) }
    accepted = counted(accepted, isOwn)
  }
  if (chosen !== null && reason !== 'mandatory' && reason !== 'transactional') {
    // The offer before this one has had its time; each is looked at here once.
    const last = history.offered.findLast(past => past.capped && past.at >= since && past.at < at)
    if (
      last !== undefined &&
      isCompared(offers) &&
      update.facts.rejections.some(each => each.item === last.item && each.at >= last.at)
    ) {
      wealth = { ...wealth, rejected: bet(wealth.rejected, gainOn(isOwn, shareOf(offers, share, rejectionRatio))) }
      rejected = counted(rejected, isOwn)
    }
    wealth = {
      ...wealth,
      offersMore: bet(wealth.offersMore, gainOn(isOwn, shareOf(evidence.looked, share, offerRatio))),
      offersLess: bet(wealth.offersLess, gainOn(!isOwn, 1 - shareOf(evidence.looked, share, 1 / offerRatio))),
    }
    offers = counted(offers, isOwn)
  }
  return { ...evidence, looked, offers, accepted, rejected, wealth }
}

const sinceBought = { plan: names.indexOf('days_since_plan'), package: names.indexOf('days_since_package') } as const

/** Whether what set the decision off is the purchase of something of a kind that was offered since, in time. */
const hasAccepted = ({ at, update, history }: Decision, since: number, { items }: Playbook): boolean =>
  update.trigger.kind === 'purchase' &&
  history.offered.some(past => {
    const kind = items.get(past.item)?.kind
    return (
      past.at >= since &&
      (kind === 'plan' || kind === 'package') &&
      update.features[sinceBought[kind]] === 0 &&
      isAcceptance(past.at, at)
    )
  })

const counted = ([own, other]: Pair, isOwn: boolean): Pair => (isOwn ? [own + 1, other] : [own, other + 1])
const isCompared = ([own, other]: Pair): boolean => own > 0 && other > 0

/** So many of either are assumed before the first, in the shares in which customers were drawn. */
const assumed = 20

/** The version's share of what happens, where it happens `ratio` times as often as to the champion's customers. */
const shareOf = ([own, other]: Pair, drawn: number, ratio: number): number => {
  const weighted = (own + assumed * drawn) * ratio
  return weighted / (weighted + other + assumed * (1 - drawn))
}

const plus = ([own, other]: Pair, [more, others]: Pair): Pair => [
  own + Math.round(1e6 * more),
  other + Math.round(1e6 * others),
]

function meanOf(pairs: readonly Pair[]): Pair {
  let own = 0
  let other = 0
  for (const pair of pairs) {
    own += pair[0]
    other += pair[1]
  }
  return [own / pairs.length, other / pairs.length]
}

function spreadOf(pairs: readonly Pair[]): Pair {
  const apart = (at: 0 | 1): number =>
    pairs.reduce((most, pair) => Math.max(most, pair[at]), 0) -
    pairs.reduce((least, pair) => Math.min(least, pair[at]), 1)
  return [apart(0), apart(1)]
}

/** Of two partitions; of the later trial where they are of different ones. */
export function merged(a: Evidence, b: Evidence): Evidence {
  if (a.since !== b.since) return a.since > b.since ? a : b
  const sum = (x: Pair, y: Pair): Pair => [x[0] + y[0], x[1] + y[1]]
  return {
    since: a.since,
    decisions: a.decisions + b.decisions,
    failed: a.failed + b.failed,
    compared: a.compared + b.compared,
    mean: sum(a.mean, b.mean),
    spread: sum(a.spread, b.spread),
    looked: sum(a.looked, b.looked),
    offers: sum(a.offers, b.offers),
    accepted: sum(a.accepted, b.accepted),
    rejected: sum(a.rejected, b.rejected),
    first: a.first,
    wealth: Object.fromEntries(
      Object.entries(a.wealth).map(([name, wealth]) => [name, together(wealth, b.wealth[name as GuardrailName])]),
    ) as Evidence['wealth'],
  }
}

/** Why a version must go, with the figures; null while every guardrail holds. */
export function trippedBy(evidence: Evidence, guardrails: Guardrails): string | null {
  for (const [name, says] of Object.entries(reasons) as [GuardrailName, (typeof reasons)[GuardrailName]][])
    if (isBroken(evidence.wealth[name], guardrails.error)) return says(evidence, guardrails)
  return null
}

/** The one that says most goes first. */
const reasons: { readonly [Name in GuardrailName]: (of: Evidence, bounds: Guardrails) => string } = {
  failed: ({ failed, decisions }, { failedShare }) =>
    `failedShare: no score in ${failed} of ${decisions} decisions, at most ${failedShare} of them may be without`,
  constant: ({ spread, compared }, { spreadShare }) =>
    `spreadShare: scores lie ${each(spread[0], compared)} apart, where the other version's lie ${each(spread[1], compared)}, at least ${spreadShare} of it`,
  high: (of, { meanRatio }) => `meanRatio: ${means(of)}, at most ${meanRatio} times as much`,
  low: (of, { meanRatio }) => `meanRatio: ${means(of)}, at least 1/${meanRatio} of it`,
  offersMore: (of, { offerRatio }) =>
    `offerRatio: ${rates(of.offers, of.looked, 'offers', 'decisions')}, at most ${offerRatio} times as often`,
  offersLess: (of, { offerRatio }) =>
    `offerRatio: ${rates(of.offers, of.looked, 'offers', 'decisions')}, at least 1/${offerRatio} as often`,
  accepted: (of, { acceptanceRatio }) =>
    `acceptanceRatio: ${rates(of.accepted, of.offers, 'purchases', 'offers')}, at least ${acceptanceRatio} as often`,
  rejected: (of, { rejectionRatio }) =>
    `rejectionRatio: ${rates(of.rejected, of.offers, 'rejections', 'offers')}, at most ${rejectionRatio} times as often`,
}

const each = (millionths: number, count: number): number =>
  Number((millionths / 1e6 / Math.max(count, 1)).toPrecision(3))
const means = ({ mean, compared }: Evidence): string =>
  `mean probability ${each(mean[0], compared)} where the other version says ${each(mean[1], compared)}, over ${compared} decisions`
const rates = (happened: Pair, of: Pair, what: string, whole: string): string =>
  `${happened[0]} ${what} in ${of[0]} ${whole}, the champion's customers ${happened[1]} in ${of[1]}`
