import { type Interval, tInterval } from './interval.ts'
import type { Judgement, Trial } from './trials.ts'

/** What a metric is to be at least, by its lower 95 % bound over seeds; at most, by its upper one. */
type Goal = {
  readonly metric: string
  readonly says: string
  readonly presets: readonly string[]
  readonly goal: number
  readonly stretch: number | null
  readonly atMost?: true
}

/** A gain that nobody can have: its interval lies above `nothing` only by a leak, or by chance. */
type Claim = {
  readonly metric: string
  readonly says: string
  readonly presets: readonly string[]
  readonly nothing: number
}

export type Learner = {
  readonly presets: readonly string[]
  readonly goals: readonly Goal[]
  /** In the world where no choice is better than another, and above a ceiling. */
  readonly claims: readonly Claim[]
}

const told = ['medium-taste', 'strong-taste', 'price-driven', 'hard']
const unknown = ['null']

export const learners = {
  plans: {
    presets: [...told, ...unknown],
    goals: [
      { metric: 'chosenOverLadder', says: 'value ÷ ladder rule', presets: told, goal: 1.6, stretch: 2 },
      {
        metric: 'chosenOverSinglePlan',
        says: 'value ÷ best single plan',
        presets: told.filter(preset => preset !== 'strong-taste'),
        goal: 1.2,
        stretch: null,
      },
      {
        metric: 'chosenOverSinglePlan',
        says: 'value ÷ best single plan',
        presets: ['strong-taste'],
        goal: 1.1,
        stretch: null,
      },
      { metric: 'chosenOfBayes', says: 'share of observable Bayes', presets: told, goal: 0.95, stretch: 0.98 },
    ],
    claims: [
      { metric: 'chosenOverLadder', says: 'value ÷ ladder rule', presets: unknown, nothing: 1 },
      { metric: 'chosenOverSinglePlan', says: 'value ÷ best single plan', presets: unknown, nothing: 1 },
      { metric: 'chosenOfFullInformation', says: 'share of full information', presets: told, nothing: 1 },
    ],
  },
  upsell: {
    presets: ['A', 'B', 'C', ...unknown],
    goals: [
      { metric: 'aucShare', says: '(AUC − ½) ÷ (Bayes − ½)', presets: ['A'], goal: 0.95, stretch: 0.98 },
      { metric: 'f1Share', says: 'F1 of positives ÷ Bayes', presets: ['A'], goal: 0.98, stretch: null },
      { metric: 'ece', says: 'calibration error', presets: ['A'], goal: 0.003, stretch: null, atMost: true },
      { metric: 'apShare', says: 'average precision ÷ Bayes', presets: ['B', 'C'], goal: 0.95, stretch: 0.99 },
      { metric: 'profitShare', says: 'profit ÷ Bayes', presets: ['B', 'C'], goal: 0.97, stretch: 0.99 },
    ],
    claims: [
      { metric: 'auc', says: 'AUC', presets: unknown, nothing: 0.5 },
      { metric: 'profit', says: 'profit a row', presets: unknown, nothing: 0 },
      { metric: 'aucOverBayes', says: 'AUC − Bayes', presets: ['A', 'B', 'C'], nothing: 0 },
      { metric: 'averagePrecisionOverBayes', says: 'average precision − Bayes', presets: ['A', 'B', 'C'], nothing: 0 },
    ],
  },
} as const satisfies Record<string, Learner>

export type LearnerName = keyof typeof learners

type Verdict = 'reached' | 'missed' | 'stretch reached' | 'no gain claimed' | 'GAIN CLAIMED' | 'not judged'

export type GoalRow = Interval & {
  readonly preset: string
  readonly says: string
  readonly seeds: number
  readonly goal: number
  readonly stretch: number | null
  readonly verdict: Verdict
}

/** A row for each goal and claim of each preset. One seed gives no interval, and reaches nothing. */
export function goalTable(
  { goals, claims }: Learner,
  presets: readonly string[],
  judged: readonly (Judgement & Trial)[],
): GoalRow[] {
  const valuesOf = (preset: string, metric: string): number[] =>
    judged.flatMap(each => {
      const value = each.preset === preset ? each.metrics[metric] : undefined
      return value === undefined || Number.isNaN(value) ? [] : [value]
    })
  return presets.flatMap(preset => [
    ...goals
      .filter(each => each.presets.includes(preset))
      .map((each): GoalRow => {
        const values = valuesOf(preset, each.metric)
        const interval = tInterval(values)
        const meets = (bar: number): boolean => (each.atMost ? interval.high <= bar : interval.low >= bar)
        const verdict =
          values.length === 0
            ? 'not judged'
            : each.stretch !== null && meets(each.stretch)
              ? 'stretch reached'
              : meets(each.goal)
                ? 'reached'
                : 'missed'
        return {
          preset,
          says: each.says,
          seeds: values.length,
          ...interval,
          goal: each.goal,
          stretch: each.stretch,
          verdict,
        }
      }),
    ...claims
      .filter(each => each.presets.includes(preset))
      .map((each): GoalRow => {
        const values = valuesOf(preset, each.metric)
        const interval = tInterval(values)
        const verdict =
          values.length === 0 ? 'not judged' : interval.low > each.nothing + 1e-9 ? 'GAIN CLAIMED' : 'no gain claimed'
        return {
          preset,
          says: each.says,
          seeds: values.length,
          ...interval,
          goal: each.nothing,
          stretch: null,
          verdict,
        }
      }),
  ])
}
