// Compares policies on what was logged, in one of two modes, never mixed: one-step gives values, roll-out volumes.
import { type PolicyValue, type RewardRule, reportHtml, type WeightBin } from '@offerstream/evaluation'
import { createModels } from '@offerstream/ranker'
import { Refused } from '@offerstream/streaming'
import { oneStep } from './backtest-one-step.ts'
import { policiesOf } from './backtest-policies.ts'
import { rollOut } from './backtest-roll-out.ts'
import type { Output } from './output.ts'
import type { Past } from './replay-past.ts'

export const backtestModes = ['one-step', 'roll-out'] as const
export type BacktestMode = (typeof backtestModes)[number]

export type BacktestOptions = {
  readonly mode: BacktestMode
  /** Moments of event time. */
  readonly from: number | null
  readonly to: number | null
  /** Policies by name; the usual ones when empty. */
  readonly arms: readonly string[]
  /** File of playbook records to put on top. */
  readonly playbook: string | null
  /** `name/version` in the registry folder, as champion on top. */
  readonly model: string | null
  readonly models: string
  readonly reward: RewardRule
  /** How long an answer counts where the decision itself does not say. */
  readonly windowDays: number
  /** Least effective sample size that carries a value. */
  readonly floor: number
}

export type BacktestSummary = {
  readonly mode: BacktestMode
  readonly policies: readonly PolicyReport[]
  readonly decisions: number
  readonly reward: RewardRule | null
  readonly from: number | null
  readonly to: number | null
  /** What a reader must know of the whole. */
  readonly notes: readonly string[]
}

export type PolicyReport = {
  readonly name: string
  /** Empty in a roll-out, which yields none. */
  readonly values: readonly PolicyValue[]
  /** Offers it makes: expected in one-step, counted in a roll-out. */
  readonly offers: number
  /** Candidates that the contact policy's rules kept back, by reason. */
  readonly caps: Readonly<Record<string, number>>
  readonly notes: readonly string[]
  readonly overlap: number | null
  readonly maxWeight: number | null
  readonly weights: readonly WeightBin[]
  /** In a roll-out: offers by item and by channel, budgets spent. */
  readonly byItem: Readonly<Record<string, number>>
  readonly byChannel: Readonly<Record<string, number>>
  readonly budgets: Readonly<Record<string, { readonly spentMinor: number; readonly amountMinor: number }>>
}

/** Throws `Refused` where the log or what was asked for does not allow it. */
export async function backtest(
  past: Past,
  options: BacktestOptions,
  output: Pick<Output, 'progress' | 'bar'>,
): Promise<BacktestSummary> {
  if (options.from !== null && options.to !== null && options.from >= options.to)
    throw new Refused(
      `--from ${new Date(options.from).toISOString()} is not before --to ${new Date(options.to).toISOString()}`,
    )
  const models = createModels(options.models)
  try {
    const policies = await policiesOf(past, options, models, output.progress)
    try {
      return options.mode === 'one-step'
        ? await oneStep(past, options, policies, models, output)
        : await rollOut(past, options, policies, models, output)
    } finally {
      await policies.stop()
    }
  } finally {
    await models.close()
  }
}

const rounded = (value: number): string => Number(value.toPrecision(4)).toString()

export function backtestText(summary: BacktestSummary): string {
  const lines = [
    summary.mode === 'one-step'
      ? `${summary.decisions} logged decisions, each again; value is mean ${summary.reward} per decision, with its 95 % interval`
      : `${summary.decisions} decisions of a roll-out: volumes, caps and budgets. It has no value: nobody knows how customers would have answered.`,
    ...summary.notes,
  ]
  for (const policy of summary.policies) {
    lines.push('', policy.name)
    for (const { estimator, value, low, high, effectiveSampleSize, refused } of policy.values)
      lines.push(
        refused === null
          ? `  ${estimator.padEnd(6)} ${rounded(value!)}  [${rounded(low!)}, ${rounded(high!)}]  effective sample ${Math.round(effectiveSampleSize)}`
          : `  ${estimator.padEnd(6)} refused: ${refused}`,
      )
    lines.push(`  offers ${rounded(policy.offers)}`)
    const list = (what: string, counts: Readonly<Record<string, number>>): void => {
      const entries = Object.entries(counts).sort(([, a], [, b]) => b - a)
      if (entries.length > 0) lines.push(`  ${what} ${entries.map(([name, count]) => `${name} ${count}`).join(', ')}`)
    }
    list('by item:', policy.byItem)
    list('by channel:', policy.byChannel)
    list('kept back by caps:', policy.caps)
    for (const [name, { spentMinor, amountMinor }] of Object.entries(policy.budgets))
      lines.push(`  budget ${name}: ${spentMinor} of ${amountMinor}`)
    for (const note of policy.notes) lines.push(`  ${note}`)
  }
  return lines.join('\n')
}

/** The summary as one HTML page. */
export function backtestHtml({ mode, decisions, reward, policies, notes }: BacktestSummary): string {
  const counts = (by: Readonly<Record<string, number>>): string =>
    Object.entries(by)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  return reportHtml({
    title: mode === 'one-step' ? 'Backtest, one step' : 'Backtest, roll-out',
    says: [
      mode === 'one-step'
        ? `${decisions} logged decisions, each taken again with its own features, history and eligibility. Value is mean ${reward} per decision, intent to treat; intervals are of 95 % and keep each customer’s decisions together.`
        : `${decisions} decisions. Offers count as delivered and unanswered, so this page has volumes, caps and budgets, and no value: nobody knows how customers would have answered.`,
      ...notes,
    ],
    policies: policies.map(policy => ({
      ...policy,
      figures: (
        [
          ['offers', rounded(policy.offers)],
          ['overlap', policy.overlap === null ? '' : rounded(policy.overlap)],
          ['largest weight', policy.maxWeight === null ? '' : rounded(policy.maxWeight)],
          ['offers by item', counts(policy.byItem)],
          ['offers by channel', counts(policy.byChannel)],
          ['candidates kept back by caps', counts(policy.caps)],
          ...Object.entries(policy.budgets).map(
            ([name, { spentMinor, amountMinor }]) => [`budget ${name}`, `${spentMinor} of ${amountMinor}`] as const,
          ),
        ] as const
      ).filter(([, figure]) => figure !== ''),
    })),
  })
}
