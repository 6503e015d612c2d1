// Every logged decision again, with its logged features, history and eligibility: the only mode that yields a value.
import type { Decision } from '@offerstream/contracts'
import {
  bestFixed,
  createOutcomes,
  defaultFloors,
  fixedPolicy,
  type Logged,
  loggedOf,
  noOffer,
  type Offered,
  valuePolicy,
  weightBins,
} from '@offerstream/evaluation'
import { prepareAgain, replayStep } from '@offerstream/offer-scorer'
import { rules } from '@offerstream/policy'
import type { Models } from '@offerstream/ranker'
import { openTopic, Refused, type Topic } from '@offerstream/streaming'
import type { BacktestOptions, BacktestSummary, PolicyReport } from './backtest.ts'
import type { Policies, Policy } from './backtest-policies.ts'
import type { Output } from './output.ts'
import { isImported, type Past, recordsById, valuesOf } from './replay-past.ts'

const day = 24 * 60 * 60 * 1000
const batchDecisions = 500
const moment = (at: number): string => new Date(at).toISOString()
const capReasons: ReadonlySet<string> = new Set(rules.filter(rule => rule.stage === 'contact').map(rule => rule.why))

/** A logged decision with its reward; `asked` where it lies in the range, and not only before it. */
type Row = Logged & { readonly reward: number; readonly asked: boolean; readonly caps: readonly string[] }

/** What a policy would do in each row, where it had to decide again. */
type Again = { readonly targets: Map<Row, readonly number[]>; readonly caps: Record<string, number> }

export async function oneStep(
  past: Past,
  options: BacktestOptions,
  policies: Policies,
  models: Models,
  output: Pick<Output, 'bar'>,
): Promise<BacktestSummary> {
  const { log, registry, prefix } = past
  const decisions = await openTopic(registry, 'decisions', prefix)
  const events = await openTopic(registry, 'customer-events', prefix)
  const partitions = [...(await log.bounds(decisions.path)).keys()]
  const bar = output.bar('backtest', partitions.length)
  const imported = await anyImported(past, decisions, partitions)
  const chosen = policies.asked ?? (imported ? policies.usual.imported : policies.usual.own)
  const again = new Map<Policy, Again>()
  for (const policy of chosen) {
    if (policy.kind !== 'decided-again') continue
    if (imported)
      throw new Refused(
        `${policy.name} decides again, and the log holds decisions of another system, without the features to do so; they can be valued by logging, random_eligible, no_offer, best-fixed and fixed:ITEM`,
      )
    again.set(policy, { targets: new Map(), caps: {} })
  }
  const needsEarlier = chosen.some(policy => policy.kind === 'best-fixed')
  if (needsEarlier && options.from === null)
    throw new Refused('best-fixed is chosen on what came before --from: give one, like the beginning of the last wave')

  const isAsked = ({ at }: Decision): boolean =>
    (options.from === null || at >= options.from) && (options.to === null || at < options.to)
  const isEarlier = ({ at }: Decision): boolean => needsEarlier && at < options.from!
  const rows: Row[] = []
  let others = 0
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const partition of partitions) {
    const all = [...(await recordsById(past, decisions, partition)).values()]
    const logged = all.filter(each => isImported(each.id, each.update) === imported)
    others += all.length - logged.length
    for (const { at } of logged) {
      first = Math.min(first, at)
      last = Math.max(last, at)
    }
    const wanted = logged.filter(each => isAsked(each) || isEarlier(each))
    const outcomes = createOutcomes(wanted)
    for await (const { event } of valuesOf(past, events, partition)) outcomes.see(event)
    const { items } = policies.current()
    const marginOf = (item: string): number => items.get(item)?.marginMinor ?? 0
    const own = wanted.map((decision): Row => {
      const offered: Offered = {
        ...decision,
        until: imported && decision.expiresAt !== null ? decision.expiresAt : decision.at + options.windowDays * day,
      }
      return {
        ...loggedOf(decision),
        reward: outcomes.rewardOf(offered, options.reward, marginOf),
        asked: isAsked(decision),
        caps: capsOf(decision),
      }
    })
    for (const [policy, found] of again)
      if (policy.kind === 'decided-again') {
        for (let at = 0; at < wanted.length; at += batchDecisions)
          await decideAgain(
            wanted.slice(at, at + batchDecisions),
            own.slice(at, at + batchDecisions),
            found,
            version => policy.playbook(policies.at(version)),
            models,
          )
      }
    rows.push(...own)
    bar.update(partition + 1)
  }
  bar.stop()
  const asked = rows.filter(row => row.asked)
  if (asked.length === 0)
    throw new Refused(
      Number.isFinite(first)
        ? `the log holds no decision in that range; it holds some from ${moment(first)} to ${moment(last)}`
        : 'the log holds no decision',
    )
  const scored = asked.some(({ inputs }) => inputs.some(([score]) => score !== 0))
  const reports = chosen.map(policy => reportOf(policy, asked, rows, again.get(policy), scored, options))
  return {
    mode: 'one-step',
    policies: reports,
    decisions: asked.length,
    reward: options.reward,
    from: options.from,
    to: options.to,
    notes: others === 0 ? [] : [`${others} decisions of ${imported ? 'this line' : 'other systems'} were left out`],
  }
}

function reportOf(
  policy: Policy,
  asked: readonly Row[],
  rows: readonly Row[],
  again: Again | undefined,
  scored: boolean,
  { floor, reward }: BacktestOptions,
): PolicyReport {
  const notes: string[] = []
  let targetOf = (row: Row): readonly number[] => again!.targets.get(row)!
  if (policy.kind === 'over-the-log') targetOf = policy.target
  if (policy.kind === 'best-fixed') {
    const best = bestFixed(
      rows.filter(row => !row.asked),
      defaultFloors.taken,
    )
    if (best === null) throw new Refused(`best-fixed: nothing was offered ${defaultFloors.taken} times before --from`)
    notes.push(`offers ${best.item}, which was worth ${Number(best.value.toPrecision(4))} before --from`)
    targetOf = fixedPolicy(best.item)
  }
  const inputs = (row: Row): Row['inputs'] => (scored ? row.inputs : row.inputs.map(() => []))
  const choices = asked.map(row => ({ ...row, inputs: inputs(row), target: targetOf(row) }))
  const { values, overlap, weights } = valuePolicy(choices, { ...defaultFloors, effectiveSampleSize: floor })
  let offers = 0
  for (const { actions, target } of choices)
    for (const [action, probability] of target.entries()) if (actions[action] !== noOffer) offers += probability
  if (offers === 0)
    notes.push(
      `refuses everything: its value is that of no offer${reward === 'margin' ? '' : `, and of offers ${reward} there are none`}`,
    )
  const caps = again?.caps ?? {}
  if (again === undefined) for (const row of asked) for (const why of row.caps) caps[why] = (caps[why] ?? 0) + 1
  return {
    name: policy.name,
    values,
    offers,
    caps,
    notes,
    overlap: overlap.overlap,
    maxWeight: overlap.maxWeight,
    weights: weightBins(weights),
    byItem: {},
    byChannel: {},
    budgets: {},
  }
}

async function decideAgain(
  recorded: readonly Decision[],
  rows: readonly Row[],
  { targets, caps }: Again,
  playbookAt: (version: number) => ReturnType<Policies['at']>,
  models: Models,
): Promise<void> {
  const prepared = await prepareAgain(recorded, playbookAt, models)
  for (const [index, was] of recorded.entries()) {
    const row = rows[index]!
    const { decision } = replayStep(was.history, was, prepared[index]!)
    if (decision === null) {
      const { prepared: refused } = prepared[index]!
      throw new Refused(
        `decision ${was.id} cannot be taken again: ${refused.kind === 'refused' ? refused.reason : 'refused'}. It was logged with features ${was.update.fingerprint}; decisions of another feature list can be valued by logging, random_eligible, no_offer, best-fixed and fixed:ITEM`,
      )
    }
    const propensities = new Map(decision.candidates.map(({ item, propensity }) => [item, propensity]))
    propensities.set(noOffer, decision.noOfferPropensity)
    targets.set(
      row,
      row.actions.map(action => propensities.get(action) ?? 0),
    )
    if (row.asked) for (const why of capsOf(decision)) caps[why] = (caps[why] ?? 0) + 1
  }
}

const capsOf = ({ candidates }: Decision): string[] =>
  candidates.flatMap(({ refused }) => (refused !== null && capReasons.has(refused) ? [refused] : []))

async function anyImported(past: Past, decisions: Topic<Decision>, partitions: readonly number[]): Promise<boolean> {
  for (const partition of partitions)
    for await (const { id, update } of valuesOf(past, decisions, partition)) if (isImported(id, update)) return true
  return false
}
